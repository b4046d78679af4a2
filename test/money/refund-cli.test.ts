import { describe, expect, test } from '@jest/globals';
import type { JobDetails, RefundRow } from '../../client/index.ts';
import type { RefundProgress } from '../../contract/refund.ts';
import { runAlta, type CliOutcome } from '../support/alta-cli.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import { failedOrder, QUICK_REFUNDS, watchRefunds } from '../support/refunds.ts';
import type { World } from '../support/world.ts';

/** `alta refunds ...` as operators use it: a process of its own, with the operator's rights in the Admin DB. */
let world: World;
let faults: Faults;
let refunds: ReturnType<typeof watchRefunds>;
useFaultyWorld({ env: { ALTA_REFUND_POLICY: QUICK_REFUNDS }, mend: () => world.simulator.control.setRefundStatus('approved') }, (made) => {
  ({ world, faults } = made);
  refunds = watchRefunds(world, made.alta);
});

const run = (...args: string[]): Promise<CliOutcome> => runAlta(world.env, ...args);
const text = async (...args: string[]): Promise<string> => {
  const { code, out, err } = await run(...args);
  if (code !== 0) throw new Error(err);
  return out;
};
const json = async <T>(...args: string[]): Promise<T> => JSON.parse(await text(...args, '--json')) as T;
/** A command that is refused: its exit code, and the error that it tells of. */
const refusal = async (...args: string[]): Promise<[number, { code: string; message: string }]> => {
  const { code, out, err } = await run(...args, '--json');
  expect(out).toBe('');
  return [code, JSON.parse(err) as { code: string; message: string }];
};
const because = (...args: string[]): string[] => [...args, '--reason', 'as agreed', '--actor', 'ana'];

/** A failed order whose run asks. */
async function question(): Promise<{ accountId: string; paymentId: string; amount: string }> {
  const { order, paymentId } = await failedOrder(world, faults);
  await refunds.asked(paymentId, 'REFUND_UNDECIDED');
  return { accountId: order.accountId, paymentId, amount: order.amount };
}

describe('a question', () => {
  test('P-161: is listed and shown with what to do; decided as refund it goes back once, and both say so', async () => {
    const { accountId, paymentId, amount } = await question();
    const listed = await json<RefundRow[]>('refunds', 'list', '--state', 'asked');
    expect(listed).toContainEqual(
      expect.objectContaining({ paymentId, accountId, state: 'asked', amount, currency: 'ARS', tries: 0, decidedBy: null }),
    );
    const table = await text('refunds', 'list', '--state', 'asked');
    expect(table.split('\n')[0]).toMatch(/^PAYMENT +ACCOUNT +STATE +AMOUNT +AGE +REASON/);
    expect(table).toMatch(new RegExp(`^${paymentId} +${accountId} +asked +${amount} ARS .*REFUND_UNDECIDED`, 'm'));
    expect(await text('refunds', 'show', paymentId)).toContain(`alta refunds decide ${paymentId} refund|keep --reason`);

    const answer = await json<RefundProgress>(...because('refunds', 'decide', paymentId, 'refund'));
    expect(answer).toMatchObject({ paymentId, state: 'wanted', question: false });
    const { refundId, mpRefundId } = await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    expect(await refunds.calls(paymentId)).toEqual([refundId]);
    expect(await json<RefundRow[]>('refunds', 'show', refundId)).toMatchObject([
      { paymentId, state: 'approved', decidedBy: 'ana', decisionReason: 'as agreed', tries: 1, mpRefundId },
    ]);
    const story = await text('refunds', 'show', paymentId);
    expect(story).toMatch(/state +approved/);
    expect(story).toMatch(/decided by +ana: as agreed/);
    expect(story).not.toContain('alta refunds decide');
    expect((await json<RefundRow[]>('refunds', 'list', '--state', 'asked')).map((row) => row.paymentId)).not.toContain(paymentId);
    const { job, decisions } = await json<JobDetails>('onboardings', 'show', accountId);
    expect(job).toMatchObject({ state: 'compensated', refund: 'approved' });
    expect(decisions).toMatchObject([{ action: 'refund-refund', actor: 'ana', reason: 'as agreed' }]);
  }, 180_000);

  test('P-161: decided as keep, by the id of the intent, nothing is sent, and it stays kept', async () => {
    const { paymentId } = await question();
    const { refundId } = await refunds.inState(paymentId, 'asked');
    expect(await text(...because('refunds', 'decide', refundId, 'keep'))).toBe(`payment ${paymentId}: kept\n`);
    expect(await refunds.handle(paymentId).result()).toMatchObject({ state: 'kept' });
    expect(await json<RefundRow[]>('refunds', 'list', '--state', 'kept')).toContainEqual(
      expect.objectContaining({ refundId, decidedBy: 'ana', decisionReason: 'as agreed' }),
    );
    for (const action of ['refund', 'keep'])
      expect(await refusal(...because('refunds', 'decide', paymentId, action))).toEqual([
        1,
        expect.objectContaining({ code: 'RESOLVE_REFUSED', message: 'nothing is asked: the refund is kept' }),
      ]);
    expect(await refunds.calls(paymentId)).toEqual([]);
  }, 180_000);

  test('P-161 P-232: whose start was discarded is told of, stays listed, and is decided without a run', async () => {
    faults.at('temporal.start-refund', { mode: 'fail-before', code: 'INPUT_INVALID' });
    const order = await world.checkout();
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_REJECTED' });
    const { paymentId } = await world.pay(order);
    const { id } = await eventually(
      async () => (await json<{ id: string }[]>('outbox', 'list', '--target', 'refund', '--state', 'failed'))[0],
      'a dead start',
      120_000,
    );
    faults.clear();
    expect(await text(...because('outbox', 'discard', id))).toBe(
      `discarded: ${id}\nthe money is still here: alta refunds decide ${paymentId} refund|keep --reason "..."\n`,
    );
    expect((await json<RefundRow[]>('refunds', 'list', '--state', 'asked')).map((row) => row.paymentId)).toContain(paymentId);
    expect(await text(...because('refunds', 'decide', paymentId, 'refund'))).toBe(`payment ${paymentId}: wanted\n`);
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
  }, 180_000);
});

describe('paid twice', () => {
  test('P-161: an operator asks for the second payment, decides, and the store stays', async () => {
    const order = await world.checkout();
    await world.pay(order);
    await world.job(order.accountId, 'completed');
    const { paymentId } = await world.pay(order);
    await eventually(
      async () => (await world.sql('select 1 from payments where payment_id = $1', [paymentId])).length === 1,
      'a recorded payment',
    );
    const row = await json<RefundRow>(...because('refunds', 'ask', paymentId));
    expect(row).toMatchObject({ paymentId, state: 'asked', askedBy: 'ana', askReason: 'as agreed', amount: order.amount });
    expect(await json<RefundRow>(...because('refunds', 'ask', paymentId))).toMatchObject({ refundId: row.refundId });
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await text(...because('refunds', 'decide', paymentId, 'refund'));
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    expect((await world.store(order.accountId))!.client).toMatchObject({ publication_status: 'published' });
  }, 180_000);
});

describe('what is refused', () => {
  test('P-161: a command without a reason, of an unknown act or state, or about nothing that is known', async () => {
    const { paymentId } = await question();
    const unknown = '00000000-0000-4000-8000-000000000000';
    expect((await run('refunds', 'decide', paymentId, 'refund')).code).toBe(2);
    expect((await run(...because('refunds', 'decide', paymentId, 'half'))).code).toBe(2);
    expect((await run('refunds', 'list', '--state', 'lost')).code).toBe(2);
    expect((await refusal('refunds', 'decide', paymentId, 'keep', '--reason', ' '))[1]).toMatchObject({ code: 'INPUT_INVALID' });
    expect((await refusal(...because('refunds', 'ask', 'not-a-payment')))[1]).toMatchObject({ code: 'INPUT_INVALID' });
    for (const args of [
      ['refunds', 'show', '1'],
      ['refunds', 'show', unknown],
      because('refunds', 'decide', '1', 'keep'),
      because('refunds', 'ask', '1'),
    ])
      expect(await refusal(...args)).toEqual([1, expect.objectContaining({ code: 'NOT_FOUND' })]);
    // Nothing of that decided anything.
    expect(await refunds.inState(paymentId, 'asked')).toMatchObject({ decidedBy: null });
    expect(await refunds.calls(paymentId)).toEqual([]);
  }, 180_000);

  test('P-161: to keep money that is on its way, to ask for what is back, and to ask while the onboarding is under way', async () => {
    const { paymentId } = await question();
    await world.simulator.control.setRefundStatus('in_process');
    await text(...because('refunds', 'decide', paymentId, 'refund'));
    const { mpRefundId } = await refunds.inState(paymentId, 'in_process');
    expect(await text('refunds', 'list', '--state', 'in_process')).toMatch(new RegExp(`^${paymentId} .* in process .*REFUND_PENDING`, 'm'));
    expect((await refusal(...because('refunds', 'decide', paymentId, 'keep')))[1]).toMatchObject({ code: 'RESOLVE_REFUSED' });
    await world.simulator.control.endRefund(mpRefundId!, 'approved');
    await refunds.handle(paymentId).result();
    expect((await refusal(...because('refunds', 'ask', paymentId)))[1]).toMatchObject({
      code: 'RESOLVE_REFUSED',
      message: expect.stringContaining('refunded') as unknown,
    });

    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    const order = await world.checkout();
    const parked = await world.pay(order);
    await world.job(order.accountId, 'parked');
    expect((await refusal(...because('refunds', 'ask', parked.paymentId)))[1]).toMatchObject({
      code: 'RESOLVE_REFUSED',
      message: expect.stringContaining('its onboarding is parked') as unknown,
    });
    expect(await refunds.ledger(paymentId)).toEqual(['refund.in_process', 'refund.approved']);
  }, 180_000);
});
