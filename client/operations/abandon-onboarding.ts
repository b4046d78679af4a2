import { recordDecision, setJobState, showJob, type AdminDb } from '../../adapters/admin-db/index.ts';
import { AltaError } from '../../contract/errors.ts';
import { FINAL_JOB_STATES } from '../../contract/steps.ts';
import { BEFORE_STORE } from './account-states.ts';
import { isRunning } from './runs.ts';
import type { StartDeps } from './start-onboarding.ts';

export interface AbandonRequest {
  actor: string;
  reason: string;
}

export interface AbandonAnswer {
  accountId: string;
  jobId: string;
  /** The job's state now: one that had ended stays as it ended. */
  state: string;
}

/**
 * Gives an onboarding up (P-613): it leaves the list of dead letters, with who decided and why on record. Nothing is undone and no
 * money moves. An open run is refused, also a parked one: `resolve ... compensate` undoes what it made and ends it, and then it can be
 * abandoned; otherwise half a store would stay behind. `retry` takes the decision back.
 * Errors: INPUT_INVALID, NOT_FOUND, RESOLVE_REFUSED, TEMPORAL_UNAVAILABLE.
 */
export async function abandonOnboarding(
  { db, temporal }: Pick<StartDeps, 'temporal'> & { db: AdminDb },
  target: string,
  { actor, reason }: AbandonRequest,
): Promise<AbandonAnswer> {
  if (actor.trim() === '' || reason.trim() === '') throw new AltaError('INPUT_INVALID', 'actor, reason: say who abandons it, and why');
  const { job, decisions } = await showJob(db, target);
  const { accountId, jobId } = job;
  if (job.state === 'completed' || !BEFORE_STORE.has(job.accountStatus))
    throw new AltaError('RESOLVE_REFUSED', `the account is ${job.accountStatus}: it has its store`);
  const ended = (FINAL_JOB_STATES as readonly string[]).includes(job.state);
  if (!ended && (await isRunning(temporal, job.workflowId)))
    throw new AltaError(
      'RESOLVE_REFUSED',
      `a run is open (${job.state}): resolve it with compensate first, so that nothing half-made stays`,
    );
  const state = ended ? job.state : 'abandoned';
  if (job.state === 'abandoned' || decisions.some(({ action }) => action === ABANDON)) return { accountId, jobId, state };
  await db.tx('admin-db.abandon-onboarding', async (tx) => {
    await recordDecision(tx, { jobId, step: job.parkedStep, action: ABANDON, actor: actor.trim(), reason: reason.trim() });
    if (!ended && !(await setJobState(tx, jobId, { state: 'abandoned', code: job.code, message: job.message })))
      throw new AltaError('CONFLICT', `job ${jobId} has ended meanwhile; look again`);
  });
  return { accountId, jobId, state };
}

const ABANDON = 'abandon-onboarding';
