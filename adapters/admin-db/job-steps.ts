import { AltaError } from '../../contract/errors.ts';
import type { StepName } from '../../contract/steps.ts';
import type { Tx } from './db.ts';

const FINAL = `('completed', 'rejected', 'failed', 'compensated', 'abandoned')`;

export interface BeginStep {
  jobId: string;
  step: StepName;
  undo: boolean;
  runId: string;
  activityId: string;
  /** Tried as a local activity. */
  local: boolean;
}

/** Steps that begin while a job waits for a cluster, and do not end its wait: the search itself, and what may go on beside it. */
const WHILE_WAITING = `('verify-payment', 'claim-slug', 'reserve-placement')`;

/**
 * The job follows its steps: it runs, or compensates, unless another of its steps is parked or it waits for a cluster. Steps of one
 * wave begin together; the first that gets the row writes for all, the others pass it by instead of queueing for the same lock.
 */
const BEGIN = `
  with job as (
    select id from provisioning_jobs where id = $1 and status not in ${FINAL}
  ), follows as (
    update provisioning_jobs j set
      status = case when j.status = 'parked' and j.parked_step is distinct from $2 then 'parked'
                    when $3 or j.status = 'compensating' then 'compensating'
                    when j.status = 'waiting' and $2 in ${WHILE_WAITING} then 'waiting' else 'running' end,
      error_code = case when j.status = 'waiting' and $2 not in ${WHILE_WAITING} then null else j.error_code end,
      error_message = case when j.status = 'waiting' and $2 not in ${WHILE_WAITING} then null else j.error_message end,
      parked_step = case when j.parked_step = $2 then null else j.parked_step end,
      deadline = case when j.parked_step = $2 then null else j.deadline end,
      current_step = $2, run_id = $4, started_at = coalesce(j.started_at, now()), updated_at = now()
    where j.id in (select id from provisioning_jobs where id = $1 and status not in ${FINAL} for update skip locked)
  ), begun as (
    insert into provisioning_job_steps as s (job_id, step, status, attempt, undo_attempt, run_id, activity_id, local, started_at, undo_started_at)
    select id, $2, case when $3 then 'compensating' else 'running' end, case when $3 then 0 else 1 end, case when $3 then 1 else 0 end,
      $4, $5, $6, case when $3 then null else now() end, case when $3 then now() end
    from job
    on conflict (job_id, step) do update set
      status = excluded.status, attempt = s.attempt + excluded.attempt, undo_attempt = s.undo_attempt + excluded.undo_attempt,
      run_id = excluded.run_id, activity_id = excluded.activity_id, local = excluded.local,
      started_at = coalesce(s.started_at, excluded.started_at), finished_at = case when $3 then s.finished_at end,
      undo_started_at = coalesce(s.undo_started_at, excluded.undo_started_at), undo_finished_at = null,
      error_code = case when $3 then s.error_code end, error_message = case when $3 then s.error_message end
    where $3 or s.status not in ('compensating', 'compensated', 'compensation_failed')
    returning case when $3 then undo_attempt else attempt end as attempt
  )
  select (select attempt from begun) as attempt, exists (select from provisioning_jobs where id = $1) as known`;

/**
 * Writes down that a step (or its undo) begins, and that the job runs. Returns the number of this attempt, from 1; 0 when nothing was
 * written, because the job has ended or the step is being undone already: a straggler changes no story. Throws NOT_FOUND for an unknown job.
 */
export async function beginStep(db: Tx, { jobId, step, undo, runId, activityId, local }: BeginStep): Promise<number> {
  const [row] = await db.query<{ attempt: number | null; known: boolean }>({
    name: 'admin-db.begin-step',
    text: BEGIN,
    values: [jobId, step, undo, runId, activityId, local],
  });
  if (row?.known !== true) throw new AltaError('NOT_FOUND', `no job ${jobId}`);
  return row.attempt ?? 0;
}

export interface EndStep {
  jobId: string;
  step: StepName;
  undo: boolean;
  outcome: 'done' | 'failed' | 'skipped';
  code?: string | null;
  message?: string | null;
  /** Plain JSON without secrets. */
  result?: unknown;
  /** The number that `beginStep` gave; an older attempt that ends late then changes nothing. */
  attempt?: number;
}

const ENDS = {
  forward: { done: 'done', failed: 'failed', skipped: 'skipped' },
  undo: { done: 'compensated', failed: 'compensation_failed', skipped: 'compensated' },
} as const;

/**
 * Writes down how a step (or its undo) ended. Returns whether the row was changed: not when a newer attempt runs, nor when the step is
 * being undone meanwhile. A step that was never begun can be marked as skipped.
 */
export async function endStep(db: Tx, end: EndStep): Promise<boolean> {
  const state = ENDS[end.undo ? 'undo' : 'forward'][end.outcome];
  const rows = await db.query({
    name: 'admin-db.end-step',
    text: `insert into provisioning_job_steps as s (job_id, step, status, finished_at, error_code, error_message, result)
           select $1, $2, $4, now(), $5, $6, $7::jsonb
           where $4 = 'skipped' or exists (select from provisioning_job_steps where job_id = $1 and step = $2)
           on conflict (job_id, step) do update set
             status = excluded.status,
             error_code = case when $3 and excluded.error_code is null then s.error_code else excluded.error_code end,
             error_message = case when $3 and excluded.error_code is null then s.error_message else excluded.error_message end,
             finished_at = case when $3 then s.finished_at else now() end,
             undo_finished_at = case when $3 then now() else s.undo_finished_at end,
             result = coalesce(excluded.result, s.result)
           where case when $3 then s.status in ('compensating', 'compensation_failed') else s.status in ('running', 'failed') end
             and ($8::int is null or $8 = case when $3 then s.undo_attempt else s.attempt end)
           returning step`,
    values: [
      end.jobId,
      end.step,
      end.undo,
      state,
      end.code ?? null,
      end.message ?? null,
      end.result === undefined ? null : JSON.stringify(end.result),
      end.attempt ?? null,
    ],
  });
  return rows.length > 0;
}
