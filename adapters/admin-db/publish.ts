import {
  accountEventKey,
  isAccountEventType,
  type AccountChange,
  type AccountEventPayload,
  type AccountEventType,
} from '../../contract/account-events.ts';
import { AltaError } from '../../contract/errors.ts';
import { noticeOf } from '../../contract/notices.ts';
import { outboxPayloadSchema, type OutboxPayload, type OutboxTarget } from '../../contract/outbox.ts';
import { traceparent } from '../trace.ts';
import type { Tx } from './db.ts';

export interface OutboxEvent {
  target: OutboxTarget;
  /** Deterministic (P-203): the same fact gives the same key. */
  eventKey: string;
  accountId: string | null;
  /** Changes of an account go through `publishAccountEvent`. */
  payload: Exclude<OutboxPayload, { type: Exclude<AccountEventType, 'account.created'> }>;
}

/**
 * The one statement that puts a row into the outbox. `source` gives target, key, type, account, payload and trace; a known key adds
 * nothing (P-202). `activate` hangs it on its own statement, everything else calls the functions below.
 */
export const intoOutbox = (source: string): string =>
  `insert into outbox (target, event_key, event_type, account_id, payload, trace_context) ${source} on conflict (event_key) do nothing`;

/**
 * Publishes an event in the transaction of the change that it tells of (P-209). Returns whether a row was added: a known key adds
 * none (P-202). Throws INPUT_INVALID for a payload that its schema does not know, so that no credential can slip in (P-207), and for a
 * change of an account, which has its own way.
 */
export async function publish(tx: Tx, event: OutboxEvent): Promise<boolean> {
  const payload = checked(event.eventKey, event.payload);
  if (isAccountEventType(payload.type) && payload.type !== 'account.created') {
    throw new AltaError('INPUT_INVALID', `outbox ${event.eventKey}: a change of an account is published by publishAccountEvent`);
  }
  return insert(tx, { ...event, payload });
}

export interface PublishedEvent {
  eventKey: string;
  /** The account's, after the change. */
  version: number;
  /** False: this change was told before, in the same transaction. */
  added: boolean;
}

/**
 * The only way to tell of a change of an account: in the transaction that changed it, after its last write. Version and key come from
 * the account's row as this transaction left it, so an event can neither be ahead of its change nor outlive it when it is rolled back.
 *
 * Throws CONFLICT when this transaction did not change the account (the version was not raised), ACCOUNT_NOT_FOUND, and INPUT_INVALID
 * for what the event's schema does not know.
 */
export async function publishAccountEvent(tx: Tx, change: AccountChange): Promise<PublishedEvent> {
  const { accountId, type } = change;
  const [account] = await tx.query<{ version: number; ours: boolean }>({
    name: 'admin-db.version-of-change',
    // The transaction that wrote the row is this one: 32 bits of its id are what a row keeps.
    text: `select version, xmin::text::bigint = (pg_current_xact_id()::text::bigint & 4294967295) as ours from nv_accounts where id = $1`,
    values: [accountId],
  });
  if (account === undefined) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${accountId}`);
  if (!account.ours) throw new AltaError('CONFLICT', `${type} of account ${accountId} is not published by the transaction of its change`);
  const payload = { ...change, version: account.version } as AccountEventPayload;
  const eventKey = accountEventKey(payload);
  const added = await insert(tx, { target: 'account', eventKey, accountId, payload: checked(eventKey, payload) });
  const kind = noticeOf(payload);
  if (added && kind !== null) {
    const notice = { type: 'notice.asked', accountId, kind, eventKey } as const;
    await insert(tx, { target: 'notice', eventKey: `notice/${eventKey}`, accountId, payload: checked(eventKey, notice) });
  }
  return { eventKey, version: account.version, added };
}

function checked(eventKey: string, payload: unknown): OutboxPayload {
  const parsed = outboxPayloadSchema.safeParse(payload);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path, code }) => `${path.join('.') || 'payload'}: ${code}`).join('; ');
  throw new AltaError('INPUT_INVALID', `outbox ${eventKey}: ${where}`);
}

async function insert(
  tx: Tx,
  { target, eventKey, accountId, payload }: { target: OutboxTarget; eventKey: string; accountId: string | null; payload: OutboxPayload },
): Promise<boolean> {
  const rows = await tx.query({
    name: 'admin-db.publish',
    text: `${intoOutbox('values ($1, $2, $3, $4, $5, $6)')} returning id`,
    values: [target, eventKey, payload.type, accountId, JSON.stringify(payload), traceparent()],
  });
  return rows.length > 0;
}
