import { AltaError } from '../../contract/errors.ts';
import { traceparent } from '../trace.ts';
import type { Tx } from './db.ts';

/** A verified notification, as the inbox keeps it. */
export interface Notification {
  /** Identity of the delivery (decision 2). */
  deliveryKey: string;
  topic: string;
  action?: string | null;
  /** Payment that it names. */
  paymentId: string;
  requestId?: string | null;
  /** Which of the secrets signed it. */
  secretId?: string | null;
  /** How far its time was from ours, ms. */
  skewMs?: number | null;
}

export interface Accepted {
  inboxId: string;
  /** False for a repeated delivery. */
  first: boolean;
}

interface Order {
  target: 'onboarding' | 'credentials' | 'shop';
  type: string;
  /** SQL: the payload's fields beside `type` and `inboxId`, as arguments of jsonb_build_object. */
  fields: string;
  /** SQL: whose it is; nobody's when left out. */
  account?: string;
}

/**
 * SQL: the order to look at what each row in `received` tells of; the same row again makes its order due at once: a delivered or dead
 * one becomes pending again, one that is being delivered is put back when its delivery is marked. `trace` is the parameter that holds
 * the trace to go on with.
 */
const orderLooks = ({ target, type, fields, account = 'null::uuid' }: Order, trace: `$${number}`): string => `
  ordered as (
    insert into outbox as o (target, event_key, event_type, account_id, payload, trace_context)
    select '${target}', '${type}/' || id, '${type}', ${account},
      jsonb_build_object('type', '${type}', 'inboxId', id, ${fields}), ${trace}::text
    from received
    on conflict (event_key) do update set
      generation = o.generation + 1,
      status = case when o.status = 'processing' then 'processing' else 'pending' end,
      attempt_count = case when o.status = 'processing' then o.attempt_count else 0 end,
      next_attempt_at = least(o.next_attempt_at, now()),
      trace_context = coalesce(excluded.trace_context, o.trace_context), completed_at = null, updated_at = now()
  )`;

/** SQL: the order to read the payment of each row in `received`. */
export const orderReads = (trace: `$${number}`): string =>
  orderLooks({ target: 'onboarding', type: 'payment.notified', fields: `'paymentId', payment_id` }, trace);

/**
 * Takes a notification in: the inbox row and the order to read the payment, in one statement (law 1). A repeated delivery is counted
 * and leads to a fresh read: a delivered or dead order becomes pending again, one that is being delivered is put back when its
 * delivery is marked (its generation has risen), a waiting one becomes due at once. Once this returns, answer 200.
 */
export async function acceptNotification(db: Tx, notification: Notification): Promise<Accepted> {
  const { deliveryKey, topic, action, paymentId, requestId, secretId, skewMs } = notification;
  const [row] = await db.query<Accepted>({
    name: 'admin-db.accept-notification',
    text: `with received as (
             insert into webhook_inbox as w (delivery_key, topic, action, payment_id, request_id, secret_id, skew_ms)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (delivery_key) do update set deliveries = w.deliveries + 1, last_received_at = now(), status = 'received'
             returning id, payment_id, deliveries
           ), ${orderReads('$8')}
           select id as "inboxId", deliveries = 1 as first from received`,
    values: [deliveryKey, topic, action ?? null, paymentId, requestId ?? null, secretId ?? null, skewMs ?? null, traceparent()],
  });
  return row as Accepted;
}

/**
 * Takes in the news that a seller took the consent back, and the order to look whether it is true, in one statement. A repeated delivery
 * is counted and leads to another look.
 */
export async function acceptDeauthorization(
  db: Tx,
  notification: Omit<Notification, 'paymentId'> & { sellerId: string },
): Promise<Accepted> {
  const { deliveryKey, topic, action, sellerId, requestId, secretId, skewMs } = notification;
  const [row] = await db.query<Accepted>({
    name: 'admin-db.accept-deauthorization',
    text: `with received as (
             insert into webhook_inbox as w (delivery_key, topic, action, request_id, secret_id, skew_ms)
             values ($1, $2, $3, $4, $5, $6)
             on conflict (delivery_key) do update set deliveries = w.deliveries + 1, last_received_at = now(), status = 'received'
             returning id, deliveries
           ), ${orderLooks({ target: 'credentials', type: 'seller.deauthorized', fields: `'sellerId', $7::text` }, '$8')}
           select id as "inboxId", deliveries = 1 as first from received`,
    values: [deliveryKey, topic, action ?? null, requestId ?? null, secretId ?? null, skewMs ?? null, sellerId, traceparent()],
  });
  return row as Accepted;
}

/**
 * Takes in the news of a buyer's payment to a store, and the order to look at it, in one statement (law 1). Throws ACCOUNT_NOT_FOUND.
 */
export async function acceptOrderNotification(db: Tx, notification: Notification & { accountId: string }): Promise<Accepted> {
  const { deliveryKey, topic, action, paymentId, accountId, requestId, secretId, skewMs } = notification;
  const [row] = await db.query<Accepted>({
    name: 'admin-db.accept-order-notification',
    text: `with received as (
             insert into webhook_inbox as w (delivery_key, topic, action, request_id, secret_id, skew_ms)
             select $1, $2, $3, $4, $5, $6::bigint from nv_accounts where id = $7::uuid
             on conflict (delivery_key) do update set deliveries = w.deliveries + 1, last_received_at = now(), status = 'received'
             returning id, deliveries
           ), ${orderLooks({ target: 'shop', type: 'order.notified', account: '$7::uuid', fields: `'accountId', $7::text, 'paymentId', $8::text` }, '$9')}
           select id as "inboxId", deliveries = 1 as first from received`,
    values: [
      deliveryKey,
      `shop-${topic}`,
      action ?? null,
      requestId ?? null,
      secretId ?? null,
      skewMs ?? null,
      accountId,
      paymentId,
      traceparent(),
    ],
  });
  if (row === undefined) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${accountId}`);
  return row;
}

export interface IgnoredNotification extends Omit<Notification, 'paymentId'> {
  paymentId?: string | null;
  reason: string;
}

/** Writes down a notification that Alta does nothing about, such as one of another topic; repeats are counted. */
export async function ignoreNotification(db: Tx, notification: IgnoredNotification): Promise<void> {
  const { deliveryKey, topic, action, paymentId, requestId, secretId, skewMs, reason } = notification;
  await db.query({
    name: 'admin-db.ignore-notification',
    text: `insert into webhook_inbox as w (delivery_key, topic, action, payment_id, request_id, secret_id, skew_ms, status, result, settled_at)
           values ($1, $2, $3, $4, $5, $6, $7, 'ignored', $8, now())
           on conflict (delivery_key) do update set deliveries = w.deliveries + 1, last_received_at = now()`,
    values: [deliveryKey, topic, action ?? null, paymentId ?? null, requestId ?? null, secretId ?? null, skewMs ?? null, reason],
  });
}

/**
 * Locks an inbox row before its outbox row is marked. `acceptNotification` takes the two in this order as well: the other way round,
 * a repeated delivery and a mark would each wait for the other.
 */
export async function lockInbox(tx: Tx, inboxId: string): Promise<void> {
  await tx.query({ name: 'admin-db.lock-inbox', text: 'select id from webhook_inbox where id = $1 for update', values: [inboxId] });
}

export interface Settlement {
  status: 'processed' | 'ignored';
  /** One line for people: what was done, or why nothing was. */
  result: string;
  paymentStatus?: string | null;
  accountId?: string | null;
}

/** Writes down what became of a notification. Returns false when there is no such row. */
export async function settleInbox(db: Tx, inboxId: string, settlement: Settlement): Promise<boolean> {
  const rows = await db.query({
    name: 'admin-db.settle-inbox',
    text: `update webhook_inbox set status = $2, result = $3, payment_status = coalesce($4, payment_status),
             account_id = coalesce($5::uuid, account_id), settled_at = now()
           where id = $1 returning id`,
    values: [inboxId, settlement.status, settlement.result, settlement.paymentStatus ?? null, settlement.accountId ?? null],
  });
  return rows.length > 0;
}

export interface InboxRow {
  inboxId: string;
  deliveryKey: string;
  topic: string;
  paymentId: string | null;
  status: 'received' | 'processed' | 'ignored';
  result: string | null;
  paymentStatus: string | null;
  accountId: string | null;
  deliveries: number;
}

/** The inbox rows of one payment, oldest first. */
export function listInbox(db: Tx, paymentId: string): Promise<InboxRow[]> {
  return db.query<InboxRow>({
    name: 'admin-db.list-inbox',
    text: `select id as "inboxId", delivery_key as "deliveryKey", topic, payment_id as "paymentId", status, result,
             payment_status as "paymentStatus", account_id as "accountId", deliveries
           from webhook_inbox where payment_id = $1 order by first_received_at`,
    values: [paymentId],
  });
}
