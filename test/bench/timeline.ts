import { STEP_NAMES } from '../../contract/steps.ts';
import type { Ground } from './ground.ts';
import { median } from './statistics.ts';

export interface Moment {
  what: string;
  /** Medians over the accounts, ms since the webhook was in the inbox. */
  from: number;
  to: number;
}

interface StepRow {
  accountId: string;
  step: string;
  from: number;
  to: number;
}

const TIMES = `
  with job as (
    select j.id, j.account_id, j.created_at, j.completed_at,
      (select min(i.first_received_at) from webhook_inbox i where i.account_id = j.account_id) as received
    from provisioning_jobs j where j.account_id = any($1::uuid[])
  ), spans as (
    select account_id, received, 'relay: claim, read payment' as step, received as a, created_at as b from job
    union all
    select job.account_id, received, s.step, s.started_at, s.finished_at from job join provisioning_job_steps s on s.job_id = job.id
    union all
    select job.account_id, received, 'first step to last', min(s.started_at), max(s.finished_at)
    from job join provisioning_job_steps s on s.job_id = job.id group by job.id, job.account_id, received
    union all
    select account_id, received, 'job completed', completed_at, completed_at from job
  )
  select account_id as "accountId", step, extract(epoch from a - received)::float8 * 1000 as "from",
    extract(epoch from b - received)::float8 * 1000 as "to"
  from spans`;

const ORDER: readonly string[] = ['relay: claim, read payment', ...STEP_NAMES, 'first step to last', 'job completed'];

/** When what happened in the onboardings of these accounts, by the Admin DB's own records; the medians in the order of the steps. */
export async function timelineOf({ db }: Ground, accountIds: readonly string[]): Promise<Moment[]> {
  const rows = await db.query<StepRow>({ name: 'bench.timeline', text: TIMES, values: [accountIds] });
  return ORDER.map((what) => {
    const those = rows.filter(({ step }) => step === what);
    return { what, from: median(those.map(({ from }) => from)), to: median(those.map(({ to }) => to)) };
  });
}
