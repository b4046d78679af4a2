import { askForFailedRun, changeStatus, recordDecision, setJobState, showJob } from '../adapters/admin-db/index.ts';
import { clientIdOf } from '../adapters/ids.ts';
import { AltaError } from '../contract/errors.ts';
import type { ResolveCommand, StepContext } from '../contract/onboarding.ts';
import type { RefundRule } from '../contract/refund.ts';
import type { StepName } from '../contract/steps.ts';
import type { ActivityDeps } from './deps.ts';

export interface JobReportInput extends StepContext {
  state: 'running' | 'waiting' | 'parked' | 'compensating';
  step?: StepName;
  code?: string;
  message?: string;
  deadline?: string;
}

export interface JobEnd extends StepContext {
  state: 'completed' | 'rejected' | 'compensated';
  code?: string;
  message?: string;
  /** Steps whose undo an operator gave up. */
  abandoned?: StepName[];
  /** What becomes of the money. */
  refundOnFailure?: RefundRule;
}

/** `report-job`: the job row follows what the run is doing, and a parked run raises an alert in the log. */
export function reportJob({ db, log }: ActivityDeps) {
  return async ({ accountId, jobId, state, step, code, message, deadline }: JobReportInput): Promise<void> => {
    if (state === 'parked' || state === 'waiting')
      log.warn({ accountId, jobId, step, code, deadline, alert: `onboarding ${state}` }, message);
    await setJobState(db, jobId, {
      state,
      code: code ?? null,
      message: message ?? null,
      parkedStep: state === 'parked' ? (step ?? null) : null,
      deadline: deadline ?? null,
    });
  };
}

/** `record-decision`: who decided what, and why, before it takes effect (G9). */
export function recordDecisionStep({ db }: ActivityDeps) {
  return async ({ jobId, step, action, actor, reason }: StepContext & ResolveCommand): Promise<void> => {
    await recordDecision(db, { jobId, step: step ?? null, action, actor, reason });
  };
}

/**
 * `begin-undo`: marks the job as compensating, unless it activated its account: then it answers where the live store is, and
 * nothing may be undone.
 */
export function beginUndo({ db }: ActivityDeps) {
  return async ({ jobId }: StepContext): Promise<{ live: { clusterId: string; clientId: string } | null }> => {
    if (await setJobState(db, jobId, { state: 'compensating' })) return { live: null };
    const { job } = await showJob(db, jobId);
    if (job.activatedAt === null || job.clusterId === null)
      throw new AltaError('CONFLICT', `job ${jobId} is ${job.state}: it has ended already`);
    return { live: { clusterId: job.clusterId, clientId: clientIdOf(job.accountId) } };
  };
}

/**
 * `end-job`: the last word about a run, in one transaction. A compensated account may be onboarded again (P-159), and the payer's money
 * is not forgotten (P-161).
 */
export function endJob({ db, log, config }: ActivityDeps) {
  return async ({
    accountId,
    jobId,
    paymentId,
    state,
    code,
    message,
    abandoned = [],
    refundOnFailure = 'operator',
  }: JobEnd): Promise<void> => {
    if (state !== 'completed') log.warn({ accountId, jobId, code, abandoned, alert: 'paid without store' }, `onboarding ${state}`);
    await db.tx('admin-db.end-job', async (tx) => {
      await setJobState(tx, jobId, { state, code: code ?? null, message: message ?? null, parkedStep: null, deadline: null });
      if (state === 'compensated') {
        await changeStatus(tx, accountId, {
          from: ['paid', 'provisioning'],
          to: 'provision_failed',
          actor: 'alta',
          reason: `${code ?? 'failed'} (job ${jobId})`,
        });
      }
      if (state !== 'completed' && refundOnFailure !== 'never') {
        await askForFailedRun(tx, {
          jobId,
          accountId,
          paymentId,
          state: refundOnFailure === 'always' ? 'wanted' : 'asked',
          reason: `the onboarding ended as ${state}: ${code ?? 'failed'}`,
          collectorId: config.MP_COLLECTOR_ID,
          liveMode: config.MP_LIVE_MODE,
        });
      }
    });
  };
}
