import { describe, expect, test } from '@jest/globals';
import type { AltaClient, RefundRow } from '../../client/index.ts';
import type { RefundRule } from '../../contract/refund.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import { failedOrder, QUICK_REFUNDS, watchRefunds, type FailedOrder } from '../support/refunds.ts';
import type { World } from '../support/world.ts';

/** What becomes of money whose store was not made: given back at most once, and never without a word. */
let world: World;
let faults: Faults;
let alta: AltaClient;
let refunds: ReturnType<typeof watchRefunds>;
useFaultyWorld(
  {
    env: { ALTA_REFUND_POLICY: QUICK_REFUNDS },
    async mend() {
      world.config.ALTA_ONBOARDING_POLICY.refundOnFailure = 'operator';
      await world.simulator.control.setRefundStatus('approved');
      await world.simulator.control.faults.clear();
    },
  },
  (made) => {
    ({ world, alta, faults } = made);
    refunds = watchRefunds(world, alta);
  },
);

const failed = (rule?: RefundRule): Promise<FailedOrder> => failedOrder(world, faults, rule);
const rowsOf = (paymentId: string): Promise<RefundRow[]> => alta.refunds.show(paymentId);

const refused = { code: 'RESOLVE_REFUSED' };

describe('REFUND_ON_FAILURE', () => {
  test('P-161 operator: the run ends, the question stands, and one decision gives the money back once', async () => {
    const { order, paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    expect(await refunds.ledger(paymentId)).toEqual([]);
    expect((await alta.onboardings.show(order.accountId)).job).toMatchObject({ state: 'compensated', refund: 'asked' });
    await refunds.decide(paymentId, 'refund');
    const row = await refunds.inState(paymentId, 'approved');
    expect(row).toMatchObject({ decidedBy: 'ana', decisionReason: 'as agreed', tries: 1, amount: order.amount });
    expect(await refunds.handle(paymentId).result()).toMatchObject({ state: 'approved' });
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    expect(await refunds.calls(paymentId)).toEqual([row.refundId]);
    const { payment, decisions } = await alta.onboardings.show(order.accountId);
    expect(payment).toMatchObject({ status: 'refunded' });
    expect(decisions).toMatchObject([{ action: 'refund-refund', actor: 'ana' }]);
    await expect(refunds.decide(paymentId, 'refund')).rejects.toMatchObject(refused);
  }, 60_000);

  test('P-161 operator: the money is kept, on record, and nothing is sent', async () => {
    const { paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await refunds.decide(paymentId, 'keep', 'the customer waits');
    expect(await refunds.handle(paymentId).result()).toMatchObject({ state: 'kept' });
    expect(await rowsOf(paymentId)).toMatchObject([{ state: 'kept', decidedBy: 'ana', decisionReason: 'the customer waits' }]);
    expect(await refunds.calls(paymentId)).toEqual([]);
  }, 60_000);

  test('P-161 always: the money goes back by itself, once', async () => {
    const { paymentId } = await failed('always');
    expect(await refunds.inState(paymentId, 'approved')).toMatchObject({ decidedBy: 'alta' });
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
  }, 60_000);

  test('P-161 always: a rejected run with approved money of ours gives it back as well', async () => {
    world.config.ALTA_ONBOARDING_POLICY.refundOnFailure = 'always';
    const order = await world.checkout();
    const { paymentId } = await world.pay(order, { amount: '1' });
    await world.job(order.accountId, 'rejected');
    expect(await refunds.inState(paymentId, 'approved')).toMatchObject({ amount: '1' });
  }, 60_000);

  test('P-161 never: nothing is asked and nothing is sent', async () => {
    const { paymentId } = await failed('never');
    await expect(rowsOf(paymentId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    expect(await refunds.calls(paymentId)).toEqual([]);
  }, 60_000);

  test.each([
    ['went back already', 'refunded'],
    ['was charged back', 'charged_back'],
  ])(
    'P-161: money that %s is not asked about',
    async (_what, status) => {
      world.config.ALTA_ONBOARDING_POLICY.refundOnFailure = 'always';
      const order = await world.checkout();
      faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
      const { paymentId } = await world.pay(order);
      await world.job(order.accountId, 'parked');
      await world.simulator.control.setStatus(paymentId, status);
      await world.job(order.accountId, 'compensated');
      await expect(rowsOf(paymentId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    },
    60_000,
  );

  test('P-161: money that another collector has is not asked about, and cannot be', async () => {
    world.config.ALTA_ONBOARDING_POLICY.refundOnFailure = 'always';
    const order = await world.checkout();
    const { paymentId } = await world.pay(order, { collectorId: '987654321' });
    await world.job(order.accountId, 'rejected');
    await expect(rowsOf(paymentId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(alta.refunds.ask(paymentId, { actor: 'ana', reason: 'x' })).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('collector') as unknown,
    });
  }, 60_000);
});

describe('at most once', () => {
  test.each([
    ['the answer is lost', 'lost'],
    ['the answer is cut', 'cut'],
    ['Mercado Pago fails before it acts', 'refuse'],
  ] as const)(
    'P-161: %s: the payment is read again, the key stays, one refund',
    async (_what, kind) => {
      const { paymentId } = await failed();
      await refunds.asked(paymentId, 'REFUND_UNDECIDED');
      await world.simulator.control.faults.add({ operation: 'refund.create', kind });
      await refunds.decide(paymentId, 'refund');
      await refunds.inState(paymentId, 'approved');
      expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
      expect(new Set(await refunds.calls(paymentId)).size).toBe(1);
    },
    60_000,
  );

  test('P-161: a lost answer to the whole world, keys forgotten: what was done is found by reading', async () => {
    const { paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await world.simulator.control.setRefundStatus('in_process');
    faults.at('mercadopago.refund-payment', { mode: 'fail-after', code: 'MP_UNAVAILABLE', times: 1 });
    await refunds.decide(paymentId, 'refund');
    const row = await refunds.inState(paymentId, 'in_process');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.in_process']);
    expect(await refunds.calls(paymentId)).toHaveLength(1);
    await world.simulator.control.endRefund(row.mpRefundId!, 'approved');
    await refunds.inState(paymentId, 'approved');
  }, 60_000);

  test('P-161: the same call twice is one refund', async () => {
    const { paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    faults.at('mercadopago.refund-payment', { mode: 'twice', times: 1 });
    await refunds.decide(paymentId, 'refund');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
  }, 60_000);

  test('P-161: two operators decide at once: one refund, both on record or one refused', async () => {
    const { paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await Promise.allSettled([
      refunds.decide(paymentId, 'refund', 'first'),
      refunds.decide(paymentId, 'refund', 'second'),
      refunds.decide(paymentId, 'refund'),
    ]);
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
  }, 60_000);

  test('P-161: a refund that is refused for good by the Admin DB between call and record is found, not repeated', async () => {
    const { paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    faults.at('admin-db.end-refund-try', { mode: 'fail-before', code: 'ADMIN_DB_UNAVAILABLE', times: 2 });
    await refunds.decide(paymentId, 'refund');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    expect(await refunds.calls(paymentId)).toHaveLength(1);
  }, 60_000);

  test('P-161: paid twice: an operator asks twice for the second payment, one refund goes back and the store stays', async () => {
    const order = await world.checkout();
    await world.pay(order);
    await world.job(order.accountId, 'completed');
    const { paymentId } = await world.pay(order);
    await eventually(
      async () => (await world.sql('select 1 from payments where payment_id = $1', [paymentId])).length === 1,
      'a recorded payment',
    );
    const asks = await Promise.all([1, 2].map(() => alta.refunds.ask(paymentId, { actor: 'ana', reason: 'paid twice' })));
    expect(new Set(asks.map(({ refundId }) => refundId)).size).toBe(1);
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await refunds.decide(paymentId, 'refund');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    expect((await world.store(order.accountId))!.client).toMatchObject({ publication_status: 'published' });
    // The intent's end is known a moment before the payment is looked at again, and may be all that is known for long.
    await world.sql(`update payments set status = 'approved', amount_refunded = 0 where payment_id = $1`, [paymentId]);
    await expect(alta.refunds.ask(paymentId, { actor: 'ana', reason: 'again' })).rejects.toMatchObject(refused);
  }, 60_000);

  test('P-161: a part that went back meanwhile is not given back again', async () => {
    const { order, paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await world.simulator.control.setStatus(paymentId, 'approved', { amountRefunded: '1000' });
    await refunds.decide(paymentId, 'refund');
    expect(await refunds.inState(paymentId, 'approved')).toMatchObject({ amount: String(Number(order.amount) - 1000) });
    const [payment] = (await world.simulator.control.payments()).filter(({ id }) => String(id) === paymentId);
    expect(payment).toMatchObject({ status: 'refunded', transaction_amount_refunded: payment!.transaction_amount });
  }, 60_000);

  test.each(['refunded', 'charged_back'])(
    'P-161: the payment is %s while the question is open: nothing is sent',
    async (status) => {
      const { paymentId } = await failed();
      await refunds.asked(paymentId, 'REFUND_UNDECIDED');
      await world.simulator.control.setStatus(paymentId, status, { notify: false });
      await refunds.decide(paymentId, 'refund');
      expect(await refunds.inState(paymentId, 'not_needed')).toMatchObject({ code: 'REFUND_NOT_NEEDED', tries: 0 });
      expect(await refunds.calls(paymentId)).toEqual([]);
    },
    60_000,
  );
});

describe('in process, rejected, failing', () => {
  test('P-161: a refund in process is REFUND_PENDING until it ends', async () => {
    const { order, paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await world.simulator.control.setRefundStatus('in_process');
    await refunds.decide(paymentId, 'refund');
    const row = await refunds.inState(paymentId, 'in_process');
    expect(row).toMatchObject({ code: 'REFUND_PENDING', endedAt: null });
    expect((await alta.onboardings.show(order.accountId)).job.refund).toBe('in_process');
    await expect(refunds.decide(paymentId, 'keep')).rejects.toMatchObject(refused);
    await expect(alta.onboardings.retry(order.accountId, { actor: 'ana', reason: 'x' })).rejects.toMatchObject(refused);
    await world.simulator.control.endRefund(row.mpRefundId!, 'approved');
    expect(await refunds.handle(paymentId).result()).toMatchObject({ state: 'approved' });
    expect(await refunds.ledger(paymentId)).toEqual(['refund.in_process', 'refund.approved']);
  }, 60_000);

  test('P-161: a rejected refund asks again; another try is another intent, and one refund goes back', async () => {
    const { paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await world.simulator.control.setRefundStatus('rejected');
    await refunds.decide(paymentId, 'refund');
    await refunds.asked(paymentId, 'REFUND_REJECTED');
    expect(await rowsOf(paymentId)).toMatchObject([{ state: 'asked' }, { state: 'rejected', code: 'REFUND_REJECTED' }]);
    await world.simulator.control.setRefundStatus('in_process');
    await refunds.decide(paymentId, 'refund');
    await world.simulator.control.endRefund((await refunds.inState(paymentId, 'in_process')).mpRefundId!, 'cancelled');
    await refunds.asked(paymentId, 'REFUND_REJECTED');
    await world.simulator.control.setRefundStatus('approved');
    await refunds.decide(paymentId, 'refund');
    await refunds.inState(paymentId, 'approved');
    const keys = await refunds.calls(paymentId);
    expect(new Set(keys).size).toBe(3);
    expect((await refunds.ledger(paymentId)).filter((what) => what === 'refund.approved')).toHaveLength(1);
  }, 60_000);

  test('P-161: a refund that Mercado Pago refuses for good asks the operator, who keeps the money', async () => {
    const { paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await world.simulator.control.faults.add({ operation: 'refund.create', kind: 'status', status: 400 });
    await refunds.decide(paymentId, 'refund');
    await refunds.asked(paymentId, 'REFUND_REJECTED');
    await refunds.decide(paymentId, 'keep');
    expect(await refunds.handle(paymentId).result()).toMatchObject({ state: 'kept' });
    expect(await refunds.ledger(paymentId)).toEqual([]);
  }, 60_000);

  test('P-161: used-up tries park the intent; it cannot be kept once it may have been sent, and trying again sends one', async () => {
    const { paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await world.simulator.control.faults.add({ operation: 'refund.create', kind: 'status', status: 500, count: 3 });
    await refunds.decide(paymentId, 'refund');
    await refunds.asked(paymentId, 'MP_UNAVAILABLE');
    await expect(refunds.decide(paymentId, 'keep')).rejects.toMatchObject(refused);
    await eventually(async () => (await refunds.asked(paymentId, 'MP_UNAVAILABLE')).question, 'the question to stand still');
    await refunds.decide(paymentId, 'refund', 'they are back');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    expect(new Set(await refunds.calls(paymentId)).size).toBe(1);
  }, 60_000);
});

describe('the onboarding is started again', () => {
  test('P-121 P-161: an open question is superseded, and the payment buys its store', async () => {
    const { order, paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await alta.onboardings.retry(order.accountId, { actor: 'ana', reason: 'mended' });
    await world.job(order.accountId, 'completed');
    expect(await refunds.handle(paymentId).result()).toMatchObject({ state: 'superseded' });
    expect(await rowsOf(paymentId)).toMatchObject([{ state: 'superseded', decidedBy: 'ana' }]);
    expect(await refunds.calls(paymentId)).toEqual([]);
  }, 60_000);

  test('P-121 P-161: money that is back buys nothing; a late copy of the webhook starts nothing either', async () => {
    const { order, paymentId } = await failed('always');
    await refunds.inState(paymentId, 'approved');
    await expect(alta.onboardings.retry(order.accountId, { actor: 'ana', reason: 'x' })).rejects.toMatchObject(refused);
    await world.simulator.control.deliver({ paymentId });
    await world.simulator.control.idle();
    expect(await world.sql('select 1 from provisioning_jobs where account_id = $1', [order.accountId])).toHaveLength(1);
  }, 60_000);

  test('P-121 P-161: retry and refund at the same moment: one of them, never both', async () => {
    const { order, paymentId } = await failed();
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    const [retry, refund] = await Promise.allSettled([
      alta.onboardings.retry(order.accountId, { actor: 'ana', reason: 'mended' }),
      refunds.decide(paymentId, 'refund'),
    ]);
    expect([retry.status, refund.status].filter((status) => status === 'fulfilled')).toHaveLength(1);
    if (retry.status === 'fulfilled') {
      await world.job(order.accountId, 'completed');
      expect(await refunds.ledger(paymentId)).toEqual([]);
    } else {
      await refunds.inState(paymentId, 'approved');
      expect(await world.stores(order.accountId)).toEqual([]);
    }
  }, 60_000);
});
