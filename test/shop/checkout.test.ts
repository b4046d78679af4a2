import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { confirmOrderWorkflowId } from '../../contract/ids.ts';
import type { ConfirmOrderResult, ShopCheckoutAnswer } from '../../contract/shop.ts';
import { startAlta } from '../support/alta-process.ts';
import { connectedSeller, sameOnCluster, tokensOf, type Seller } from '../support/consent.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

/** A buyer orders at a store and pays it: with the merchant's own credentials, through the real cluster, and confirmed once. */
let world: World;
beforeAll(async () => {
  world = await startWorld({ env: { ALTA_STOREFRONT: 'true' } });
}, 120_000);
afterAll(() => world.close());

const seller = (): Promise<Seller> => connectedSeller(world);
const checkout = (slug: string, body: object, url = world.url): Promise<Response> =>
  fetch(new URL(`/stores/${slug}/checkout`, url), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const catalogue = ({ order }: Seller): { sku: string; price: string; stock: number }[] => order.checkout.catalog;
/** The cluster of a store, as the shop's own tools see it. */
const clusterOf = async ({ accountId }: Seller) => world.clusters.get(String((await world.account(accountId))['backend_cluster_id']));
async function stockOf(one: Seller, sku: string): Promise<number> {
  const { client } = await clusterOf(one);
  const store = await world.store(one.accountId);
  const { data } = await client.from('products').select('stock').eq('client_id', store!.client.id).eq('sku', sku).single();
  return (data as { stock: number }).stock;
}
async function orderRow(one: Seller, orderId: string): Promise<{ status: string; payment_id: string | null; total: number }> {
  const { client } = await clusterOf(one);
  const { data } = await client.from('orders').select('status, payment_id, total').eq('id', orderId).single();
  return data as { status: string; payment_id: string | null; total: number };
}
const preferenceOf = async (orderId: string) =>
  (await world.simulator.control.preferences()).find(({ external_reference: reference }) => reference === orderId)!;
const looked = async (accountId: string, paymentId: string): Promise<ConfirmOrderResult> => {
  const handle = world.temporal.workflow.getHandle<() => Promise<ConfirmOrderResult>>(confirmOrderWorkflowId(accountId, paymentId));
  await eventually(() => handle.describe(), `a look at payment ${paymentId}`);
  return handle.result();
};
const emptyOnCluster = async (one: Seller): Promise<void> => {
  const { client } = await clusterOf(one);
  const { error } = await client.from('clients').update({ mp_access_token: null, mp_public_key: null }).eq('nv_account_id', one.accountId);
  expect(error).toBeNull();
};

test('P-719 P-720 P-745: from the paid order of the store to the paid order of its buyer: seven stages, the stock goes down once', async () => {
  const one = await seller();
  const [article] = catalogue(one);
  const { sku, price, stock } = article!;
  // The store opens by its slug, its endpoint takes an order, and the preference is the merchant's own.
  expect((await fetch(new URL(`/stores/${one.order.slug}`, world.url))).status).toBe(200);
  const answer = await checkout(one.order.slug, { items: [{ sku, quantity: 2 }], buyerEmail: 'compradora@example.com' });
  expect(answer.status).toBe(201);
  const placed = (await answer.json()) as ShopCheckoutAnswer;
  expect(Number(placed.total)).toBe(Number(price) * 2);
  const preference = await preferenceOf(placed.orderId);
  expect(String(preference.collector_id)).toBe(one.sellerId);
  expect(new URL(placed.initPoint).searchParams.get('pref_id')).toBe(preference.id);
  expect(await orderRow(one, placed.orderId)).toMatchObject({ status: 'open', payment_id: null });
  expect(await stockOf(one, sku)).toBe(stock);

  const { paymentId } = await world.simulator.control.pay(preference.id, { owner: one.sellerId, collectorId: one.sellerId });
  expect(await looked(one.accountId, paymentId)).toEqual({ outcome: 'confirmed', orderId: placed.orderId });
  expect(await orderRow(one, placed.orderId)).toMatchObject({ status: 'paid', payment_id: paymentId });
  expect(await stockOf(one, sku)).toBe(stock - 2);

  // The same news again and again: confirmed once.
  await world.simulator.control.deliver({ paymentId, copies: 5, distinct: true });
  await eventually(
    async () => (await world.sql(`select 1 from outbox where target = 'shop' and status <> 'completed'`)).length === 0,
    'a delivered outbox',
  );
  expect(await looked(one.accountId, paymentId)).toEqual({ outcome: 'same', orderId: placed.orderId });
  expect(await stockOf(one, sku)).toBe(stock - 2);
  const inbox = await world.sql<{ status: string }>(`select distinct status from webhook_inbox where topic = 'shop-payment'`);
  expect(inbox).toEqual([{ status: 'processed' }]);
}, 240_000);

test('P-315 P-071: a cluster that lost the credentials sells with the copy of the Admin DB, and gets them again by itself', async () => {
  const one = await seller();
  const [article] = catalogue(one);
  await emptyOnCluster(one);
  const answer = await checkout(one.order.slug, { items: [{ sku: article!.sku, quantity: 1 }] });
  expect(answer.status).toBe(201);
  const { orderId } = (await answer.json()) as ShopCheckoutAnswer;
  expect(String((await preferenceOf(orderId)).collector_id)).toBe(one.sellerId);
  await sameOnCluster(world, one.accountId);
  expect((await tokensOf(world, one.accountId)).sellerId).toBe(one.sellerId);
}, 240_000);

test('P-315 P-607: neither cluster nor Admin DB holds credentials: a clear error, no order, and its metric', async () => {
  const order = await world.checkout({}, { connected: false });
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  const api = startAlta('api', { ...world.env, METRICS_PORT: '0' });
  try {
    const ready = await api.ready;
    const answer = await checkout(order.slug, { items: [{ sku: order.checkout.catalog[0]!.sku, quantity: 1 }] }, String(ready['url']));
    expect(answer.status).toBe(409);
    expect(await answer.json()).toMatchObject({
      code: 'MP_NOT_CONFIGURED',
      hint: expect.stringContaining('alta credentials link') as unknown,
    });
    expect((await world.store(order.accountId))!.counts.orders).toBe(0);
    const scrape = await (await fetch(String(ready['metrics']))).text();
    expect(scrape).toContain('\nalta_checkout_mp_not_configured_total 1\n');
  } finally {
    expect((await api.stop()).code).toBe(0);
  }
}, 240_000);

test('P-511: articles that are not sold, too many of one, a closed store and bad input are refused by name, and enter no order', async () => {
  const one = await seller();
  const [article] = catalogue(one);
  const { sku, stock } = article!;
  const refused = async (slug: string, body: object): Promise<unknown> => {
    const answer = await checkout(slug, body);
    return { status: answer.status, ...((await answer.json()) as object) };
  };
  expect(await refused(one.order.slug, { items: [{ sku: 'nothing', quantity: 1 }] })).toMatchObject({
    status: 409,
    code: 'ARTICLE_UNAVAILABLE',
  });
  expect(await refused(one.order.slug, { items: [{ sku, quantity: stock + 1 }] })).toMatchObject({
    status: 409,
    code: 'ARTICLE_UNAVAILABLE',
  });
  expect(await refused('no-such-store', { items: [{ sku, quantity: 1 }] })).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  expect(await refused(one.order.slug, { items: [] })).toMatchObject({ status: 400, field: 'items' });
  expect(await refused(one.order.slug, { items: [{ sku, quantity: 0 }] })).toMatchObject({ status: 400, field: 'items.0.quantity' });
  const twice = {
    items: [
      { sku, quantity: 1 },
      { sku, quantity: 1 },
    ],
  };
  expect(await refused(one.order.slug, twice)).toMatchObject({ status: 400, field: 'items' });
  const { client } = await clusterOf(one);
  await client.from('clients').update({ is_active: false }).eq('nv_account_id', one.accountId);
  expect(await refused(one.order.slug, { items: [{ sku, quantity: 1 }] })).toMatchObject({ status: 404, code: 'NOT_FOUND' });
  expect((await world.store(one.accountId))!.counts.orders).toBe(0);
}, 240_000);

test("law 1: a buyer's payment that is smaller, of another store, refused, or of another seller confirms nothing", async () => {
  const [one, other] = [await seller(), await seller()];
  const place = async ({ order }: Seller): Promise<string> => {
    const answer = await checkout(order.slug, { items: [{ sku: order.checkout.catalog[0]!.sku, quantity: 1 }] });
    return ((await answer.json()) as ShopCheckoutAnswer).orderId;
  };
  const orderId = await place(one);
  const preference = await preferenceOf(orderId);
  const pay = async (overrides: Parameters<World['simulator']['control']['pay']>[1]): Promise<ConfirmOrderResult> => {
    const { paymentId } = await world.simulator.control.pay(preference.id, {
      owner: one.sellerId,
      collectorId: one.sellerId,
      ...overrides,
    });
    return looked(one.accountId, paymentId);
  };
  expect(await pay({ amount: '1.00' })).toEqual({ outcome: 'mismatch', orderId });
  expect(await pay({ status: 'rejected' })).toEqual({ outcome: 'ignored', orderId: null });
  const strange = await place(other);
  expect(await pay({ externalReference: strange })).toEqual({ outcome: 'absent', orderId: strange });
  expect(await pay({ externalReference: 'not an order' })).toEqual({ outcome: 'ignored', orderId: null });
  expect(await orderRow(one, orderId)).toMatchObject({ status: 'open', payment_id: null });
  // News for a store that nobody knows is refused, so that it is sent again or looked into; without a signature it goes nowhere.
  const path = '/stores/00000000-0000-4000-8000-000000000000/webhooks/mercadopago';
  const [lost] = await world.simulator.control.deliver({ paymentId: '4711', url: new URL(path, world.url).href, retry: false });
  expect(lost!.status).toBe(404);
  const mine = new URL(`/stores/${one.accountId}/webhooks/mercadopago`, world.url).href;
  const [forged] = await world.simulator.control.deliver({ paymentId: '4711', url: mine, forged: true });
  expect(forged!.status).toBe(401);
}, 240_000);
