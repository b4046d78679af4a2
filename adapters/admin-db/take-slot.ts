import type { Tx } from './db.ts';
import { breaks } from './errors.ts';
import type { RankedCandidate } from './rank.ts';

export interface SlotRequest {
  accountId: string;
  jobId: string;
  clusterId: string;
  ttlSeconds: number;
  candidates: RankedCandidate[];
  /** The account may already have rows on this cluster: then only its capacity counts, not whether it takes new tenants. */
  stays: boolean;
}

/**
 * SQL: the status of the job `j` for those who would act for it. While an undo of it is parked its row says `parked`, but it is being
 * undone all the same.
 */
export const JOB_STATUS = `case when j.undo_began_at is not null and j.status in ('running', 'waiting', 'parked')
  then 'compensating' else j.status end`;

/**
 * One statement, all or nothing: `mine` locks the account and the job and checks that both still want this cluster, `slot` takes one
 * place if there is one, and everything after it hangs on both. Locks go account, job, cluster: the same order everywhere.
 */
const TAKE = `
  with mine as (
    select a.id from nv_accounts a join provisioning_jobs j on j.id = $2 and j.account_id = a.id
    where a.id = $1 and (a.backend_cluster_id is null or a.backend_cluster_id = $3)
      and j.status in ('queued', 'running', 'waiting', 'parked') and j.undo_began_at is null
    for update
  ), slot as (
    update backend_clusters c set tenant_count = c.tenant_count + 1
    where c.cluster_id = $3 and exists (select from mine)
      and (c.max_tenants is null or c.tenant_count < c.max_tenants)
      and ($6::boolean or (c.is_active and c.status = 'ready' and c.weight > 0))
    returning c.cluster_id
  ), assigned as (
    update nv_accounts a set backend_cluster_id = $3 from mine, slot where a.id = mine.id and a.backend_cluster_id is null returning a.id
  ), placed as (
    insert into placements (account_id, job_id, cluster_id, candidates, expires_at)
    select mine.id, $2, slot.cluster_id, $5::jsonb, now() + make_interval(secs => $4) from mine, slot
    returning id
  ), audit as (
    insert into lifecycle_events (account_id, cluster_id, event_type, to_value, actor, reason)
    select id, $3, 'cluster.assigned', $3, 'alta', 'job ' || $2::text from assigned
  ), noted as (
    update provisioning_jobs set cluster_id = $3, placement = $5::jsonb, updated_at = now() where id = $2 and exists (select from placed)
  )
  select exists (select from mine) as mine, exists (select from slot) as slot`;

/**
 * Takes one slot of one cluster for an account. `full`: the cluster has no place or takes no tenants (any more). `changed`: the
 * account or the job is no longer what the caller saw; look again.
 */
export async function takeSlot(db: Tx, request: SlotRequest): Promise<'taken' | 'full' | 'changed'> {
  const { accountId, jobId, clusterId, ttlSeconds, candidates, stays } = request;
  let row: { mine: boolean; slot: boolean } | undefined;
  try {
    [row] = await db.query<{ mine: boolean; slot: boolean }>({
      name: 'admin-db.take-slot',
      text: TAKE,
      values: [accountId, jobId, clusterId, ttlSeconds, JSON.stringify(candidates), stays],
    });
  } catch (error) {
    // A try of the same step that was thought lost took the slot meanwhile; nothing of this statement stays.
    if (breaks(error, 'placements_one_live')) return 'changed';
    throw error;
  }
  if (row?.slot === true) return 'taken';
  return row?.mine === true ? 'full' : 'changed';
}
