import { AltaError, type ErrorCode } from '../../contract/errors.ts';
import { OPEN_REFUND_STATES } from '../../contract/refund.ts';
import type { Tx } from './db.ts';
import { currentRefund, readRefund, type RefundRow } from './refund-reports.ts';

/**
 * Counts a try before it is made; the first one fixes the sum, because the key must always mean the same. Null when the intent is not
 * (any more) one to be sent.
 */
export async function beginRefundTry(db: Tx, refundId: string, left: string): Promise<{ amount: string } | null> {
  const [row] = await db.query<{ amount: string }>({
    name: 'admin-db.begin-refund-try',
    text: `update refunds set tries = tries + 1, amount = case when tries = 0 then $2::numeric else amount end
           where id = $1 and status = 'wanted' returning trim_scale(amount)::text as amount`,
    values: [refundId, left],
  });
  return row ?? null;
}

/** What Mercado Pago says of an intent. */
export interface RefundEnd {
  state: 'in_process' | 'approved' | 'rejected' | 'not_needed';
  mpRefundId?: string;
  code?: ErrorCode;
  message?: string;
}

/**
 * Writes down what became of an intent, once. A rejected one is followed by a question of its own, so that another try is another
 * intent with another key. Returns what stands now.
 */
export async function settleRefund(tx: Tx, refundId: string, { state, mpRefundId, code, message }: RefundEnd): Promise<RefundRow> {
  const changed = await tx.query({
    name: 'admin-db.settle-refund',
    text: `update refunds set status = $2, mp_refund_id = coalesce($3, mp_refund_id), error_code = $4, error_message = $5,
             ended_at = case when $2 <> 'in_process' then now() end
           where id = $1 and status in ('wanted', 'in_process') returning id`,
    values: [refundId, state, mpRefundId ?? null, code ?? null, message ?? null],
  });
  if (changed.length > 0 && state === 'rejected') {
    await tx.query({
      name: 'admin-db.ask-refund-again',
      text: `insert into refunds (ask_key, payment_id, account_id, job_id, follows, status, amount, currency, asked_by, ask_reason,
               error_code, error_message)
             select 'after/' || id, payment_id, account_id, job_id, id, 'asked', amount, currency, 'alta', ask_reason, error_code, error_message
             from refunds where id = $1 on conflict do nothing`,
      values: [refundId],
    });
  }
  return currentRefund(tx, refundId);
}

/**
 * An operator gives up the start of an intent's workflow, and nothing else may start it: an intent that was never sent becomes a question
 * again, which `alta refunds decide` answers without a run. Returns the payment whose question stands open; null when the intent has
 * ended. Locks the intent, so call it before the outbox row is touched. Throws RESOLVE_REFUSED for one that may have been sent.
 */
export async function withdrawRefundStart(
  tx: Tx,
  refundId: string,
  { actor, reason }: { actor: string; reason: string },
): Promise<string | null> {
  const [locked] = await tx.query<{ id: string }>({
    name: 'admin-db.lock-refund',
    text: 'select id from refunds where id = $1 for update',
    values: [refundId],
  });
  if (locked === undefined) return null;
  const { state, tries, paymentId } = await readRefund(tx, refundId);
  if (!OPEN_REFUND_STATES.has(state)) return null;
  if (state === 'in_process' || tries > 0)
    throw new AltaError(
      'RESOLVE_REFUSED',
      `the refund of payment ${paymentId} is ${state} and may have been sent, so it has to be followed: \`alta outbox retry\` starts it`,
    );
  await tx.query({
    name: 'admin-db.withdraw-refund-start',
    text: `update refunds set status = 'asked', decided_by = null, decision_reason = null, decided_at = null,
             error_code = 'REFUND_UNDECIDED', error_message = $2 where id = $1 and status = 'wanted'`,
    values: [refundId, `its start was discarded by ${actor}: ${reason}`],
  });
  return paymentId;
}
