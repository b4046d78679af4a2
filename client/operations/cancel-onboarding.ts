import { setTimeout as pause } from 'node:timers/promises';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { recordDecision, showJob, type AdminDb, type JobDetails } from '../../adapters/admin-db/index.ts';
import { AltaError } from '../../contract/errors.ts';
import { FINAL_JOB_STATES, type JobState } from '../../contract/steps.ts';
import { callTemporal } from '../temporal.ts';
import { isRunning } from './runs.ts';

export interface CancelRequest {
  actor: string;
  reason: string;
}

export interface CancelAnswer {
  accountId: string;
  jobId: string;
  /** `compensating`, `compensated` or `rejected`; anything else: no worker has looked at it yet, follow it with `watch`. */
  state: JobState;
}

const ACTION = 'cancel-onboarding';
/** How long the answer waits for the run to turn round, and how often it looks, ms. */
const TURN_MS = 10_000;
const LOOK_EVERY_MS = 100;
const UNDOING: ReadonlySet<string> = new Set(['compensating', 'compensated', 'compensation_failed']);

/**
 * Calls an onboarding off before its pivot: its steps are undone. The decision is on record first; repeating it cancels once.
 * Errors: INPUT_INVALID, NOT_FOUND, RESOLVE_REFUSED when the run is over, is being undone already or has passed its pivot (also when it
 * passed it before the word reached it), TEMPORAL_UNAVAILABLE.
 */
export async function cancelOnboarding(
  { db, temporal }: { db: AdminDb; temporal: Client },
  target: string,
  request: CancelRequest,
): Promise<CancelAnswer> {
  const [actor, reason] = [request.actor.trim(), request.reason.trim()];
  if (actor === '' || reason === '') throw new AltaError('INPUT_INVALID', 'actor, reason: say who cancels, and why');
  const found = await showJob(db, target);
  const { jobId, workflowId } = found.job;
  if (found.decisions.some(({ action }) => action === ACTION)) {
    if (turned(found)) return answerOf(found);
  } else {
    await refuse(temporal, found);
    await recordDecision(db, { jobId, step: null, action: ACTION, actor, reason });
  }
  try {
    await callTemporal(temporal, 'temporal.cancel-onboarding', () => temporal.workflow.getHandle(workflowId).cancel());
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
  for (const until = Date.now() + TURN_MS; ; await pause(LOOK_EVERY_MS)) {
    const now = await showJob(db, jobId);
    refusePastPivot(now);
    if (turned(now) || Date.now() >= until) return answerOf(now);
  }
}

const answerOf = ({ job: { accountId, jobId, state } }: JobDetails): CancelAnswer => ({ accountId, jobId, state });

/** Whether the run goes backward, or went. */
const turned = ({ job, steps }: JobDetails): boolean => ['compensating', 'compensated', 'rejected'].includes(job.state) || undoing(steps);

const undoing = (steps: JobDetails['steps']): boolean => steps.some(({ state }) => UNDOING.has(state));

async function refuse(temporal: Client, details: JobDetails): Promise<void> {
  const { job, steps } = details;
  refusePastPivot(details);
  if ((FINAL_JOB_STATES as readonly string[]).includes(job.state))
    throw new AltaError('RESOLVE_REFUSED', `the job has ended as ${job.state}`);
  if (job.state === 'compensating' || undoing(steps)) throw new AltaError('RESOLVE_REFUSED', 'the run is being undone already');
  if (!(await isRunning(temporal, job.workflowId))) throw new AltaError('RESOLVE_REFUSED', `no run is open: the job is ${job.state}`);
}

function refusePastPivot({ job }: JobDetails): void {
  if (job.activatedAt !== null)
    throw new AltaError('RESOLVE_REFUSED', `the account is active since ${job.activatedAt}: past the pivot nothing is undone`);
}
