import { type Context, fields, idempotent, stamp, visiblePayment } from './context.ts';
import type { Answer, Request, Route } from './http.ts';
import { changePayment } from './payments.ts';
import { Refused, type SimRefund, type StoredPayment } from './types.ts';

const MAX_AGE_MS = 180 * 24 * 3_600_000;
const cents = (amount: number): number => Math.round(amount * 100);

/** Counts a refund that became `approved` on its payment; the whole amount makes it `refunded`. */
function settle(context: Context, stored: StoredPayment, refund: SimRefund): void {
  const refunded = (cents(stored.payment.transaction_amount_refunded) + cents(refund.amount)) / 100;
  const whole = cents(refunded) >= cents(stored.payment.transaction_amount);
  changePayment(context, stored, {
    transaction_amount_refunded: refunded,
    ...(whole ? { status: 'refunded', status_detail: 'refunded' } : { status_detail: 'partially_refunded' }),
  });
}

/** Ends a refund that is in process, as the bank does after hours or days. */
export function endRefund(context: Context, refundId: string, status: string): SimRefund {
  const refund = context.store.get('refund', refundId);
  const stored = refund && context.store.get('payment', String(refund.payment_id));
  if (refund?.status !== 'in_process' || stored === undefined) throw new Refused(404, 'not_found', `no refund ${refundId} in process`);
  const ended = { ...refund, status };
  context.store.put('refund', refundId, ended);
  context.store.record({
    kind: 'effect',
    what: `refund.${status}`,
    id: refundId,
    amount: refund.amount,
    reference: String(refund.payment_id),
  });
  if (status === 'approved') settle(context, stored, ended);
  return ended;
}

const refundsOf = (context: Context, paymentId: number): SimRefund[] =>
  context.store.all('refund').filter((refund) => refund.payment_id === paymentId);

function create(context: Context, request: Request): Answer {
  const { payment } = visiblePayment(context, request);
  const asked = request.body === undefined ? undefined : fields(request)['amount'];
  const held = refundsOf(context, payment.id)
    .filter(({ status }) => status === 'approved' || status === 'in_process')
    .reduce((sum, { amount }) => sum + cents(amount), 0);
  const left = cents(payment.transaction_amount) - held;
  const amount = asked === undefined ? left : cents(Number(asked));
  if (payment.status !== 'approved' || !(amount > 0) || amount > left) {
    throw new Refused(400, 'bad_request', 'The action requested is not valid for the current payment state', 2063);
  }
  if (Date.now() - Date.parse(payment.date_created) > MAX_AGE_MS)
    throw new Refused(400, 'bad_request', 'Payment too old to be refunded', 2024);
  const refund: SimRefund = {
    id: context.store.nextId(),
    payment_id: payment.id,
    amount: amount / 100,
    status: context.refundStatus.next,
    refund_mode: 'standard',
    source: { id: String(payment.collector_id), name: 'Alta', type: 'collector' },
    date_created: stamp(new Date()),
  };
  context.store.put('refund', String(refund.id), refund);
  context.store.record({
    kind: 'effect',
    what: `refund.${refund.status}`,
    id: String(refund.id),
    amount: refund.amount,
    reference: String(payment.id),
  });
  if (refund.status === 'approved') settle(context, visiblePayment(context, request), refund);
  return { status: 201, body: refund };
}

/** Refunds; at most the captured sum, however often and with whatever keys they are asked for. */
export const refundRoutes = (context: Context): Route[] => [
  {
    method: 'POST',
    path: '/v1/payments/:id/refunds',
    operation: 'refund.create',
    handle: (request) => {
      visiblePayment(context, request);
      return idempotent(context, request, true, () => create(context, request));
    },
  },
  {
    method: 'GET',
    path: '/v1/payments/:id/refunds',
    operation: 'refund.list',
    handle: (request) => ({ status: 200, body: refundsOf(context, visiblePayment(context, request).payment.id) }),
  },
  {
    method: 'GET',
    path: '/v1/payments/:id/refunds/:refund',
    operation: 'refund.get',
    handle: (request) => {
      const { payment } = visiblePayment(context, request);
      const refund = refundsOf(context, payment.id).find(({ id }) => String(id) === request.params['refund']);
      if (refund === undefined) throw new Refused(404, 'not_found', 'Refund not found', 2000);
      return { status: 200, body: refund };
    },
  },
];
