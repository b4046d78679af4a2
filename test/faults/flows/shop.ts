import assert from 'node:assert/strict';
import type { ShopCheckoutAnswer } from '../../../contract/shop.ts';
import { SUBJECT_HEADER } from '../../support/attribution.ts';
import { sameOnCluster } from '../../support/consent.ts';
import { eventually } from '../../support/eventually.ts';
import { flowOf, type Flow } from '../flow.ts';
import type { Stage } from '../stage.ts';
import { credentials, type Connected } from './credentials.ts';

interface Buying extends Connected {
  orderId?: string;
  paymentId?: string;
  stock?: number;
}

const clusterOf = async ({ world }: Stage, id: string) => world.clusters.get(String((await world.account(id))['backend_cluster_id']));

async function stockOf(stage: Stage, { id, order }: Buying): Promise<number> {
  const { client } = await clusterOf(stage, id);
  const store = await stage.world.store(id);
  const { sku } = order.checkout.catalog[0]!;
  const { data } = await client.from('products').select('stock').eq('client_id', store!.client.id).eq('sku', sku).single();
  return (data as { stock: number }).stock;
}

/** The state of a buyer's order on its cluster, once it is paid. */
async function paid(stage: Stage, { id, orderId, paymentId }: Buying): Promise<void> {
  const { client } = await clusterOf(stage, id);
  await eventually(
    async () => {
      const { data } = await client.from('orders').select('status, payment_id').eq('id', orderId!).single();
      const row = data as { status: string; payment_id: string | null };
      if (row.status !== 'paid' || row.payment_id !== paymentId) throw new Error(JSON.stringify(row));
      return true;
    },
    'a paid order',
    240_000,
  );
}

/** A buyer orders and pays: the order is paid once and the stock goes down once. An order whose answer was lost is entered again, unpaid. */
export const shop = flowOf<Buying>({
  name: 'shop',
  open: (stage) => credentials.open(stage) as Promise<Buying>,
  async run(stage, buying) {
    const { world } = stage;
    const { sku } = buying.order.checkout.catalog[0]!;
    buying.stock = await stockOf(stage, buying);
    let answer: ShopCheckoutAnswer | undefined;
    for (let tries = 1; answer === undefined; tries += 1) {
      const response = await fetch(`${world.url}/stores/${buying.order.slug}/checkout`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [SUBJECT_HEADER]: buying.id },
        body: JSON.stringify({ items: [{ sku, quantity: 1 }] }),
      });
      const body: unknown = await response.json();
      if (response.status === 201) answer = body as ShopCheckoutAnswer;
      else assert.ok(response.status >= 500 && tries < 5, `the shop answered ${String(response.status)}: ${JSON.stringify(body)}`);
    }
    const { orderId } = answer;
    const preference = (await world.simulator.control.preferences()).find((one) => one.external_reference === orderId)!;
    const { paymentId } = await world.simulator.control.pay(preference.id, { owner: buying.sellerId, collectorId: buying.sellerId });
    Object.assign(buying, { orderId, paymentId });
    const looks = `select status from outbox where target = 'shop' and payload ->> 'paymentId' = $1`;
    await eventually(
      async () => {
        const rows = await world.sql<{ status: string }>(looks, [paymentId]);
        return rows.length > 0 && rows.every(({ status }) => status === 'completed');
      },
      'a payment that is looked at',
      240_000,
    );
    await paid(stage, buying);
  },
  async check(stage, buying) {
    await paid(stage, buying);
    assert.equal(await stockOf(stage, buying), buying.stock! - 1);
  },
  reusable: async (stage, buying) => (await stockOf(stage, buying)) > 1,
});

/** A cluster that lost the credentials of its store sells with the Admin DB's, and gets them again. */
export const lostCredentials = flowOf<Buying>({
  ...(shop as unknown as Flow<Buying>),
  name: 'shop without credentials',
  async run(stage, buying) {
    const { client } = await clusterOf(stage, buying.id);
    await client.from('clients').update({ mp_access_token: null, mp_public_key: null }).eq('nv_account_id', buying.id);
    await shop.run(stage, buying);
    await sameOnCluster(stage.world, buying.id);
  },
});
