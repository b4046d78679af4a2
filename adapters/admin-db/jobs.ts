import { AltaError } from '../../contract/errors.ts';
import type { JobState, StepName } from '../../contract/steps.ts';
import type { Tx } from './db.ts';

export { beginStep, endStep } from './job-steps.ts';
export type { BeginStep, EndStep } from './job-steps.ts';
export { listJobs, showJob } from './job-reports.ts';
export type { JobDetails, JobRow, StepRecord } from './job-reports.ts';

const FINAL = `('completed', 'rejected', 'failed', 'compensated', 'abandoned')`;

export interface OpenedJob {
  jobId: string;
  attempt: number;
  /** False when a live job was there already. */
  created: boolean;
  /** The payment that the job is for: another one than asked for, when a live job of another payment was there. */
  paymentId: string | null;
}

/**
 * The account's live job, or a new one as its next attempt (P-108, P-121): an account never has two. Call it in the transaction of
 * what it belongs to.
 */
export async function openJob(tx: Tx, job: { accountId: string; paymentId: string; workflowId: string }): Promise<OpenedJob> {
  for (let round = 0; round < 3; round += 1) {
    const [row] = await tx.query<OpenedJob>({
      name: 'admin-db.open-job',
      text: `with made as (
               insert into provisioning_jobs (account_id, payment_id, workflow_id, attempt)
               select $1, $2, $3, 1 + coalesce((select max(attempt) from provisioning_jobs where account_id = $1), 0)
               where not exists (select from provisioning_jobs where account_id = $1 and status not in ${FINAL})
               on conflict do nothing
               returning id, attempt, payment_id
             )
             select id as "jobId", attempt, true as created, payment_id as "paymentId" from made
             union all
             select id, attempt, false, payment_id from provisioning_jobs where account_id = $1 and status not in ${FINAL}`,
      values: [job.accountId, job.paymentId, job.workflowId],
    });
    // No row: another transaction opened it a moment ago and this statement's snapshot is older; the next one sees it.
    if (row !== undefined) return row;
  }
  throw new AltaError('ADMIN_DB_UNAVAILABLE', `account ${job.accountId}: its job is opened elsewhere at this moment; try again`);
}

export interface JobStateChange {
  state: JobState;
  code?: string | null;
  message?: string | null;
  parkedStep?: StepName | null;
  /** When a parked job is to raise its alert. */
  deadline?: Date | string | null;
  clusterId?: string | null;
}

/**
 * Writes down the state of a job. Final states are never left, and a job that activated its account is never marked as undone.
 * Returns whether the job is in the wanted state now. `parkedStep` and `deadline` stand only while it is parked.
 */
export async function setJobState(db: Tx, jobId: string, change: JobStateChange): Promise<boolean> {
  const { state, code, message, parkedStep, deadline, clusterId } = change;
  const rows = await db.query({
    name: 'admin-db.set-job-state',
    text: `with changed as (
             update provisioning_jobs set status = $2, error_code = $3, error_message = $4, parked_step = $5, deadline = $6,
               cluster_id = coalesce($7, cluster_id), updated_at = now(),
               completed_at = case when $2 in ${FINAL} then now() end
             where id = $1 and status not in ${FINAL}
               and (activated_at is null or $2 not in ('compensating', 'compensated', 'rejected'))
             returning id
           )
           select id from changed union all select id from provisioning_jobs where id = $1 and status = $2 and status in ${FINAL}`,
    values: [
      jobId,
      state,
      code ?? null,
      message ?? null,
      state === 'parked' ? (parkedStep ?? null) : null,
      state === 'parked' ? (deadline ?? null) : null,
      clusterId ?? null,
    ],
  });
  return rows.length > 0;
}

export interface Decision {
  jobId: string;
  step: StepName | null;
  /** `retry`, `skip`, `compensate`, or the name of another operator act. */
  action: string;
  actor: string;
  reason: string;
}

/** Adds an operator's decision to the append-only record. Throws NOT_FOUND for an unknown job. */
export async function recordDecision(db: Tx, { jobId, step, action, actor, reason }: Decision): Promise<void> {
  const rows = await db.query({
    name: 'admin-db.record-decision',
    text: `insert into operator_actions (job_id, account_id, step, action, actor, reason)
           select id, account_id, $2, $3, $4, $5 from provisioning_jobs where id = $1 returning id`,
    values: [jobId, step, action, actor, reason],
  });
  if (rows.length === 0) throw new AltaError('NOT_FOUND', `no job ${jobId}`);
}
