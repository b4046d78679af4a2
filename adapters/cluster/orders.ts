import { z } from 'zod';
import type { ShopCheckout } from '../../contract/shop.ts';
import { effect } from '../effect.ts';
import { rpc } from './call.ts';
import type { Cluster } from './router.ts';

const placed = z.discriminatedUnion('outcome', [
  z.object({ outcome: z.literal('placed'), order_id: z.uuid(), total: z.string() }),
  z.object({ outcome: z.enum(['unknown', 'sold_out']), sku: z.string() }),
  z.object({ outcome: z.literal('closed') }),
]);
export type PlacedShopOrder = z.output<typeof placed>;

/** Enters a buyer's order, at the shop's own prices. Throws the codes of a cluster call. */
export function placeShopOrder(cluster: Cluster, order: ShopCheckout & { accountId: string; currency: string }): Promise<PlacedShopOrder> {
  const argument = { account_id: order.accountId, items: order.items, buyer_email: order.buyerEmail ?? null, currency: order.currency };
  return effect('cluster.place-order', () => rpc(cluster, 'place-order', 'alta_place_order', argument, placed));
}

const confirmed = z.object({ outcome: z.enum(['confirmed', 'same', 'paid_otherwise', 'mismatch', 'absent']) });

/** Confirms an order by its payment, once; the stock goes down with it. Throws the codes of a cluster call. */
export async function confirmShopOrder(
  cluster: Cluster,
  paid: { accountId: string; orderId: string; paymentId: string; amount: string; currency: string },
): Promise<z.output<typeof confirmed>['outcome']> {
  const { accountId, orderId, paymentId, amount, currency } = paid;
  const argument = { account_id: accountId, order_id: orderId, payment_id: paymentId, amount, currency };
  // `absent` here is an order that is not this store's, not a client row that is missing.
  const send = () => rpc(cluster, 'confirm-order', 'alta_confirm_order', argument, confirmed);
  return (await effect('cluster.confirm-order', send)).outcome;
}

const credentials = z.object({ access_token: z.string().nullable(), public_key: z.string().nullable() }).nullable();

/** What a store sells with, as its cluster holds it; null when it holds none. Secret. Throws the codes of a cluster call. */
export async function readMpCredentials(cluster: Cluster, accountId: string): Promise<{ accessToken: string; publicKey: string } | null> {
  const found = await effect('cluster.read-mp-credentials', () =>
    rpc(cluster, 'read-mp-credentials', 'alta_read_mp_credentials', { account_id: accountId }, credentials),
  );
  if (!found?.access_token || !found.public_key) return null;
  return { accessToken: found.access_token, publicKey: found.public_key };
}
