import { expect, test } from '@jest/globals';
import type { PollResult } from '../../contract/upkeep.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import { expectOneStore } from '../support/one-store.ts';
import { drainedOutbox } from '../support/payments.ts';
import { runTask } from '../support/upkeep.ts';
import type { World } from '../support/world.ts';

/** Payments whose webhook never came: the poll finds them and feeds the inbox; the relay reads each one back and decides. */
let world: World;
let faults: Faults;
useFaultyWorld({}, (made) => ({ world, faults } = made));

const poll = (): Promise<PollResult> => runTask<PollResult>(world, 'poll-payments');
const polled = (paymentId: string): Promise<{ status: string; result: string; deliveries: number }[]> =>
  world.sql(
    `select status, result, deliveries from webhook_inbox where payment_id = $1 and delivery_key like 'poll/%' order by first_received_at`,
    [paymentId],
  );
const searches = async (): Promise<number> => (await world.simulator.control.ledger({ operation: 'payment.search' })).length;

test('P-111 P-161: with all webhooks dropped every approved payment gets exactly one store, and polling again feeds nothing', async () => {
  const orders = await Promise.all(Array.from({ length: 4 }, () => world.checkout()));
  const payments = await Promise.all(orders.map((order) => world.pay(order, { notify: false })));
  expect(await poll()).toMatchObject({ held: null, fed: 4, complete: true });
  for (const order of orders) await expectOneStore(world, order);
  await drainedOutbox(world);
  expect(await poll()).toMatchObject({ held: null, fed: 0, complete: true });
  for (const { paymentId } of payments)
    expect(await polled(paymentId)).toEqual([{ status: 'processed', result: 'onboarding started', deliveries: 1 }]);
});

test.each(['refunded', 'charged_back'])(
  'law 1: a %s payment whose webhook was dropped as well reaches its account, once',
  async (status) => {
    const order = await world.checkout();
    const { paymentId } = await world.pay(order);
    await world.job(order.accountId, 'completed');
    await world.simulator.control.setStatus(paymentId, status, { notify: false });
    expect(await poll()).toMatchObject({ fed: 1 });
    await eventually(async () => (await polled(paymentId))[0]?.result.endsWith('the account was told'), 'a settled poll');
    expect(await world.sql('select status from payments where payment_id = $1', [paymentId])).toEqual([{ status }]);
    expect(await poll()).toMatchObject({ fed: 0 });
  },
);

test('law 1: a payment that the inbox knows in its state is not fed again, nor one of which the notification still waits', async () => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order);
  await world.job(order.accountId, 'completed');
  await drainedOutbox(world);
  expect(await poll()).toMatchObject({ fed: 0 });
  const waiting = await world.checkout();
  faults.at('mercadopago.get-payment', { mode: 'fail-before', code: 'MP_BAD_ANSWER' });
  const later = await world.pay(waiting);
  await eventually(
    async () =>
      (await world.sql(`select 1 from outbox where status = 'pending' and payload ->> 'paymentId' = $1`, [later.paymentId])).length,
    'a notification that waits',
  );
  expect(await poll()).toMatchObject({ fed: 0 });
  expect([...(await polled(paymentId)), ...(await polled(later.paymentId))]).toEqual([]);
  faults.clear();
  await world.sql(`update outbox set next_attempt_at = now() where status = 'pending'`);
  await world.job(waiting.accountId, 'completed');
});

test('a payment of nobody of ours, or a state that changes between two looks, costs no wrong read', async () => {
  await world.simulator.control.pay(null, { notify: false });
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { status: 'pending', notify: false });
  expect(await poll()).toMatchObject({ fed: 1 });
  await eventually(async () => (await polled(paymentId))[0]?.status === 'processed', 'a pending payment that was read');
  await world.simulator.control.setStatus(paymentId, 'approved', { notify: false });
  expect(await poll()).toMatchObject({ fed: 1 });
  await expectOneStore(world, order);
  expect((await polled(paymentId)).map(({ result }) => result)).toEqual(['payment pending; the slug stays reserved', 'onboarding started']);
});

test('many pages: what changes while they are read pushes nobody over an edge unseen', async () => {
  const first = await world.checkout();
  const early = await world.pay(first, { notify: false, status: 'pending' });
  for (let n = 0; n < 49; n += 1) await world.simulator.control.pay(null, { notify: false });
  const edge = await world.checkout();
  await world.pay(edge, { notify: false });
  for (let n = 0; n < 60; n += 1) await world.simulator.control.pay(null, { notify: false });
  await world.sql('delete from upkeep_marks');
  // Before the second page the first payment changes: it moves to the end, and by offset the next one would be passed over.
  faults.before('mercadopago.search-payments', () => {
    faults.before('admin-db.feed-polled', async () => {
      await world.simulator.control.setStatus(early.paymentId, 'approved', { notify: false });
    });
  });
  const result = await poll();
  expect(result).toMatchObject({ held: null, complete: true });
  expect(result.pages).toBeGreaterThan(2);
  await Promise.all([expectOneStore(world, first), expectOneStore(world, edge)]);
});

test('law 11: it leaves Mercado Pago alone for as long as Retry-After asks, and then goes on where it was', async () => {
  const order = await world.checkout();
  await world.pay(order, { notify: false });
  await world.simulator.control.faults.add({ operation: 'payment.search', kind: 'status', status: 429, retryAfterSeconds: 600 });
  expect(await poll()).toMatchObject({ held: 'MP_RATE_LIMITED', fed: 0 });
  const asked = await searches();
  expect(await poll()).toMatchObject({ held: 'MP_RATE_LIMITED', pages: 0 });
  expect(await searches()).toBe(asked);
  const [mark] = await world.sql<{ left: number }>(
    `select extract(epoch from resume_at - now())::float8 as left from upkeep_marks where task = 'poll-payments'`,
  );
  expect(mark!.left).toBeGreaterThan(500);
  await world.sql(`update upkeep_marks set resume_at = now()`);
  expect(await poll()).toMatchObject({ held: null, fed: 1 });
  await expectOneStore(world, order);
});

test.each([
  ['Mercado Pago', 'mercadopago.search-payments', 'MP_UNAVAILABLE'],
  ['the Admin DB', 'admin-db.feed-polled', 'ADMIN_DB_UNAVAILABLE'],
] as const)('law 11: while %s looks dead it holds; nothing is lost when it is back', async (_what, boundary, code) => {
  const order = await world.checkout();
  await world.pay(order, { notify: false });
  faults.at(boundary, { mode: 'fail-before', code });
  expect(await poll()).toMatchObject({ held: code, fed: 0, complete: false });
  faults.clear();
  expect(await poll()).toMatchObject({ held: null, fed: 1, complete: true });
  await expectOneStore(world, order);
});

test('a poll costs one statement for its mark, and one a page that feeds and moves the mark together', async () => {
  await poll();
  faults.clear();
  const { pages, fed } = await poll();
  expect(fed).toBe(0);
  expect(faults.passed.filter((name) => /^admin-db\.(?:load-poll-mark|feed-polled|rest-polling|accept)/.test(name))).toEqual([
    'admin-db.load-poll-mark',
    ...Array.from({ length: pages }, () => 'admin-db.feed-polled'),
  ]);
});
