import type { OutboxTarget } from '../../contract/outbox.ts';
import type { Tx } from './db.ts';
import { OUTBOX_STATS, type OutboxStats } from './outbox.ts';
import type { OutboxPause } from './outbox-pauses.ts';

/** How the outbox fares (P-231). */
export interface OutboxHealth {
  targets: OutboxStats[];
  paused: OutboxPause[];
  /** Delivered rows of the last hour and day, by target and type, and when the last one was. */
  delivered: { target: OutboxTarget; eventType: string; lastHour: number; lastDay: number; lastAt: string }[];
  /** Dead rows, by code: how many, how many of them in the last six hours (P-603), and the newest. */
  dead: { code: string; rows: number; lastSixHours: number; newestAt: string }[];
}

const HEALTH = `
  select
    (select coalesce(jsonb_agg(t), '[]') from (${OUTBOX_STATS}) t) as targets,
    (select coalesce(jsonb_agg(jsonb_build_object('target', target, 'pausedBy', paused_by, 'reason', reason, 'pausedAt', paused_at)
       order by target), '[]') from outbox_pauses) as paused,
    (select coalesce(jsonb_agg(d), '[]') from (
       select target, event_type as "eventType", count(*) filter (where completed_at > now() - interval '1 hour') as "lastHour",
         count(*) as "lastDay", max(completed_at) as "lastAt"
       from outbox where status = 'completed' and completed_at > now() - interval '1 day' group by 1, 2 order by 1, 2) d) as delivered,
    (select coalesce(jsonb_agg(f), '[]') from (
       select coalesce(error_code, 'INTERNAL') as code, count(*) as rows,
         count(*) filter (where updated_at > now() - interval '6 hours') as "lastSixHours", max(updated_at) as "newestAt"
       from outbox where status = 'failed' group by 1 order by 2 desc, 1) f) as dead`;

/** Reads all of it in one statement, so that the figures fit together. */
export async function outboxHealth(db: Tx): Promise<OutboxHealth> {
  const [health] = await db.query<OutboxHealth>({ name: 'admin-db.outbox-health', text: HEALTH });
  return health as OutboxHealth;
}
