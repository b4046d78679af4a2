import { AltaError } from '../../contract/errors.ts';
import type { JobState, StepName, StepState } from '../../contract/steps.ts';
import type { Tx } from './db.ts';
import { findPayment, type PaymentRow } from './payments.ts';
import { refundsOf, type RefundRow } from './refund-reports.ts';
import type { RefundState } from '../../contract/refund.ts';
import type { RankedCandidate } from './rank.ts';
import { isUuid } from '../../contract/ids.ts';

/** A job as operators see it. Times are ISO text. */
export interface JobRow {
  jobId: string;
  accountId: string;
  slug: string;
  businessName: string;
  accountStatus: string;
  paymentId: string | null;
  workflowId: string;
  runId: string | null;
  attempt: number;
  state: JobState;
  currentStep: StepName | null;
  parkedStep: StepName | null;
  deadline: string | null;
  clusterId: string | null;
  clientId: string | null;
  code: string | null;
  message: string | null;
  /** What becomes of its payment's money; null when nobody asked. */
  refund: RefundState | null;
  createdAt: string;
  startedAt: string | null;
  activatedAt: string | null;
  completedAt: string | null;
}

const JOB = `
  select j.id as "jobId", j.account_id as "accountId", a.slug, a.business_name as "businessName", a.status as "accountStatus",
    j.payment_id as "paymentId", j.workflow_id as "workflowId", j.run_id as "runId", j.attempt, j.status as state,
    j.current_step as "currentStep", j.parked_step as "parkedStep", j.deadline, j.cluster_id as "clusterId", j.client_id as "clientId",
    j.error_code as code, j.error_message as message,
    (select r.status from refunds r where r.payment_id = j.payment_id order by r.ended_at desc nulls first, r.created_at desc limit 1) as refund,
    j.created_at as "createdAt", j.started_at as "startedAt",
    j.activated_at as "activatedAt", j.completed_at as "completedAt"
  from provisioning_jobs j join nv_accounts a on a.id = j.account_id`;

export interface JobFilter {
  state?: JobState;
  limit: number;
  /** Only jobs that were opened at least so long ago, as the sweep for lost starts needs (P-112). */
  olderThanSeconds?: number;
}

/** Jobs, newest first. */
export function listJobs(db: Tx, { state, limit, olderThanSeconds }: JobFilter): Promise<JobRow[]> {
  return db.query<JobRow>({
    name: 'admin-db.list-jobs',
    text: `${JOB} where ($1::text is null or j.status = $1) and ($3::float8 is null or j.created_at <= now() - make_interval(secs => $3))
           order by j.created_at desc limit $2`,
    values: [state ?? null, limit, olderThanSeconds ?? null],
  });
}

export interface StepRecord {
  step: StepName;
  state: StepState;
  attempt: number;
  undoAttempt: number;
  runId: string | null;
  activityId: string | null;
  local: boolean;
  startedAt: string | null;
  finishedAt: string | null;
  undoStartedAt: string | null;
  undoFinishedAt: string | null;
  code: string | null;
  message: string | null;
  result: unknown;
}

export interface JobDetails {
  job: JobRow;
  /** In the order in which they began. */
  steps: StepRecord[];
  payment: PaymentRow | null;
  /** Every intent to give its money back, newest first. */
  refunds: RefundRow[];
  placement: { clusterId: string; status: string; expiresAt: string; candidates: RankedCandidate[] } | null;
  /** What the last choice of a cluster saw, also when it found none. */
  candidates: RankedCandidate[] | null;
  decisions: { step: StepName | null; action: string; actor: string; reason: string; at: string }[];
}

/** The whole story of a job, by its id or, for the newest one, by account id or slug. Throws NOT_FOUND. */
export async function showJob(db: Tx, idOrAccountOrSlug: string): Promise<JobDetails> {
  const [job] = await db.query<JobRow & { placement: RankedCandidate[] | null }>({
    name: isUuid(idOrAccountOrSlug) ? 'admin-db.show-job' : 'admin-db.show-job-by-slug',
    text: `${JOB.replace('j.completed_at as "completedAt"', 'j.completed_at as "completedAt", j.placement')}
           where ${isUuid(idOrAccountOrSlug) ? 'j.id = $1::uuid or j.account_id = $1::uuid' : 'a.slug = $1'}
           order by j.created_at desc limit 1`,
    values: [idOrAccountOrSlug],
  });
  if (job === undefined) throw new AltaError('NOT_FOUND', `no onboarding under ${JSON.stringify(idOrAccountOrSlug)}`);
  const { placement: candidates, ...row } = job;
  const [steps, placements, decisions, payment, refunds] = await Promise.all([
    listSteps(db, row.jobId),
    db.query<NonNullable<JobDetails['placement']>>({
      name: 'admin-db.show-placement',
      text: `select cluster_id as "clusterId", status, expires_at as "expiresAt", candidates
             from placements where job_id = $1 order by reserved_at desc limit 1`,
      values: [row.jobId],
    }),
    db.query<JobDetails['decisions'][number]>({
      name: 'admin-db.show-decisions',
      text: `select step, action, actor, reason, created_at as "at" from operator_actions where job_id = $1 order by id`,
      values: [row.jobId],
    }),
    row.paymentId === null ? null : findPayment(db, row.paymentId),
    row.paymentId === null ? [] : refundsOf(db, row.paymentId),
  ]);
  return { job: row, steps, payment, refunds, placement: placements[0] ?? null, candidates, decisions };
}

/** The steps of a job, in the order in which they began. */
export function listSteps(db: Tx, jobId: string): Promise<StepRecord[]> {
  return db.query<StepRecord>({
    name: 'admin-db.list-steps',
    text: `select step, status as state, attempt, undo_attempt as "undoAttempt", run_id as "runId", activity_id as "activityId", local,
             started_at as "startedAt", finished_at as "finishedAt", undo_started_at as "undoStartedAt",
             undo_finished_at as "undoFinishedAt", error_code as code, error_message as message, result
           from provisioning_job_steps where job_id = $1 order by coalesce(started_at, undo_started_at, finished_at), step`,
    values: [jobId],
  });
}
