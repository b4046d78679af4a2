import {
  findOrder,
  findPayment,
  openJob,
  recordDecision,
  showJob,
  supersedeRefund,
  type AdminDb,
  type JobRow,
} from '../../adapters/admin-db/index.ts';
import type { Logger } from '../../adapters/log.ts';
import { AltaError } from '../../contract/errors.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';
import { BEFORE_STORE } from './account-states.ts';
import { isRunning } from './runs.ts';
import { startOnboarding, type StartDeps } from './start-onboarding.ts';

export interface RetryRequest {
  actor: string;
  reason: string;
  /** Another payment of the account than the last job's. */
  paymentId?: string;
}

export interface RetryAnswer {
  accountId: string;
  jobId: string;
  attempt: number;
}

/**
 * Starts the onboarding of an account again (P-121): after a finished compensation as a clean new attempt, after a crash or
 * termination as the same job, which keeps cluster, client and owner. The decision is on record first; repeating it starts
 * nothing twice. Errors: NOT_FOUND, RESOLVE_REFUSED when a run is open, the store is there or the money goes back, TEMPORAL_UNAVAILABLE.
 */
export async function retryOnboarding(
  deps: StartDeps & { db: AdminDb; log?: Pick<Logger, 'info'> },
  target: string,
  { actor, reason, paymentId: other }: RetryRequest,
): Promise<RetryAnswer> {
  if (actor.trim() === '' || reason.trim() === '') throw new AltaError('INPUT_INVALID', 'actor, reason: say who retries, and why');
  const { job } = await showJob(deps.db, target);
  const { accountId } = job;
  const paymentId = other ?? job.paymentId;
  if (paymentId === null) throw new AltaError('INPUT_INVALID', 'payment: the last job has none; name one');
  const account = await findOrder(deps.db, accountId);
  if (account === null) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${accountId}`);
  if (!BEFORE_STORE.has(account.status)) throw new AltaError('RESOLVE_REFUSED', `the account is ${account.status}: it has its store`);
  await refuseOpenRun(deps, job);

  const opened = await deps.db.tx('admin-db.retry-onboarding', async (tx) => {
    // Money that is on its way back, or is back, buys no store; an open question about it is closed by this decision.
    if ((await findPayment(tx, paymentId)) !== null) await supersedeRefund(tx, paymentId, { actor: actor.trim(), reason: reason.trim() });
    const next = await openJob(tx, { accountId, paymentId, workflowId: onboardingWorkflowId(accountId) });
    await recordDecision(tx, { jobId: next.jobId, step: null, action: 'retry-onboarding', actor: actor.trim(), reason: reason.trim() });
    return next;
  });
  const outcome = await startOnboarding(deps, { accountId, jobId: opened.jobId, paymentId: opened.paymentId ?? paymentId });
  if (outcome === 'completed') throw new AltaError('RESOLVE_REFUSED', 'the last run completed: the account has its store');
  if (outcome === 'closing') throw new AltaError('TEMPORAL_UNAVAILABLE', 'the last run is just ending; send the same command again');
  deps.log?.info({ accountId, jobId: opened.jobId, attempt: opened.attempt, actor }, 'onboarding retried');
  return { accountId, jobId: opened.jobId, attempt: opened.attempt };
}

/** A parked or running onboarding is resolved, not retried. */
async function refuseOpenRun({ temporal }: StartDeps, job: JobRow): Promise<void> {
  if (await isRunning(temporal, job.workflowId))
    throw new AltaError('RESOLVE_REFUSED', `a run is open (${job.state}); use \`resolve\` if it is parked`);
}
