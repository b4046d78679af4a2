import { AltaError } from '../../contract/errors.ts';
import type { RefundState } from '../../contract/refund.ts';
import type { Tx } from './db.ts';

/** One intent to give money back. Times are ISO text, amounts decimal text. */
export interface RefundRow {
  /** Also the idempotency key that Mercado Pago gets. */
  refundId: string;
  paymentId: string;
  accountId: string | null;
  jobId: string | null;
  follows: string | null;
  state: RefundState;
  amount: string;
  currency: string;
  /** How often it was sent, or was about to be. */
  tries: number;
  mpRefundId: string | null;
  askedBy: string;
  askReason: string;
  decidedBy: string | null;
  decisionReason: string | null;
  decidedAt: string | null;
  code: string | null;
  message: string | null;
  createdAt: string;
  updatedAt: string;
  endedAt: string | null;
}

const REFUND = `select r.id as "refundId", r.payment_id as "paymentId", r.account_id as "accountId", r.job_id as "jobId", r.follows,
  r.status as state, trim_scale(r.amount)::text as amount, r.currency, r.tries, r.mp_refund_id as "mpRefundId", r.asked_by as "askedBy",
  r.ask_reason as "askReason", r.decided_by as "decidedBy", r.decision_reason as "decisionReason", r.decided_at as "decidedAt",
  r.error_code as code, r.error_message as message, r.created_at as "createdAt", r.updated_at as "updatedAt", r.ended_at as "endedAt"
  from refunds r`;

/** One intent. Throws NOT_FOUND. */
export async function readRefund(db: Tx, refundId: string): Promise<RefundRow> {
  const [row] = await db.query<RefundRow>({ name: 'admin-db.read-refund', text: `${REFUND} where r.id = $1`, values: [refundId] });
  if (row === undefined) throw new AltaError('NOT_FOUND', `no refund ${refundId}`);
  return row;
}

/** An intent as it stands now: a rejected one is followed to the question that came after it. Throws NOT_FOUND. */
export async function currentRefund(db: Tx, refundId: string): Promise<RefundRow> {
  const [next] = await db.query<RefundRow>({ name: 'admin-db.next-refund', text: `${REFUND} where r.follows = $1`, values: [refundId] });
  return next === undefined ? readRefund(db, refundId) : currentRefund(db, next.refundId);
}

/** Every intent about one payment, newest first. */
export const refundsOf = (db: Tx, paymentId: string): Promise<RefundRow[]> =>
  db.query<RefundRow>({
    name: 'admin-db.refunds-of',
    text: `${REFUND} where r.payment_id = $1 order by r.ended_at desc nulls first, r.created_at desc`,
    values: [paymentId],
  });

/** Intents, newest first. */
export const listRefunds = (db: Tx, { state, limit }: { state?: RefundState; limit: number }): Promise<RefundRow[]> =>
  db.query<RefundRow>({
    name: 'admin-db.list-refunds',
    text: `${REFUND} where ($1::text is null or r.status = $1) order by r.created_at desc limit $2`,
    values: [state ?? null, limit],
  });

/** The intents about a payment, newest first, by payment id or by the id of one of them. Throws NOT_FOUND. */
export async function showRefunds(db: Tx, target: string): Promise<RefundRow[]> {
  const paymentId = /^\d{1,20}$/.test(target) ? target : (await readRefund(db, target)).paymentId;
  const rows = await refundsOf(db, paymentId);
  if (rows.length === 0) throw new AltaError('NOT_FOUND', `no refund was ever asked for payment ${paymentId}`);
  return rows;
}
