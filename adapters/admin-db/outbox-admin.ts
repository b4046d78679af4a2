import { AltaError } from '../../contract/errors.ts';
import {
  paymentNotifiedSchema,
  refundEventSchema,
  type OutboxPayload,
  type OutboxState,
  type OutboxTarget,
} from '../../contract/outbox.ts';
import type { Tx } from './db.ts';
import { lockInbox, settleInbox } from './inbox.ts';
import { withdrawRefundStart } from './refund-marks.ts';

/** An outbox row as operators see it. Times are ISO text. */
export interface OutboxEntry {
  id: string;
  target: OutboxTarget;
  eventKey: string;
  eventType: string;
  accountId: string | null;
  state: OutboxState;
  attempts: number;
  code: string | null;
  message: string | null;
  nextAttemptAt: string;
  createdAt: string;
  updatedAt: string;
  completedAt: string | null;
}

export interface OutboxDetails extends OutboxEntry {
  /** Ids only (P-207). */
  payload: OutboxPayload;
  /** Leases that ran out one after another since its last mark; the row is dead after `OUTBOX_MAX_LAPSES`. */
  lapses: number;
  lockedBy: string | null;
  lockedUntil: string | null;
  /** What operators did with it. */
  actions: { action: string; actor: string; reason: string; at: string }[];
}

const COLUMNS = `id, target, event_key as "eventKey", event_type as "eventType", account_id as "accountId", status as state,
  attempt_count as attempts, error_code as code, error_message as message, next_attempt_at as "nextAttemptAt", created_at as "createdAt",
  updated_at as "updatedAt", completed_at as "completedAt"`;

export interface OutboxFilter {
  state?: OutboxState;
  target?: OutboxTarget;
  code?: string;
  eventType?: string;
  accountId?: string;
  limit: number;
}

/** Rows of the outbox, newest first (P-232). */
export function listOutbox(db: Tx, { state, target, code, eventType, accountId, limit }: OutboxFilter): Promise<OutboxEntry[]> {
  return db.query<OutboxEntry>({
    name: 'admin-db.list-outbox',
    text: `select ${COLUMNS} from outbox
           where ($1::text is null or status = $1) and ($2::text is null or target = $2) and ($3::text is null or error_code = $3)
             and ($4::text is null or event_type = $4) and ($5::uuid is null or account_id = $5)
           order by created_at desc limit $6`,
    values: [state ?? null, target ?? null, code ?? null, eventType ?? null, accountId ?? null, limit],
  });
}

/** One row with what operators did with it. Throws NOT_FOUND. */
export async function showOutbox(db: Tx, id: string): Promise<OutboxDetails> {
  const [row] = await db.query<OutboxDetails>({
    name: 'admin-db.show-outbox',
    text: `select ${COLUMNS}, payload, lapses, locked_by as "lockedBy", locked_until as "lockedUntil",
             (select coalesce(jsonb_agg(jsonb_build_object('action', action, 'actor', actor, 'reason', reason, 'at', created_at) order by a.id), '[]')
              from operator_actions a where a.event_key = o.event_key) as actions
           from outbox o where id = $1`,
    values: [id],
  });
  if (row === undefined) throw noRow(id);
  return row;
}

export interface OutboxCommand {
  actor: string;
  reason: string;
}

const audited = (changed: string): string => `
  with changed as (${changed}), audit as (
    insert into operator_actions (event_key, account_id, action, actor, reason) select event_key, account_id, $2, $3, $4 from changed
  )
  select event_key from changed`;

/**
 * Makes a dead, discarded or waiting row due at once, with a fresh count of attempts, and writes down who did it (P-232). Throws
 * NOT_FOUND, and RESOLVE_REFUSED for a row that is being delivered or was.
 */
export function retryOutboxRow(db: Tx, id: string, command: OutboxCommand): Promise<void> {
  return act(db, id, 'retry-outbox', command, {
    name: 'admin-db.retry-outbox-row',
    text: audited(`
      update outbox set status = 'pending', attempt_count = 0, next_attempt_at = now(), completed_at = null, updated_at = now()
      where id = $1 and status in ('failed', 'pending', 'discarded') returning event_key, account_id`),
  });
}

export interface Discarded {
  /** The payment whose refund is a question that `alta refunds decide` has to answer, now that nothing starts its workflow. */
  openRefund: string | null;
}

/**
 * Gives a dead or waiting row up: it is delivered no more, unless its fact happens again. The notification behind it says so; an intent
 * to give money back becomes a question (again). Call it in a transaction. Throws as `retryOutboxRow` does, and RESOLVE_REFUSED for the
 * start of a refund that may have been sent.
 */
export async function discardOutboxRow(tx: Tx, id: string, command: OutboxCommand): Promise<Discarded> {
  const { payload } = await showOutbox(tx, id);
  const notified = paymentNotifiedSchema.safeParse(payload);
  const refund = refundEventSchema.safeParse(payload);
  // Inbox and refunds are locked before the outbox, everywhere.
  if (notified.success) await lockInbox(tx, notified.data.inboxId);
  const starts = refund.success && refund.data.type === 'refund.asked';
  const openRefund = starts ? await withdrawRefundStart(tx, refund.data.refundId, command) : null;
  await act(tx, id, 'discard-outbox', command, {
    name: 'admin-db.discard-outbox-row',
    text: audited(`
      update outbox set status = 'discarded', completed_at = now(), updated_at = now()
      where id = $1 and status in ('failed', 'pending') returning event_key, account_id`),
  });
  if (notified.success)
    await settleInbox(tx, notified.data.inboxId, { status: 'ignored', result: `discarded by ${command.actor}: ${command.reason}` });
  return { openRefund };
}

async function act(
  db: Tx,
  id: string,
  action: string,
  { actor, reason }: OutboxCommand,
  query: { name: string; text: string },
): Promise<void> {
  const changed = await db.query({ ...query, values: [id, action, actor, reason] });
  if (changed.length > 0) return;
  const { state } = await showOutbox(db, id);
  throw new AltaError('RESOLVE_REFUSED', `outbox ${id} is ${state}: there is nothing to ${action.replace('-outbox', '')}`);
}

const noRow = (id: string): AltaError => new AltaError('NOT_FOUND', `no outbox row ${id}`);
