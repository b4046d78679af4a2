import type { OutboxPayload, OutboxTarget } from '../../contract/outbox.ts';
import type { Tx } from './db.ts';

export { completeOutbox, failOutbox, releaseOutbox, retryOutbox } from './outbox-marks.ts';

/** A claimed row. `claimToken` and `generation` are what every later mark is checked against. */
export interface OutboxRow {
  id: string;
  target: OutboxTarget;
  eventKey: string;
  eventType: string;
  accountId: string | null;
  payload: OutboxPayload;
  /** This attempt's number, from 1. */
  attemptCount: number;
  /** Claims before this one whose leases ran out, one after another. */
  lapses: number;
  generation: number;
  claimToken: string;
  /** End of the lease, by the database's clock. */
  lockedUntil: string;
  createdAt: string;
  /** The trace that the row belongs to, as W3C `traceparent`. */
  traceContext: string | null;
}

export interface OutboxClaim {
  targets: readonly OutboxTarget[];
  limit: number;
  leaseSeconds: number;
  /** Who claims, for people. */
  owner: string;
  /** Nothing is under way at who claims, so a row that may end its relay may be taken. */
  idle: boolean;
}

/**
 * SQL: due, of a target that is wanted and not paused. The pauses are taken off the targets beforehand: as an anti join of the rows their
 * unknown number had the planner expect one row, and sort the whole backlog for each claim.
 */
const DUE = `due_at <= now() and target = any(array(select unnest($1::text[]) except select target from outbox_pauses))`;

/**
 * Claims due rows for delivery, oldest due first. Rows that another relay is claiming are passed over (SKIP LOCKED), and so are those of a
 * paused target (P-234). Each claim gets a token of its own (P-221, P-227) and counts as an attempt.
 *
 * A lease that ran out is taken over as the same attempt, because that a relay died says nothing about the row; how often that happened is
 * counted by itself (P-226). After the first time it is claimed like any other, before those that wait. After the second it may be what ended
 * its relays: it comes before everything else and alone, and who is not idle gets nothing as long as there is one, so that it takes no other
 * row along when it does so again.
 */
export function claimOutbox(db: Tx, { targets, limit, leaseSeconds, owner, idle }: OutboxClaim): Promise<OutboxRow[]> {
  return db.query<OutboxRow>({
    name: 'admin-db.claim-outbox',
    text: `with suspect as (
             select id from outbox where status = 'processing' and lapses > 0 and ${DUE}
             order by due_at, created_at limit 1 for update skip locked
           ), lapsed as (
             select id from outbox where status = 'processing' and lapses = 0 and ${DUE} and not exists (select from suspect)
             order by due_at, created_at limit $2 for update skip locked
           ), waiting as (
             select id from outbox where status = 'pending' and ${DUE} and not exists (select from suspect)
             order by due_at, created_at limit $2 for update skip locked
           ), claimed as (
             update outbox o set status = 'processing', claim_token = gen_random_uuid(),
               attempt_count = o.attempt_count + case when o.status = 'processing' then 0 else 1 end,
               lapses = case when o.status = 'processing' then o.lapses + 1 else 0 end,
               locked_by = $4, locked_until = now() + make_interval(secs => $3), updated_at = now()
             where o.id = any(array(
               select id from suspect where $5 union all (select id from lapsed union all select id from waiting limit $2)
             )) returning o.*
           )
           select id, target, event_key as "eventKey", event_type as "eventType", account_id as "accountId", payload,
             attempt_count as "attemptCount", lapses, generation, claim_token as "claimToken", locked_until as "lockedUntil",
             created_at as "createdAt", trace_context as "traceContext"
           from claimed order by next_attempt_at, created_at`,
    values: [[...targets], limit, leaseSeconds, owner, idle],
  });
}

/** Rows that `purge_outbox` deletes in one call at most. */
const PURGE_BATCH = 5_000;

export interface OutboxStats {
  target: OutboxTarget;
  pending: number;
  processing: number;
  failed: number;
  /** Age of the oldest row that is due and not delivered, seconds; null when there is none. */
  oldestDueSeconds: number | null;
}

/** How much waits, is under way and is dead, by target: the one source of these figures, for reports that hold more. */
export const OUTBOX_STATS = `
  select target, count(*) filter (where status = 'pending') as pending, count(*) filter (where status = 'processing') as processing,
    count(*) filter (where status = 'failed') as failed,
    extract(epoch from max(now() - due_at) filter (where status <> 'failed' and due_at <= now()))::float8 as "oldestDueSeconds"
  from outbox where status in ('pending', 'processing', 'failed') group by target order by target`;

/** The figures of the outbox; a target without rows is left out. Delivered and discarded rows are not counted. */
export const outboxStats = (db: Tx): Promise<OutboxStats[]> => db.query<OutboxStats>({ name: 'admin-db.outbox-stats', text: OUTBOX_STATS });

/**
 * Deletes delivered and discarded rows that are older than so many days (P-230), some thousand a statement; pending and dead ones are
 * never purged. Returns how many.
 */
export async function purgeOutbox(db: Tx, days = 30): Promise<number> {
  for (let purged = 0; ;) {
    const [row] = await db.query<{ gone: number }>({
      name: 'admin-db.purge-outbox',
      text: 'select purge_outbox(make_interval(days => $1)) as gone',
      values: [days],
    });
    purged += row?.gone ?? 0;
    if ((row?.gone ?? 0) < PURGE_BATCH) return purged;
  }
}
