import assert from 'node:assert/strict';
import { SUBJECT_HEADER } from '../../support/attribution.ts';
import { eventually } from '../../support/eventually.ts';
import { expectOneStore } from '../../support/one-store.ts';
import { sampleCheckout } from '../../support/samples.ts';
import type { PlacedOrder } from '../../support/world.ts';
import { flowOf, type Subject } from '../flow.ts';
import type { Stage } from '../stage.ts';

export interface Ordered extends Subject {
  order: PlacedOrder;
}

export async function openOrder(stage: Stage): Promise<Ordered> {
  const order = await stage.checkout();
  return { id: order.accountId, order };
}

/** The account's run knows of the birth and has nothing left to do. */
export async function settled({ world }: Stage, accountId: string): Promise<void> {
  await world.quiet(accountId);
}

/** From the paid order to the store, and to the run that looks after it. */
export const onboarding = flowOf<Ordered>({
  name: 'onboarding',
  open: openOrder,
  async run(stage, { id, order }) {
    await stage.world.pay(order);
    await stage.job(id, 'completed', 'parked', 'compensated', 'rejected');
  },
  async check(stage, { id, order }) {
    await expectOneStore(stage.world, order);
    await settled(stage, id);
  },
});

interface Shopper extends Subject {
  body: ReturnType<typeof sampleCheckout>;
  order?: PlacedOrder;
}

/** The checkout at the front door, which a customer sends again when no answer comes; the paid order is one store. */
export const checkout = flowOf<Shopper>({
  name: 'checkout',
  open: () => {
    const body = sampleCheckout();
    return Promise.resolve({ id: body.email, body });
  },
  async run(stage, shopper) {
    const { world } = stage;
    for (let tries = 1; shopper.order === undefined; tries += 1) {
      const response = await fetch(`${world.url}/onboarding/checkout`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', [SUBJECT_HEADER]: shopper.id },
        body: JSON.stringify(shopper.body),
      });
      const answer = (await response.json()) as PlacedOrder;
      if (response.status === 201) shopper.order = { ...answer, checkout: shopper.body, merchantToken: null };
      else assert.ok(response.status >= 500 && tries < 5, `the checkout answered ${String(response.status)}: ${JSON.stringify(answer)}`);
    }
    const { accountId } = shopper.order;
    stage.mine.add(accountId);
    await world.pay(shopper.order);
    await stage.job(accountId, 'completed', 'parked', 'compensated', 'rejected');
  },
  async check(stage, { order }) {
    assert.equal((await stage.world.stores(order!.accountId)).length, 1);
  },
});

/** News of one payment again and again, first while it is pending: one run, one store. */
export const copies = flowOf<Ordered>({
  name: 'copied webhooks',
  open: openOrder,
  async run(stage, { id, order }) {
    const { world } = stage;
    const { paymentId } = await world.pay(order, { status: 'pending' });
    await eventually(
      async () => (await world.sql(`select 1 from webhook_inbox where payment_id = $1 and status = 'processed'`, [paymentId])).length > 0,
      'a pending payment that is written down',
      240_000,
    );
    await world.simulator.control.setStatus(paymentId, 'approved');
    await world.simulator.control.deliver({ paymentId, copies: 3, distinct: true });
    await stage.job(id, 'completed', 'parked', 'compensated', 'rejected');
    await world.simulator.control.deliver({ paymentId, copies: 2, distinct: true });
  },
  async check(stage, { id, order }) {
    await expectOneStore(stage.world, order);
    await settled(stage, id);
  },
});
