import { createHash, randomUUID } from 'node:crypto';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { showJob, type AdminDb } from '../../adapters/admin-db/index.ts';
import { AltaError } from '../../contract/errors.ts';
import {
  resolveCommandSchema,
  UPDATE_RESOLVE,
  type OnboardingProgress,
  type ResolveAnswer,
  type ResolveCommand,
} from '../../contract/onboarding.ts';
import { callTemporal } from '../temporal.ts';
import { queryProgress } from './progress.ts';
import { updateRefusalOf } from './update-refusal.ts';

/** The update waits until the decision is on record, ms. */
const RESOLVE_TIMEOUT_MS = 30_000;

/**
 * Sends an operator's decision to a parked onboarding (an account id, job id or slug). The run writes it into
 * `operator_actions` before it takes effect. The same command about the same stop has the same update id, so that repeating it after a
 * lost answer decides once; the next stop of the same step is another.
 * Errors: INPUT_INVALID, NOT_FOUND, RESOLVE_REFUSED (with the run's reason), TEMPORAL_UNAVAILABLE.
 */
export async function resolveOnboarding(db: AdminDb, temporal: Client, target: string, raw: ResolveCommand): Promise<ResolveAnswer> {
  const parsed = resolveCommandSchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AltaError('INPUT_INVALID', `${issue?.path.join('.') ?? 'command'}: ${issue?.message ?? 'is not valid'}`);
  }
  const command = parsed.data;
  const { job } = await showJob(db, target);
  try {
    const progress = await queryProgress(temporal, job.workflowId);
    return await callTemporal(
      temporal,
      'temporal.resolve-onboarding',
      () =>
        temporal.workflow
          .getHandle(job.workflowId)
          .executeUpdate<ResolveAnswer, [ResolveCommand]>(UPDATE_RESOLVE, { args: [command], updateId: updateIdOf(command, progress) }),
      RESOLVE_TIMEOUT_MS,
    );
  } catch (error) {
    throw refusalOf(error, job.state);
  }
}

/** Names the decision by the stop that it is about. Waking a run that waits for a cluster does no harm twice, so it has no name. */
export function updateIdOf({ action, step }: ResolveCommand, { jobId, parked }: Pick<OnboardingProgress, 'jobId' | 'parked'>): string {
  const stops = parked.filter((stop) => step === undefined || stop.step === step).map((stop) => `${stop.step}@${stop.since}`);
  if (stops.length === 0) return `resolve/${randomUUID()}`;
  const name = createHash('sha256')
    .update(JSON.stringify([jobId, action, stops.sort()]))
    .digest('hex');
  return `resolve/${name.slice(0, 32)}`;
}

function refusalOf(error: unknown, state: string): unknown {
  if (error instanceof WorkflowNotFoundError)
    return new AltaError('RESOLVE_REFUSED', `no run is open: the job is ${state}`, { cause: error });
  return updateRefusalOf(error);
}
