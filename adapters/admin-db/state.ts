import type { Tx } from './db.ts';
import type { OutboxStats } from './outbox.ts';

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
  /** Approved payments that have neither a store nor a live job, and are not given back or kept by a decision. */
  paidWithoutStore: number;
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
  with unserved as (
    select p.first_seen_at from payments p left join nv_accounts a on a.id = p.account_id
    where p.status = 'approved' and (a.id is null or a.status in ('draft', 'paid', 'provisioning', 'provision_failed'))
      and not exists (select from provisioning_jobs j where j.account_id = a.id and j.status in ${LIVE})
      and not exists (select from refunds r where r.payment_id = p.payment_id and r.status in ('approved', 'kept', 'not_needed'))
  ), parked as (
    select deadline, updated_at from provisioning_jobs where status = 'parked'
  ), failing as (
    select s.step, s.status from provisioning_job_steps s join provisioning_jobs j on j.id = s.job_id and j.status in ${LIVE}
    where s.status in ('failed', 'compensation_failed')
  ), waiting as (
    select target, count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'processing') as processing,
      count(*) filter (where status = 'failed') as failed,
      ${age('due_at', "status <> 'failed' and due_at <= now()")} as "oldestDueSeconds"
    from outbox where status <> 'completed' group by target
  )
  select
    ${counted(`select status, count(*) as n from provisioning_jobs where status in ${LIVE} group by status`)} as live,
    ${counted(`select status, count(*) as n from provisioning_jobs where completed_at > now() - interval '2 hours' group by status`)} as ended,
    (select count(*) from parked where deadline < now()) as "parkedPastDeadline",
    (select ${age('updated_at')} from parked) as "oldestParkedSeconds",
    (select count(*) from failing where status = 'compensation_failed') as "compensationFailed",
    (select count(*) from failing where step = 'sync-mp-credentials' and status = 'failed') as "mpSyncFailing",
    (select count(*) from unserved) as "paidWithoutStore",
    (select ${age('first_seen_at')} from unserved) as "oldestPaidSeconds",
    ${counted('select status, count(*) as n from refunds group by status')} as refunds,
    (select coalesce(jsonb_agg(waiting), '[]') from waiting) as outbox,
    (select count(*) from outbox where status = 'failed' and updated_at > now() - interval '6 hours') as "outboxFailedLately",
    (select coalesce(jsonb_agg(jsonb_build_object('cluster', cluster_id, 'ready', is_active and status = 'ready',
       'stores', tenant_count, 'limit', max_tenants) order by cluster_id), '[]') from backend_clusters) as clusters`;

/** Reads everything that is watched, in one statement, so that the figures fit together. Throws ADMIN_DB_*. */
export async function readState(db: Tx): Promise<AdminState> {
  const [state] = await db.query<AdminState>({ name: 'admin-db.read-state', text: STATE });
  return state as AdminState;
}
