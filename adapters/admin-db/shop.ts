import { AltaError } from '../../contract/errors.ts';
import { traceparent } from '../trace.ts';
import type { AdminDb, Tx } from './db.ts';
import type { Accepted, Notification } from './inbox.ts';
import { publish, publishAccountEvent } from './publish.ts';

export interface Shop {
  accountId: string;
  clusterId: string;
  country: string;
  version: number;
}

/** The store behind a slug or domain that may sell: not suspended, not deleted; null when there is none (P-511). */
export async function findShop(db: Tx, slugOrDomain: string): Promise<Shop | null> {
  const [shop] = await db.query<Shop>({
    name: 'admin-db.find-shop',
    text: `select id as "accountId", backend_cluster_id as "clusterId", country, version from nv_accounts
           where (slug = $1 or custom_domain = $1) and status in ('provisioned', 'approved', 'live') and backend_cluster_id is not null
           order by (slug = $1) desc limit 1`,
    values: [slugOrDomain.normalize('NFKC').trim().toLowerCase()],
  });
  return shop ?? null;
}

/** Orders that a store's credentials be written to its cluster again; once for each version of the account. Returns whether it is new. */
export function askForResync(db: Tx, { accountId, version }: Pick<Shop, 'accountId' | 'version'>): Promise<boolean> {
  return publish(db, {
    target: 'credentials',
    eventKey: `credentials.resync/${accountId}/${String(version)}`,
    accountId,
    payload: { type: 'credentials.asked', accountId, task: 'resync', authorizationId: null },
  });
}

/** Tells the account's workflow to write the credentials once more: a change of version without a change of the account. */
export function resyncCredentials(db: AdminDb, accountId: string): Promise<boolean> {
  return db.tx('admin-db.resync-credentials', async (tx) => {
    const rows = await tx.query({
      name: 'admin-db.touch-connected-account',
      text: `update nv_accounts set updated_at = clock_timestamp() where id = $1 and mp_connected
             and status in ('provisioned', 'approved', 'live', 'suspended') returning id`,
      values: [accountId],
    });
    if (rows.length > 0) await publishAccountEvent(tx, { type: 'mp_credentials.synced', accountId, action: 'sync' });
    return rows.length > 0;
  });
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
           ), ordered as (
             insert into outbox as o (target, event_key, event_type, account_id, payload, trace_context)
             select 'shop', 'order.notified/' || id, 'order.notified', $7::uuid,
               jsonb_build_object('type', 'order.notified', 'inboxId', id, 'accountId', $7::text, 'paymentId', $8::text), $9::text
             from received
             on conflict (event_key) do update set
               generation = o.generation + 1,
               status = case when o.status = 'processing' then 'processing' else 'pending' end,
               attempt_count = case when o.status = 'processing' then o.attempt_count else 0 end,
               next_attempt_at = least(o.next_attempt_at, now()), completed_at = null, updated_at = now()
           )
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
