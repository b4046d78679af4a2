import type { Tx } from './db.ts';
import { IN_PROGRESS_SECONDS, unserved } from './money.ts';
import { OUTBOX_STATS, type OutboxStats } from './outbox.ts';

/** What an operator watches of the Admin DB, at one moment. */
export interface AdminState {
  /** Onboardings under way, by state. */
  live: Record<string, number>;
  /** Onboardings that ended in the last two hours, by state (P-601). */
  ended: Record<string, number>;
  parkedPastDeadline: number;
  /** Time since the longest parked one was last touched, seconds. */
  oldestParkedSeconds: number | null;
  /** Steps of live jobs whose undo failed last. */
  compensationFailed: number;
  /** Live jobs whose `sync-mp-credentials` failed last (P-602). */
  mpSyncFailing: number;
  /** What `alta money` lists as paid without store, when nothing else is asked of it. */
  paidWithoutStore: number;
  /** Age of the oldest of them, since it was paid, seconds. */
  oldestPaidSeconds: number | null;
  /** Intents to give money back, by status. */
  refunds: Record<string, number>;
  outbox: OutboxStats[];
  /** Rows that died in the last six hours (P-603). */
  outboxFailedLately: number;
  clusters: { cluster: string; ready: boolean; stores: number; limit: number | null }[];
}

const LIVE = `('queued', 'running', 'waiting', 'parked', 'compensating')`;
const counted = (rows: string): string => `(select coalesce(jsonb_object_agg(status, n), '{}') from (${rows}) counts)`;
const age = (since: string, where = 'true'): string => `extract(epoch from max(now() - ${since}) filter (where ${where}))::float8`;

const STATE = `
  with ${unserved(String(IN_PROGRESS_SECONDS))}, paid as (
    select count(*) as n, ${age('since')} as oldest from unserved where not busy
  ), parked as (
    select deadline, updated_at from provisioning_jobs where status = 'parked'
  ), failing as (
    select s.step, s.status from provisioning_job_steps s join provisioning_jobs j on j.id = s.job_id and j.status in ${LIVE}
    where s.status in ('failed', 'compensation_failed')
  )
  select
    ${counted(`select status, count(*) as n from provisioning_jobs where status in ${LIVE} group by status`)} as live,
    ${counted(`select status, count(*) as n from provisioning_jobs where completed_at > now() - interval '2 hours' group by status`)} as ended,
    (select count(*) from parked where deadline < now()) as "parkedPastDeadline",
    (select ${age('updated_at')} from parked) as "oldestParkedSeconds",
    (select count(*) from failing where status = 'compensation_failed') as "compensationFailed",
    (select count(*) from failing where step = 'sync-mp-credentials' and status = 'failed') as "mpSyncFailing",
    (select n from paid) as "paidWithoutStore",
    (select oldest from paid) as "oldestPaidSeconds",
    ${counted('select status, count(*) as n from refunds group by status')} as refunds,
    (select coalesce(jsonb_agg(stats), '[]') from (${OUTBOX_STATS}) stats) as outbox,
    (select count(*) from outbox where status = 'failed' and updated_at > now() - interval '6 hours') as "outboxFailedLately",
    (select coalesce(jsonb_agg(jsonb_build_object('cluster', cluster_id, 'ready', is_active and status = 'ready',
       'stores', tenant_count, 'limit', max_tenants) order by cluster_id), '[]') from backend_clusters) as clusters`;

/** Reads everything that is watched, in one statement, so that the figures fit together. Throws ADMIN_DB_*. */
export async function readState(db: Tx): Promise<AdminState> {
  const [state] = await db.query<AdminState>({ name: 'admin-db.read-state', text: STATE });
  return state as AdminState;
}
