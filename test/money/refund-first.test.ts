import { expect, test } from '@jest/globals';
import type { AltaClient } from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import type { PlacedOrder, World } from '../support/world.ts';

/** The money went back before Alta acted on its coming: nothing is made, and nothing is given back again, though the rule is to. */
let world: World;
let faults: Faults;
let alta: AltaClient;
useFaultyWorld({ policy: { refundOnFailure: 'always' } }, (made) => ({ world, alta, faults } = made));

/** What the notifications of a payment came to, once there are so many and all are settled. */
const settled = (paymentId: string, count: number): Promise<string[]> =>
  eventually(async () => {
    const rows = await world.sql<{ status: string; result: string }>('select status, result from webhook_inbox where payment_id = $1', [
      paymentId,
    ]);
    if (rows.length < count || rows.some(({ status }) => status === 'received')) throw new Error(JSON.stringify(rows));
    return rows.map(({ result }) => result).sort();
  }, `${count} settled notifications of ${paymentId}`);

const giveBack = (paymentId: string) => world.simulator.control.setStatus(paymentId, 'refunded', { notify: false });
const notify = (paymentId: string, action: string) => world.simulator.control.deliver({ paymentId, action });

/** No store, no intent to give money back, no call that does, and on no list of what is wrong; the record of the payment is true. */
async function nothingCameOfIt({ accountId }: PlacedOrder, paymentId: string): Promise<void> {
  expect(await world.stores(accountId)).toEqual([]);
  expect(await world.account(accountId)).toMatchObject({ status: 'draft', backend_cluster_id: null });
  expect(await world.sql('select status, account_id from payments where payment_id = $1', [paymentId])).toEqual([
    { status: 'refunded', account_id: accountId },
  ]);
  await expect(alta.refunds.show(paymentId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect(await world.simulator.control.ledger({ operation: 'refund.create' })).toEqual([]);
  const { lists, inProgress } = await alta.money.report();
  expect({ ...Object.fromEntries(Object.entries(lists).map(([list, { items }]) => [list, items])), inProgress }).toEqual({
    paidWithoutStore: [],
    storeWithoutPayment: [],
    paidTwice: [],
    refundedButLive: [],
    inProgress: 0,
  });
  expect(await alta.dlq.list()).toEqual([]);
}

const jobsOf = ({ accountId }: PlacedOrder) =>
  world.sql<{ status: string; error_code: string }>('select status, error_code from provisioning_jobs where account_id = $1', [accountId]);

test('P-105 P-107 P-161: the webhook tells of a payment, and when it is read the money has gone back', async () => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { notify: false });
  await giveBack(paymentId);
  await notify(paymentId, 'payment.created');
  expect(await settled(paymentId, 1)).toEqual(['payment refunded; recorded']);
  expect(await jobsOf(order)).toEqual([]);
  await nothingCameOfIt(order, paymentId);
}, 180_000);

test('P-105 P-170 P-161: the word of the refund comes before the word of the approval, and copies of both come later', async () => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { notify: false });
  await giveBack(paymentId);
  await notify(paymentId, 'payment.updated');
  await settled(paymentId, 1);
  await notify(paymentId, 'payment.created');
  await settled(paymentId, 2);
  await world.simulator.control.deliver({ paymentId, copies: 4, distinct: true });
  expect(new Set(await settled(paymentId, 6))).toEqual(new Set(['payment refunded; recorded']));
  expect(await jobsOf(order)).toEqual([]);
  await nothingCameOfIt(order, paymentId);
}, 180_000);

test('P-105 P-161: the payment is approved when the relay reads it, and has gone back when the run does: rejected by name', async () => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { notify: false });
  faults.before('temporal.start-onboarding', async () => void (await giveBack(paymentId)));
  await notify(paymentId, 'payment.created');
  expect(await settled(paymentId, 1)).toEqual(['onboarding started']);
  await world.job(order.accountId, 'rejected');
  await expect(world.handle(order.accountId).result()).rejects.toMatchObject({ cause: { type: 'PAYMENT_NOT_APPROVED' } });
  await notify(paymentId, 'payment.updated');
  await settled(paymentId, 2);
  expect(await jobsOf(order)).toEqual([{ status: 'rejected', error_code: 'PAYMENT_NOT_APPROVED' }]);
  await nothingCameOfIt(order, paymentId);
}, 180_000);

test('P-105 P-161: an answer that was read while the payment was approved, and is written down after its refund, starts nothing', async () => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { notify: false });
  faults.before('admin-db.record-payment', async () => {
    await giveBack(paymentId);
    await notify(paymentId, 'payment.updated');
    await eventually(
      async () => (await world.sql(`select 1 from payments where payment_id = $1 and status = 'refunded'`, [paymentId])).length === 1,
      'the refund on record',
    );
  });
  await notify(paymentId, 'payment.created');
  expect(await settled(paymentId, 2)).toEqual(['payment refunded; recorded', 'payment refunded; recorded']);
  expect(await jobsOf(order)).toEqual([]);
  await nothingCameOfIt(order, paymentId);
}, 180_000);
