import { expect } from '@jest/globals';
import assert from 'node:assert/strict';
import { isAltaError } from '../../../contract/errors.ts';
import { eventually } from '../../support/eventually.ts';
import { flowOf } from '../flow.ts';
import { openLive, type Live } from './account.ts';
import { backOnce, endRefund } from './compensation.ts';

interface Twice extends Live {
  paymentId?: string;
}

/** An order that was paid twice: an operator asks, decides and the second payment goes back once; the store stays. */
export const refund = flowOf<Twice>({
  name: 'refund',
  open: openLive,
  async run(stage, subject) {
    const { world, alta, refunds } = stage;
    const who = { actor: 'ana', reason: 'paid twice' };
    const { paymentId } = await world.pay(subject.order);
    subject.paymentId = paymentId;
    await eventually(
      async () => (await world.sql(`select 1 from webhook_inbox where payment_id = $1 and result = 'paid twice'`, [paymentId])).length > 0,
      'a second payment',
      240_000,
    );
    await stage.insist(subject.id, () => alta.refunds.ask(paymentId, who));
    await refunds.asked(paymentId, 'REFUND_UNDECIDED');
    await stage.insist(subject.id, async () => {
      try {
        await alta.refunds.decide(paymentId, { action: 'refund', ...who });
      } catch (error) {
        // The answer to the same decision was lost: nothing is asked any more.
        if (!(isAltaError(error) && error.code === 'RESOLVE_REFUSED')) throw error;
      }
    });
    await endRefund(stage, paymentId);
  },
  async check(stage, { id, paymentId }) {
    await backOnce(stage, paymentId!);
    const rows = await stage.world.sql<{ status: string }>('select status from refunds where payment_id = $1', [paymentId]);
    expect(rows).toEqual([{ status: 'approved' }]);
    assert.equal((await stage.world.store(id))!.client.is_active, true);
  },
  reusable: () => true,
});
