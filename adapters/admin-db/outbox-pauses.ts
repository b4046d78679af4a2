import type { OutboxTarget } from '../../contract/outbox.ts';
import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';
import type { OutboxCommand } from './outbox-admin.ts';

export interface OutboxPause {
  target: OutboxTarget;
  pausedBy: string;
  reason: string;
  /** ISO text. */
  pausedAt: string;
}

/** SQL: adds what an operator did with a target to the append-only record; `$1` target, `$2` action, `$3` actor, `$4` reason. */
const onRecord = `insert into operator_actions (event_key, action, actor, reason) select 'target/' || $1, $2, $3, $4 from changed`;

/**
 * Stops the delivery to a target, for every relay and from its next claim on; what is under way ends. On record. Throws RESOLVE_REFUSED
 * for one that is paused already.
 */
export async function pauseTarget(db: Tx, target: OutboxTarget, { actor, reason }: OutboxCommand): Promise<void> {
  const rows = await db.query({
    name: 'admin-db.pause-target',
    text: `with changed as (
             insert into outbox_pauses (target, paused_by, reason) values ($1, $3, $4) on conflict do nothing returning target
           ), audit as (${onRecord})
           select target from changed`,
    values: [target, 'pause-target', actor, reason],
  });
  if (rows.length === 0) throw new AltaError('RESOLVE_REFUSED', `${target} is paused already`);
}

/** Lets the delivery to a target go on; its rows are due at once. On record. Throws RESOLVE_REFUSED for one that is not paused. */
export async function resumeTarget(db: Tx, target: OutboxTarget, { actor, reason }: OutboxCommand): Promise<void> {
  const rows = await db.query({
    name: 'admin-db.resume-target',
    text: `with changed as (delete from outbox_pauses where target = $1 returning target), audit as (${onRecord})
           select target from changed`,
    values: [target, 'resume-target', actor, reason],
  });
  if (rows.length === 0) throw new AltaError('RESOLVE_REFUSED', `${target} is not paused`);
}
