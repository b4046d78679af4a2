import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';

/** A payment as Mercado Pago tells it. Ids and amounts are text. */
export interface PaymentFacts {
  paymentId: string;
  /** The account that it pays for, when its external reference names one. */
  accountId: string | null;
  status: string;
  statusDetail: string | null;
  amount: string;
  amountRefunded: string;
  currency: string;
  collectorId: string;
  externalReference: string | null;
  liveMode: boolean;
  dateApproved: string | null;
  dateLastUpdated: string | null;
}

export interface PaymentRow extends PaymentFacts {
  verdict: 'accepted' | 'rejected' | null;
  verdictCode: string | null;
  /** The status that the verdict was about. */
  judgedStatus: string | null;
  judgedAt: string | null;
  firstSeenAt: string;
  updatedAt: string;
}

const COLUMNS = `p.payment_id as "paymentId", p.account_id as "accountId", p.status, p.status_detail as "statusDetail",
  trim_scale(p.amount)::text as amount, trim_scale(p.amount_refunded)::text as "amountRefunded", p.currency, p.collector_id as "collectorId",
  p.external_reference as "externalReference", p.live_mode as "liveMode", p.date_approved as "dateApproved",
  p.date_last_updated as "dateLastUpdated", p.verdict, p.verdict_code as "verdictCode", p.judged_status as "judgedStatus",
  p.judged_at as "judgedAt", p.first_seen_at as "firstSeenAt", p.updated_at as "updatedAt"`;

/**
 * Writes down what a payment looks like now; a payment id has one row, for ever. An answer that is older than what is stored
 * (by Mercado Pago's own `date_last_updated`) changes nothing. The account, once known, stays. Returns the row as it is stored.
 */
export async function recordPayment(db: Tx, facts: PaymentFacts): Promise<PaymentRow> {
  const [row] = await db.query<PaymentRow>({
    name: 'admin-db.record-payment',
    text: `with stored as (
             insert into payments as p (payment_id, account_id, status, status_detail, amount, amount_refunded, currency, collector_id,
               external_reference, live_mode, date_approved, date_last_updated)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
             on conflict (payment_id) do update set
               account_id = coalesce(p.account_id, excluded.account_id), status = excluded.status, status_detail = excluded.status_detail,
               amount = excluded.amount, amount_refunded = excluded.amount_refunded, currency = excluded.currency,
               collector_id = excluded.collector_id, external_reference = excluded.external_reference, live_mode = excluded.live_mode,
               date_approved = excluded.date_approved, date_last_updated = excluded.date_last_updated, updated_at = now()
             where p.date_last_updated is null or excluded.date_last_updated is null or excluded.date_last_updated >= p.date_last_updated
             returning p.*
           )
           select ${COLUMNS} from stored p
           union all
           select ${COLUMNS} from payments p where p.payment_id = $1 and not exists (select from stored)`,
    values: [
      facts.paymentId,
      facts.accountId,
      facts.status,
      facts.statusDetail,
      facts.amount,
      facts.amountRefunded,
      facts.currency,
      facts.collectorId,
      facts.externalReference,
      facts.liveMode,
      facts.dateApproved,
      facts.dateLastUpdated,
    ],
  });
  // Lost against a first, newer record of the same moment: the statement's snapshot shows neither.
  return row ?? ((await findPayment(db, facts.paymentId)) as PaymentRow);
}

export interface Verdict {
  verdict: 'accepted' | 'rejected';
  /** Code of the error table for a rejection; null for an acceptance. */
  code: string | null;
  /** The payment's status that was judged. */
  judgedStatus: string;
}

/** Stores what Alta thinks of a payment. Returns false when the payment was never recorded. */
export async function judgePayment(db: Tx, paymentId: string, { verdict, code, judgedStatus }: Verdict): Promise<boolean> {
  const rows = await db.query({
    name: 'admin-db.judge-payment',
    text: `update payments set verdict = $2, verdict_code = $3, judged_status = $4, judged_at = now(), updated_at = now()
           where payment_id = $1 returning payment_id`,
    values: [paymentId, verdict, code, judgedStatus],
  });
  return rows.length > 0;
}

/** One payment; null when it was never recorded. */
export async function findPayment(db: Tx, paymentId: string): Promise<PaymentRow | null> {
  const [row] = await db.query<PaymentRow>({
    name: 'admin-db.find-payment',
    text: `select ${COLUMNS} from payments p where p.payment_id = $1`,
    values: [paymentId],
  });
  return row ?? null;
}

/**
 * Binds a recorded payment to the account that it buys; repeating it is harmless. Throws PAYMENT_USED_ELSEWHERE when it already
 * bought another one, PAYMENT_NOT_FOUND when it was never recorded.
 */
export async function bindPayment(tx: Tx, paymentId: string, accountId: string): Promise<void> {
  const rows = await tx.query({
    name: 'admin-db.bind-payment',
    text: `update payments set account_id = $2, updated_at = now()
           where payment_id = $1 and (account_id is null or account_id = $2) returning payment_id`,
    values: [paymentId, accountId],
  });
  if (rows.length > 0) return;
  const payment = await findPayment(tx, paymentId);
  if (payment === null) throw new AltaError('PAYMENT_NOT_FOUND', `payment ${paymentId} was never recorded`);
  throw new AltaError('PAYMENT_USED_ELSEWHERE', `payment ${paymentId} already belongs to another account`);
}
