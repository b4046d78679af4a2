import { describe, expect, test } from '@jest/globals';
import type { AltaClient } from '../../client/index.ts';
import type { RefundRule } from '../../contract/refund.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import { failedOrder, QUICK_REFUNDS, watchRefunds } from '../support/refunds.ts';
import type { World } from '../support/world.ts';

/** Questions about money whose run is not there: the start was discarded, or the run was terminated. None of them is lost. */
let world: World;
let faults: Faults;
let alta: AltaClient;
let refunds: ReturnType<typeof watchRefunds>;
useFaultyWorld({ env: { ALTA_REFUND_POLICY: QUICK_REFUNDS }, mend: () => world.simulator.control.setRefundStatus('approved') }, (made) => {
  ({ world, alta, faults } = made);
  refunds = watchRefunds(world, alta);
});

const command = { actor: 'ana', reason: 'a row that nobody can deliver' };
const refused = { code: 'RESOLVE_REFUSED' };

/** The outbox row that was to start an intent's run, once it is dead. */
const deadStart = (paymentId: string): Promise<string> =>
  eventually(async () => {
    const [row] = await world.sql<{ id: string }>(
      `select id from outbox where target = 'refund' and payload ->> 'paymentId' = $1 and status = 'failed' order by created_at desc`,
      [paymentId],
    );
    return row?.id;
  }, `a dead start of the refund of ${paymentId}`);

/** A failed order whose refund could not be started: its outbox row is dead. */
async function unstarted(rule: RefundRule): Promise<{ paymentId: string; rowId: string }> {
  faults.at('temporal.start-refund', { mode: 'fail-before', code: 'INPUT_INVALID' });
  world.config.ALTA_ONBOARDING_POLICY.refundOnFailure = rule;
  faults.at('cluster.set-entitlements', { mode: 'fail-after', code: 'CLUSTER_REJECTED' });
  const order = await world.checkout();
  const { paymentId } = await world.pay(order);
  await world.job(order.accountId, 'compensated');
  const rowId = await deadStart(paymentId);
  faults.clear();
  return { paymentId, rowId };
}

const noRun = (paymentId: string): Promise<unknown> => expect(refunds.handle(paymentId).describe()).rejects.toThrow(/not found/i);

describe('alta outbox discard', () => {
  test('P-161 P-232: a discarded question stays on the list, and the money is kept by a decision that needs no run', async () => {
    const { paymentId, rowId } = await unstarted('operator');
    expect(await alta.outbox.discard(rowId, command)).toEqual({ openRefund: paymentId });
    expect(await alta.refunds.list({ state: 'asked' })).toContainEqual(expect.objectContaining({ paymentId }));
    expect(await refunds.decide(paymentId, 'keep', 'the customer waits')).toMatchObject({ state: 'kept', question: false });
    expect(await alta.refunds.show(paymentId)).toMatchObject([{ state: 'kept', decidedBy: 'ana', decisionReason: 'the customer waits' }]);
    await noRun(paymentId);
    expect(await refunds.calls(paymentId)).toEqual([]);
    await expect(refunds.decide(paymentId, 'refund')).rejects.toMatchObject(refused);
  }, 180_000);

  test('P-161 P-232: an intent that was decided by rule and never sent becomes a question again; a decision sends it once', async () => {
    const { paymentId, rowId } = await unstarted('always');
    expect(await alta.refunds.show(paymentId)).toMatchObject([{ state: 'wanted', decidedBy: 'alta', tries: 0 }]);
    expect(await alta.outbox.discard(rowId, command)).toEqual({ openRefund: paymentId });
    expect(await alta.refunds.list({ state: 'asked' })).toContainEqual(
      expect.objectContaining({
        paymentId,
        decidedBy: null,
        code: 'REFUND_UNDECIDED',
        message: `its start was discarded by ana: ${command.reason}`,
      }),
    );
    expect(await refunds.calls(paymentId)).toEqual([]);
    // The second may come when the first is already being acted on: then it is refused, and changes nothing.
    const given = await Promise.allSettled([refunds.decide(paymentId, 'refund'), refunds.decide(paymentId, 'refund')]);
    expect(given.map(({ status }) => status)).toContain('fulfilled');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    expect(await refunds.handle(paymentId).result()).toMatchObject({ state: 'approved' });
  }, 180_000);

  test('P-161 P-232: a discarded start that is retried after all asks as if nothing had been', async () => {
    const { paymentId, rowId } = await unstarted('always');
    await alta.outbox.discard(rowId, command);
    await alta.outbox.retry({ ids: [rowId] }, command);
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await refunds.decide(paymentId, 'refund');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
  }, 180_000);

  test('P-161 P-232: the start of a refund that may have been sent is not discarded: it has to be followed', async () => {
    const { paymentId } = await failedOrder(world, faults);
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await world.simulator.control.setRefundStatus('in_process');
    await refunds.decide(paymentId, 'refund');
    const { mpRefundId } = await refunds.inState(paymentId, 'in_process');
    await refunds.handle(paymentId).terminate('gone');
    faults.at('temporal.start-refund', { mode: 'fail-before', code: 'INPUT_INVALID' });
    await alta.refunds.ask(paymentId, command);
    const rowId = await deadStart(paymentId);
    await expect(alta.outbox.discard(rowId, command)).rejects.toMatchObject({
      ...refused,
      message: expect.stringContaining('alta outbox retry') as unknown,
    });
    expect(await alta.outbox.show(rowId)).toMatchObject({ state: 'failed', actions: [] });
    faults.clear();
    await alta.outbox.retry({ ids: [rowId] }, command);
    await world.simulator.control.endRefund(mpRefundId!, 'approved');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.in_process', 'refund.approved']);
  }, 180_000);

  test('P-232: the start of a refund that has ended is discarded, and changes nothing about it', async () => {
    const { paymentId, rowId } = await unstarted('operator');
    await refunds.decide(paymentId, 'keep');
    expect(await alta.outbox.discard(rowId, command)).toEqual({ openRefund: null });
    expect(await alta.refunds.show(paymentId)).toMatchObject([{ state: 'kept' }]);
  }, 180_000);
});

describe('a run that was terminated', () => {
  test('P-161: while it asked: the decision starts another run, which sends once', async () => {
    const { paymentId } = await failedOrder(world, faults);
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await refunds.handle(paymentId).terminate('gone');
    await refunds.decide(paymentId, 'refund');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    const { decisions } = await alta.onboardings.show((await alta.refunds.show(paymentId))[0]!.accountId!);
    expect(decisions).toMatchObject([{ action: 'refund-refund', actor: 'ana' }]);
  }, 180_000);

  test('P-161: after a try: the money cannot be kept, and the decision to give it back sends it under the same key', async () => {
    const { paymentId } = await failedOrder(world, faults);
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await world.simulator.control.faults.add({ operation: 'refund.create', kind: 'status', status: 500, count: 3 });
    await refunds.decide(paymentId, 'refund');
    await refunds.asked(paymentId, 'MP_UNAVAILABLE');
    await refunds.handle(paymentId).terminate('gone');
    await expect(refunds.decide(paymentId, 'keep')).rejects.toMatchObject(refused);
    await refunds.decide(paymentId, 'refund', 'they are back');
    await refunds.inState(paymentId, 'approved');
    expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
    expect(new Set(await refunds.calls(paymentId)).size).toBe(1);
  }, 180_000);
});
