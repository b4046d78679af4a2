import type { JobState, StepName } from '../../contract/steps.ts';
import type { Tx } from './db.ts';

/**
 * An onboarding that goes no further by itself (P-613):
 * - `parked`: its run waits for a decision;
 * - `undo-failed`: something that it made could not be undone, or was given up;
 * - `failed`: it ended without a store, and the money is still here.
 */
export interface DeadLetter {
  kind: 'parked' | 'undo-failed' | 'failed';
  jobId: string;
  accountId: string;
  slug: string;
  paymentId: string | null;
  state: JobState;
  step: StepName | null;
  code: string | null;
  message: string | null;
  /** Tries of the step, or of its undo. */
  attempts: number;
  /** Which attempt of the account's onboarding it is. */
  jobAttempt: number;
  clusterId: string | null;
  deadline: string | null;
  /** Since when, ISO text. */
  since: string;
}

const LIST = `
  select case when s.status = 'compensation_failed' then 'undo-failed' when j.status = 'parked' then 'parked' else 'failed' end as kind,
    j.id as "jobId", j.account_id as "accountId", a.slug, j.payment_id as "paymentId", j.status as state,
    coalesce(s.step, j.parked_step, j.current_step) as step, coalesce(s.error_code, j.error_code) as code,
    coalesce(s.error_message, j.error_message) as message,
    coalesce(case when s.status = 'compensation_failed' then s.undo_attempt else s.attempt end, 0) as attempts,
    j.attempt as "jobAttempt", j.cluster_id as "clusterId", j.deadline, coalesce(j.completed_at, j.updated_at) as since
  from provisioning_jobs j
  join nv_accounts a on a.id = j.account_id
  left join payments p on p.payment_id = j.payment_id
  left join lateral (
    select step, status, attempt, undo_attempt, error_code, error_message from provisioning_job_steps
    where job_id = j.id and status in ('failed', 'compensation_failed')
    order by status = 'compensation_failed' desc, step = j.parked_step desc nulls last, finished_at desc limit 1) s on true
  where j.status in ('parked', 'compensating', 'failed', 'rejected', 'compensated')
    and (j.status = 'parked' or s.status = 'compensation_failed'
      or j.status in ('failed', 'rejected', 'compensated') and p.status in ('approved', 'in_mediation')
        and a.status in ('draft', 'paid', 'provisioning', 'provision_failed'))
    and not exists (select from provisioning_jobs n where n.account_id = j.account_id and n.job_type = j.job_type and n.attempt > j.attempt)
    and not exists (select from operator_actions o where o.job_id = j.id and o.action = 'abandon-onboarding')
  order by since limit $1`;

/** Onboardings that wait for an operator, the longest first. One that was retried or abandoned is none of them. */
export const listDeadLetters = (db: Tx, limit: number): Promise<DeadLetter[]> =>
  db.query<DeadLetter>({ name: 'admin-db.list-dead-letters', text: LIST, values: [limit] });
