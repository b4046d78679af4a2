import { describe, expect, test } from '@jest/globals';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { STEPS, type StepName } from '../../contract/steps.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import { reversePayment } from '../support/payments.ts';
import type { PlacedOrder, World } from '../support/world.ts';

/** A payment that goes back while its onboarding runs: undone before the pivot, parked for a decision after it. */
let world: World;
let faults: Faults;
// Every step a regular activity, so that a run learns of news at the very next safe point.
useFaultyWorld(
  { policy: { fastPath: false }, mend: () => world.sql('update backend_clusters set is_active = true') },
  (made) => ({ world, faults } = made),
);

/** The boundary that each step passes when it acts. */
const ACT_OF: Record<StepName, string> = {
  'verify-payment': 'admin-db.accept-payment',
  'claim-slug': 'admin-db.claim-slug',
  'reserve-placement': 'admin-db.take-slot',
  'upsert-client': 'cluster.upsert-client',
  'create-admin-user': 'cluster.create-auth-user',
  'sync-mp-credentials': 'cluster.set-mp-credentials',
  'seed-content': 'cluster.seed-content',
  'migrate-assets': 'cluster.put-assets',
  'sync-entitlements': 'cluster.set-entitlements',
  activate: 'admin-db.activate-account',
  'publish-store': 'cluster.publish-client',
  'start-account': 'temporal.start-account',
  notify: 'mailer.send',
};
const steps = Object.keys(STEPS) as StepName[];
const pivot = STEPS.activate.wave;
const REVERSALS = ['refunded', 'charged_back'] as const;
const beforePivot = steps.filter((step) => STEPS[step].wave < pivot);
const fromPivot = steps.filter((step) => STEPS[step].wave >= pivot);
const withReversals = (of: StepName[]): [StepName, string][] =>
  of.flatMap((step) => REVERSALS.map((status): [StepName, string] => [step, status]));

const reverse = (paymentId: string, status: string): Promise<void> => reversePayment(world, paymentId, status);

/** An order whose payment is reversed just before a step acts. */
async function reversedAt(step: StepName, status: string): Promise<{ order: PlacedOrder; paymentId: string }> {
  const order = await world.checkout();
  let paymentId = '';
  faults.before(ACT_OF[step], () => reverse(paymentId, status));
  ({ paymentId } = await world.pay(order, { notify: false }));
  await world.simulator.control.deliver({ paymentId });
  return { order, paymentId };
}

const count = async (accountId: string, activity: string): Promise<number> =>
  ((await world.handle(accountId).fetchHistory()).events ?? []).filter(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity,
  ).length;

test('no news, no reading: the payment is read once, and nothing more is scheduled for it', async () => {
  const order = await world.checkout();
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  expect([await count(order.accountId, 'verify-payment'), await count(order.accountId, 'check-payment')]).toEqual([1, 0]);
}, 60_000);

describe('before the pivot', () => {
  test.each(withReversals(beforePivot))(
    'P-106 P-161: at %s the payment is %s: the run stops at the next safe point and leaves nothing',
    async (step, status) => {
      const { order } = await reversedAt(step, status);
      const end = step === 'verify-payment' ? 'rejected' : 'compensated';
      const job = await world.job(order.accountId, end);
      expect(job.error_code).toBe('PAYMENT_NOT_APPROVED');
      await expect(world.handle(order.accountId).result()).rejects.toMatchObject({ cause: { type: 'PAYMENT_NOT_APPROVED' } });
      const begun = (await world.steps(order.accountId)).map((row) => row.step as StepName);
      expect(begun.filter((name) => STEPS[name].wave > STEPS[step].wave)).toEqual([]);
      expect(await world.stores(order.accountId)).toEqual([]);
    },
    60_000,
  );

  test('P-161: a parked run is woken by the news and undone without an operator', async () => {
    const order = await world.checkout();
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    faults.at('cluster.set-entitlements', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    const { paymentId } = await world.pay(order);
    await eventually(async () => (await world.progress(order.accountId)).parked.length === 2, 'two parked steps');
    await reverse(paymentId, 'charged_back');
    expect((await world.job(order.accountId, 'compensated')).error_code).toBe('PAYMENT_NOT_APPROVED');
    expect(await count(order.accountId, 'verify-payment')).toBe(2);
    expect(await world.stores(order.accountId)).toEqual([]);
  }, 60_000);

  test('news that change nothing leave a parked run parked, and its decision open', async () => {
    const order = await world.checkout();
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    const { paymentId } = await world.pay(order);
    await world.job(order.accountId, 'parked');
    await world.simulator.control.deliver({ paymentId });
    await eventually(async () => (await count(order.accountId, 'verify-payment')) === 2, 'a second reading');
    await eventually(async () => (await world.progress(order.accountId)).running.length === 1, 'the reading to end');
    expect((await world.progress(order.accountId)).parked).toMatchObject([{ step: 'seed-content', code: 'CLUSTER_UNREACHABLE' }]);
    faults.clear();
    await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'mended' });
    await world.job(order.accountId, 'completed');
  }, 60_000);

  test('a check of the payment that is parked itself is tried again at the next news', async () => {
    const order = await world.checkout();
    faults.at('admin-db.accept-payment', { mode: 'fail-before', code: 'ADMIN_DB_UNAVAILABLE' });
    const { paymentId } = await world.pay(order);
    await world.job(order.accountId, 'parked');
    faults.clear();
    await world.simulator.control.deliver({ paymentId });
    await world.job(order.accountId, 'completed');
  }, 60_000);

  test('P-162 P-161: a run that waits for a cluster is woken by the news and undone', async () => {
    await world.sql('update backend_clusters set is_active = false');
    const order = await world.checkout();
    const { paymentId } = await world.pay(order);
    await world.job(order.accountId, 'waiting');
    await world.simulator.control.deliver({ paymentId });
    await eventually(async () => (await count(order.accountId, 'verify-payment')) === 2, 'a second reading');
    await world.job(order.accountId, 'waiting');
    await reverse(paymentId, 'refunded');
    expect((await world.job(order.accountId, 'compensated')).error_code).toBe('PAYMENT_NOT_APPROVED');
  }, 60_000);

  test('law 7: a run parked at its activation is undone by the news, unless the store is live', async () => {
    for (const [mode, end] of [
      ['fail-before', 'compensated'],
      ['fail-after', 'parked'],
    ] as const) {
      const order = await world.checkout();
      faults.at('admin-db.activate-account', { mode, code: 'ADMIN_DB_UNAVAILABLE' });
      const { paymentId } = await world.pay(order);
      await eventually(async () => (await world.progress(order.accountId)).parked.length === 1, 'a parked activation');
      faults.clear();
      await reverse(paymentId, 'refunded');
      await eventually(async () => {
        const job = await world.job(order.accountId, end);
        return job.error_code === (end === 'parked' ? 'PAYMENT_REVERSED' : 'PAYMENT_NOT_APPROVED');
      }, `the end ${end}`);
      expect(await world.stores(order.accountId)).toHaveLength(end === 'parked' ? 1 : 0);
    }
  }, 60_000);
});

describe('from the pivot on', () => {
  test.each(withReversals(fromPivot))(
    'P-161 law 7: at %s the payment is %s: the run parks for a decision, nothing is undone',
    async (step, status) => {
      const { order, paymentId } = await reversedAt(step, status);
      const job = await world.job(order.accountId, 'parked');
      expect(job.error_code).toBe('PAYMENT_REVERSED');
      expect((await world.progress(order.accountId)).parked).toMatchObject([{ step: 'verify-payment', code: 'PAYMENT_REVERSED' }]);
      const { typedSearchAttributes } = await world.handle(order.accountId).describe();
      expect(typedSearchAttributes.get(SEARCH_ATTRIBUTES.state)).toBe('NeedsAttention');
      expect((await world.store(order.accountId))!.client).toMatchObject({ publication_status: 'published' });
      await expect(world.resolve(order.accountId, { action: 'compensate', actor: 'ana', reason: 'gone' })).rejects.toMatchObject({
        cause: { type: 'RESOLVE_REFUSED' },
      });

      if (status === 'refunded') {
        await world.resolve(order.accountId, { step: 'verify-payment', action: 'skip', actor: 'ana', reason: 'paid in cash' });
        await world.job(order.accountId, 'completed');
        const decisions = await world.sql('select step, action, actor, reason from operator_actions where job_id = $1', [job.id]);
        expect(decisions).toEqual([{ step: 'verify-payment', action: 'skip', actor: 'ana', reason: 'paid in cash' }]);
      } else {
        // The bank takes the dispute back: reading it again is enough.
        await world.simulator.control.setStatus(paymentId, 'approved', { notify: false });
        await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'the dispute was won' });
        await world.job(order.accountId, 'completed');
      }
      expect((await world.store(order.accountId))!.client).toMatchObject({ publication_status: 'published' });
    },
    60_000,
  );

  test('a reversal that is still one parks again after retry; a dispute that was won goes on by its own news', async () => {
    const { order, paymentId } = await reversedAt('publish-store', 'charged_back');
    await world.job(order.accountId, 'parked');
    const [first] = (await world.progress(order.accountId)).parked;
    await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'look again' });
    await eventually(async () => {
      const [again] = (await world.progress(order.accountId)).parked;
      return again !== undefined && again.since !== first!.since;
    }, 'a second stop');
    await world.simulator.control.setStatus(paymentId, 'approved');
    await world.job(order.accountId, 'completed');
  }, 60_000);

  test('a partial refund is a reversal too', async () => {
    const order = await world.checkout();
    let paymentId = '';
    faults.before('mailer.send', async () => {
      await world.simulator.control.setStatus(paymentId, 'approved', { amountRefunded: '1' });
      await eventually(
        async () =>
          (await world.sql(`select 1 from webhook_inbox where payment_id = $1 and result = 'the running onboarding was told'`, [paymentId]))
            .length > 0,
        'a run that was told',
      );
    });
    ({ paymentId } = await world.pay(order, { notify: false }));
    await world.simulator.control.deliver({ paymentId });
    expect((await world.job(order.accountId, 'parked')).error_code).toBe('PAYMENT_REVERSED');
    await world.resolve(order.accountId, { action: 'skip', actor: 'ana', reason: 'a discount' });
    await world.job(order.accountId, 'completed');
  }, 60_000);
});
