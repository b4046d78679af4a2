import {
  beginRefundTry,
  currentRefund,
  decideRefund,
  findPayment,
  recordPayment,
  refundsOf,
  settleRefund,
  type RefundEnd,
  type RefundRow,
} from '../adapters/admin-db/index.ts';
import type { Payment, Refund } from '../adapters/mercadopago/index.ts';
import { Context } from '@temporalio/activity';
import { AltaError, isAltaError } from '../contract/errors.ts';
import { compareMoney, fromMicros, toMicros } from '../contract/money.ts';
import type { RefundCommand, RefundView } from '../contract/refund.ts';
import type { ActivityDeps } from './deps.ts';
import { factsOf } from './verify-payment.ts';

interface RefundContext {
  refundId: string;
}

const viewOf = ({ refundId, state, code, message }: RefundRow): RefundView => ({ refundId, state, code, message });

/** `read-refund`: how the intent stands in the Admin DB, which is the truth about it. */
export function readRefundStep({ db }: ActivityDeps) {
  return async ({ refundId }: RefundContext): Promise<RefundView> => viewOf(await currentRefund(db, refundId));
}

/** `decide-refund`: who decided what, and why; it stands in the Admin DB before it takes effect (G9). Throws RESOLVE_REFUSED. */
export function decideRefundStep({ db }: ActivityDeps) {
  return async ({ refundId, ...command }: RefundContext & RefundCommand): Promise<RefundView> =>
    viewOf(await db.tx('admin-db.decide-refund', (tx) => decideRefund(tx, refundId, command)));
}

const END_OF: Record<string, RefundEnd['state']> = {
  approved: 'approved',
  in_process: 'in_process',
  authorized: 'in_process',
  pending: 'in_process',
};

/** What Mercado Pago's word about a refund means for the intent; a word that is unknown is not money back. */
function endOf({ id, status }: Refund): RefundEnd {
  const state = END_OF[status] ?? 'rejected';
  if (state === 'approved') return { state, mpRefundId: id };
  return state === 'in_process'
    ? { state, mpRefundId: id, code: 'REFUND_PENDING', message: `Mercado Pago's refund ${id} is ${status.replaceAll('_', ' ')}` }
    : { state, mpRefundId: id, code: 'REFUND_REJECTED', message: `Mercado Pago ended refund ${id} as ${status}` };
}

/**
 * `send-refund`: gives back what is left of a payment, at most once. The intent and its key are stored before; before every try the
 * payment and its refunds are read, so that money that went back by whatever way is not sent again, and an earlier try whose answer was
 * lost is found. Always a regular activity. Throws MP_*, PAYMENT_COLLECTOR_MISMATCH, PAYMENT_NOT_APPROVED; nothing was sent then.
 */
export function sendRefund(deps: ActivityDeps) {
  const { db, mp, config } = deps;
  return async ({ refundId }: RefundContext): Promise<RefundView> => {
    const signal = Context.current().cancellationSignal;
    const row = await currentRefund(db, refundId);
    if (row.state !== 'wanted' || row.refundId !== refundId) return viewOf(row);
    const settle = async (end: RefundEnd): Promise<RefundView> =>
      viewOf(await db.tx('admin-db.end-refund-try', (tx) => settleRefund(tx, refundId, end)));

    const { paymentId } = row;
    const [payment, refunds, known, stored] = await Promise.all([
      mp.getPayment(paymentId, signal),
      mp.listRefunds(paymentId, signal),
      refundsOf(db, paymentId),
      findPayment(db, paymentId),
    ]);
    await recordPayment(db, factsOf(payment, stored?.accountId ?? null));
    if (payment.collectorId !== config.MP_COLLECTOR_ID)
      throw new AltaError('PAYMENT_COLLECTOR_MISMATCH', `collector ${payment.collectorId} has the money, so we cannot give it back`);

    // Refunds that no row of ours knows: our own try whose answer was lost, or somebody's in the Mercado Pago panel.
    const strange = refunds.filter(({ id, status }) => END_OF[status] !== undefined && !known.some(({ mpRefundId }) => mpRefundId === id));
    const lost = row.tries === 0 ? undefined : strange.find(({ amount }) => compareMoney(amount, row.amount) === 0);
    if (lost !== undefined) return settle(endOf(lost));
    const left = leftOf(payment, strange);
    if (payment.status === 'charged_back' || compareMoney(left, '0') <= 0) {
      const pending = strange.find(({ status }) => END_OF[status] === 'in_process');
      if (pending !== undefined && payment.status !== 'charged_back') return settle(endOf(pending));
      const why = payment.status === 'charged_back' ? 'the payment was charged back' : 'the money had gone back already';
      return settle({ state: 'not_needed', code: 'REFUND_NOT_NEEDED', message: `${why}; nothing was sent` });
    }
    if (payment.status !== 'approved')
      throw new AltaError('PAYMENT_NOT_APPROVED', `the payment is ${payment.status}: it cannot be given back now`);

    const intent = await beginRefundTry(db, refundId, left);
    if (intent === null) return viewOf(await currentRefund(db, refundId));
    // The whole sum is asked for without naming it: not every means of payment can give back a part.
    const part = compareMoney(intent.amount, payment.amount) === 0 ? {} : { amount: intent.amount };
    try {
      return await settle(endOf(await mp.refundPayment(paymentId, { idempotencyKey: refundId, ...part }, signal)));
    } catch (error) {
      if (!isAltaError(error) || error.code !== 'MP_REJECTED') throw error;
      return settle({ state: 'rejected', code: 'REFUND_REJECTED', message: error.message });
    }
  };
}

/** What may still be given back: the payment without what went back and what is on its way. */
function leftOf(payment: Payment, refunds: Refund[]): string {
  const onTheWay = refunds.filter(({ status }) => END_OF[status] === 'in_process').reduce((sum, { amount }) => sum + toMicros(amount), 0n);
  return fromMicros(toMicros(payment.amount) - toMicros(payment.amountRefunded) - onTheWay);
}

/** `follow-refund`: looks whether a refund in process has ended. */
export function followRefund({ db, mp }: ActivityDeps) {
  return async ({ refundId }: RefundContext): Promise<RefundView> => {
    const row = await currentRefund(db, refundId);
    if (row.state !== 'in_process' || row.mpRefundId === null) return viewOf(row);
    const refund = await mp.getRefund(row.paymentId, row.mpRefundId, Context.current().cancellationSignal);
    return viewOf(await db.tx('admin-db.end-refund-try', (tx) => settleRefund(tx, row.refundId, endOf(refund))));
  };
}

/** `record-payment`: reads a payment and writes down how it looks now, so that reports do not wait for a webhook. */
export function recordPaymentStep({ db, mp }: ActivityDeps) {
  return async ({ paymentId }: { paymentId: string }): Promise<void> => {
    const [payment, stored] = await Promise.all([mp.getPayment(paymentId), findPayment(db, paymentId)]);
    await recordPayment(db, factsOf(payment, stored?.accountId ?? null));
  };
}
