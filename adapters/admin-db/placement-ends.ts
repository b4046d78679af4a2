import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';

/** Rows of a client that may still stand on the cluster keep their slot and their assignment (P-158). */
const RESIDUE = `exists (
  select from provisioning_job_steps s join provisioning_jobs k on k.id = s.job_id
  where k.account_id = p.account_id and s.step = 'upsert-client' and s.status not in ('compensated', 'skipped'))`;

/** What follows a placement that has gone: its slot is free, its assignment is cleared and the audit says so. `$actor` and `$reason` are SQL. */
const afterwards = (event: string, reason: string): string => `
  slot as (
    update backend_clusters c set tenant_count = c.tenant_count - n.freed
    from (select cluster_id, count(*)::int as freed from gone group by cluster_id) n where c.cluster_id = n.cluster_id
  ), cleared as (
    update nv_accounts a set backend_cluster_id = null
    from gone where a.id = gone.account_id and a.backend_cluster_id = gone.cluster_id
      and a.status not in ('provisioned', 'approved', 'live', 'suspended')
    returning a.id, gone.cluster_id
  ), audit as (
    insert into lifecycle_events (account_id, cluster_id, event_type, from_value, actor, reason)
    select id, cluster_id, '${event}', cluster_id, 'alta', ${reason} from cleared
  )`;

/**
 * Undoes a reservation of this job: frees the slot and clears the account's assignment. `kept`: the client on the cluster was not
 * cleaned up, so the assignment stays (P-158). `none`: this job holds no reservation (any more); fine.
 * Throws CONFLICT when the placement is confirmed: a live store is not undone.
 */
export async function releasePlacement(db: Tx, accountId: string, jobId: string): Promise<'released' | 'kept' | 'none'> {
  const [row] = await db.query<{ released: boolean; status: string | null }>({
    name: 'admin-db.release-placement',
    text: `with mine as (
             select id from nv_accounts where id = $1 for update
           ), gone as (
             update placements p set status = 'released', released_at = now() from mine
             where p.account_id = mine.id and p.job_id = $2 and p.status = 'reserved' and not ${RESIDUE}
             returning p.account_id, p.cluster_id
           ), ${afterwards('cluster.released', "'job ' || $2::text || ' undone'")}
           select exists (select from gone) as released,
             (select status from placements where account_id = $1 and job_id = $2 and status in ('reserved', 'confirmed')) as status`,
    values: [accountId, jobId],
  });
  if (row?.released === true) return 'released';
  if (row?.status === 'confirmed') {
    throw new AltaError('CONFLICT', `account ${accountId} is live on its cluster: its slot is not given back by job ${jobId}`);
  }
  return row?.status === 'reserved' ? 'kept' : 'none';
}

/** Turns the account's reservation into a permanent slot; repeating it is harmless. Throws PLACEMENT_LOST when it has none. */
export async function confirmPlacement(tx: Tx, accountId: string, jobId: string): Promise<void> {
  const rows = await tx.query({
    name: 'admin-db.confirm-placement',
    text: `update placements set status = 'confirmed', confirmed_at = coalesce(confirmed_at, now())
           where account_id = $1 and job_id = $2 and status in ('reserved', 'confirmed') returning id`,
    values: [accountId, jobId],
  });
  if (rows.length === 0) throw new AltaError('PLACEMENT_LOST', `account ${accountId}: the slot reserved by job ${jobId} has expired`);
}

/**
 * Frees the reservations that ran out, unless something of the account may stand on the cluster. A run that is merely slow reserves
 * again when it gets there, or at its activation. Returns how many were freed.
 */
export async function expirePlacements(db: Tx): Promise<number> {
  const [row] = await db.query<{ freed: number }>({
    name: 'admin-db.expire-placements',
    text: `with due as (
             select p.id from placements p join nv_accounts a on a.id = p.account_id
             where p.status = 'reserved' and p.expires_at <= now() and not ${RESIDUE}
             order by p.expires_at limit 500
             for update of a, p skip locked
           ), gone as (
             update placements p set status = 'expired', released_at = now() from due where p.id = due.id
             returning p.account_id, p.cluster_id
           ), ${afterwards('cluster.expired', "'reservation ran out'")}
           select count(*) as freed from gone`,
  });
  return row?.freed ?? 0;
}
