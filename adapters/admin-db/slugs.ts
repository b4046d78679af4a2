import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';

/** How long a compensated, paid account keeps its name (P-159), in seconds. */
export const KEPT_SLUG_SECONDS = 30 * 86_400;

const FREE = `(r.status = 'released' or (r.status = 'reserved' and r.expires_at <= now()))`;

const taken = (slug: string): AltaError =>
  new AltaError('SLUG_TAKEN', `slug: ${JSON.stringify(slug)} belongs to another account`, { details: { field: 'slug', slug } });

/**
 * Reserves a slug for an account for some seconds (P-010); a free, released or expired one is taken over, and the account's other
 * reservations are given back. What the account has claimed already stays claimed. Throws SLUG_TAKEN.
 */
export async function reserveSlug(tx: Tx, slug: string, accountId: string, ttlSeconds: number): Promise<void> {
  const rows = await tx.query({
    name: 'admin-db.reserve-slug',
    text: `with others as (
             update slug_reservations set status = 'released', expires_at = null
             where account_id = $2 and slug <> $1 and status = 'reserved'
           )
           insert into slug_reservations as r (slug, account_id, status, expires_at)
           values ($1, $2, 'reserved', now() + make_interval(secs => $3))
           on conflict (slug) do update set
             account_id = excluded.account_id,
             status = case when r.account_id = excluded.account_id and r.status = 'claimed' then 'claimed' else 'reserved' end,
             expires_at = case when r.account_id = excluded.account_id and r.status = 'claimed' then null else excluded.expires_at end,
             reserved_at = now()
           where r.account_id = excluded.account_id or ${FREE}
           returning slug`,
    values: [slug, accountId, ttlSeconds],
  });
  if (rows.length === 0) throw taken(slug);
}

/**
 * Makes the account's slug its own for good (P-109); also when its reservation ran out and nobody else took the name (P-110).
 * Repeating it is harmless; a later job of the same account becomes the owner of the claim. The job is locked while the name is taken, so
 * that a late try either comes before the undo of its job or claims nothing. Throws SLUG_TAKEN, and CONFLICT for a job that has ended or
 * is being undone.
 */
export async function claimSlug(db: Tx, accountId: string, slug: string, jobId: string): Promise<void> {
  const [row] = await db.query<{ mine: boolean; claimed: boolean }>({
    name: 'admin-db.claim-slug',
    text: `with mine as (
             select id from provisioning_jobs
             where id = $3 and account_id = $1 and status in ('queued', 'running', 'waiting', 'parked') and undo_began_at is null
             for share
           ), claimed as (
             insert into slug_reservations as r (slug, account_id, status, claimed_at, claimed_by_job)
             select $2, $1, 'claimed', now(), id from mine
             on conflict (slug) do update set
               account_id = excluded.account_id, status = 'claimed', expires_at = null, claimed_by_job = excluded.claimed_by_job,
               claimed_at = case when r.account_id = excluded.account_id and r.status = 'claimed' then r.claimed_at else now() end
             where r.account_id = excluded.account_id or ${FREE}
             returning slug
           )
           select exists (select from mine) as mine, exists (select from claimed) as claimed`,
    values: [accountId, slug, jobId],
  });
  if (row?.mine !== true) throw new AltaError('CONFLICT', `job ${jobId} has ended or is being undone, and claims no name`);
  if (!row.claimed) throw taken(slug);
}

/**
 * Undoes a claim, if this job still owns it: the name stays with the account that paid, as a reservation of 30 days (P-159), and
 * is still nobody else's. Returns whether anything changed; a second call changes nothing.
 */
export async function releaseClaim(db: Tx, accountId: string, slug: string, jobId: string): Promise<boolean> {
  const rows = await db.query({
    name: 'admin-db.release-claim',
    text: `update slug_reservations
           set status = 'reserved', expires_at = now() + make_interval(secs => $4), claimed_at = null, claimed_by_job = null
           where slug = $2 and account_id = $1 and status = 'claimed' and claimed_by_job = $3
           returning slug`,
    values: [accountId, slug, jobId, KEPT_SLUG_SECONDS],
  });
  return rows.length > 0;
}

/**
 * Keeps the account's reservation for at least so many seconds from now, as while a payment is pending (P-107). Returns whether
 * the account has one.
 */
export async function extendReservation(db: Tx, accountId: string, seconds: number): Promise<boolean> {
  const rows = await db.query({
    name: 'admin-db.extend-reservation',
    text: `update slug_reservations set expires_at = greatest(expires_at, now() + make_interval(secs => $2))
           where account_id = $1 and status = 'reserved' returning slug`,
    values: [accountId, seconds],
  });
  return rows.length > 0;
}

/**
 * Claims another slug for an account that has a store, and keeps the one from before for so many seconds (P-309): nobody else may have
 * it while the cluster does not show the new one yet, and whoever regrets can go back. Throws SLUG_TAKEN.
 */
export async function moveClaim(tx: Tx, accountId: string, slug: string, keepSeconds: number): Promise<void> {
  const rows = await tx.query({
    name: 'admin-db.claim-other-slug',
    text: `insert into slug_reservations as r (slug, account_id, status, claimed_at) values ($1, $2, 'claimed', now())
           on conflict (slug) do update set
             account_id = excluded.account_id, status = 'claimed', expires_at = null, claimed_at = now(), claimed_by_job = null
           where r.account_id = excluded.account_id or ${FREE}
           returning slug`,
    values: [slug, accountId],
  });
  if (rows.length === 0) throw taken(slug);
  await tx.query({
    name: 'admin-db.keep-other-slugs',
    text: `update slug_reservations set status = 'reserved', expires_at = now() + make_interval(secs => $3)
           where account_id = $1 and slug <> $2 and status = 'claimed'`,
    values: [accountId, slug, keepSeconds],
  });
}
