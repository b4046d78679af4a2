import { AltaError } from '../../contract/errors.ts';
import { OPEN_REFUND_STATES, type RefundCommand, type RefundState } from '../../contract/refund.ts';
import type { Tx } from './db.ts';
import { recordDecision } from './jobs.ts';
import { publish } from './publish.ts';
import { readRefund, type RefundRow } from './refund-reports.ts';

export { beginRefundTry, settleRefund, withdrawRefundStart, type RefundEnd } from './refund-marks.ts';
export { currentRefund, listRefunds, readRefund, refundsOf, showRefunds, type RefundRow } from './refund-reports.ts';

/** Whose money it has to be: what reached another collector, or was a test, can't be given back by us. */
export interface Platform {
  collectorId: string;
  liveMode: boolean;
}

export interface FailedRun extends Platform {
  jobId: string;
  accountId: string;
  paymentId: string;
  /** `wanted`: give it back without asking; `asked`: an operator decides. */
  state: 'wanted' | 'asked';
  reason: string;
}

/**
 * Raises the question of the money of a run that ended without a store, in that end's transaction: once a job, and only for approved
 * money of ours that was paid for this account and bought no store. Returns the intent's id; null when there is nothing to ask.
 */
export async function askForFailedRun(tx: Tx, run: FailedRun): Promise<string | null> {
  const [row] = await tx.query<{ id: string }>({
    name: 'admin-db.ask-refund',
    text: `insert into refunds (ask_key, payment_id, account_id, job_id, status, amount, currency, asked_by, ask_reason,
             decided_by, decision_reason, decided_at, error_code)
           select 'job/' || $2::uuid, p.payment_id, p.account_id, $2::uuid, $3::text, p.amount - p.amount_refunded, p.currency, 'alta', $4::text,
             case $3 when 'wanted' then 'alta' end, case $3 when 'wanted' then 'REFUND_ON_FAILURE=always' end,
             case $3 when 'wanted' then now() end, case $3 when 'asked' then 'REFUND_UNDECIDED' end
           from payments p
           where p.payment_id = $1 and p.status = 'approved' and p.amount > p.amount_refunded and p.collector_id = $5 and p.live_mode = $6
             and p.account_id = $7::uuid and lower(p.external_reference) = $7::uuid::text
             and not exists (select from provisioning_jobs j where j.payment_id = p.payment_id and j.activated_at is not null)
           on conflict do nothing returning id`,
    values: [run.paymentId, run.jobId, run.state, run.reason, run.collectorId, run.liveMode, run.accountId],
  });
  if (row === undefined) return null;
  await tellRefund(tx, 'refund.asked', { refundId: row.id, paymentId: run.paymentId, accountId: run.accountId }, row.id);
  return row.id;
}

/** Tells the refund's workflow through the outbox; the same fact tells once. */
export const tellRefund = (
  tx: Tx,
  type: 'refund.asked' | 'refund.changed',
  { refundId, paymentId, accountId }: { refundId: string; paymentId: string; accountId: string | null },
  fact: string,
): Promise<boolean> =>
  publish(tx, { target: 'refund', eventKey: `${type}/${refundId}/${fact}`, accountId, payload: { type, refundId, paymentId } });

/** Serialises everything that decides whether a payment buys a store or goes back. Throws NOT_FOUND. */
export async function lockPayment(tx: Tx, paymentId: string): Promise<void> {
  const rows = await tx.query({
    name: 'admin-db.lock-payment',
    text: 'select payment_id from payments where payment_id = $1 for update',
    values: [paymentId],
  });
  if (rows.length === 0) throw new AltaError('NOT_FOUND', `payment ${paymentId} was never read from Mercado Pago`);
}

/**
 * SQL: what went back of a payment `p`, as Mercado Pago said when it was last looked at, and by our own intents, which may know it first.
 */
const GONE_BACK = `greatest(p.amount_refunded,
  coalesce((select sum(r.amount) from refunds r where r.payment_id = p.payment_id and r.status = 'approved'), 0))`;

/**
 * An operator asks for a payment's money to be given back. Who asks again gets the open question, and its workflow is started again
 * should it be gone. Throws NOT_FOUND, RESOLVE_REFUSED (with the reason).
 */
export async function askByOperator(
  tx: Tx,
  ask: Platform & { paymentId: string; actor: string; reason: string; fact: string },
): Promise<RefundRow> {
  const { paymentId } = ask;
  await lockPayment(tx, paymentId);
  const [payment] = await tx.query<{
    accountId: string | null;
    status: string;
    collectorId: string;
    liveMode: boolean;
    left: string;
    job: string | null;
    open: string | null;
  }>({
    name: 'admin-db.refundable',
    text: `select p.account_id as "accountId", p.status, p.collector_id as "collectorId", p.live_mode as "liveMode",
             trim_scale(p.amount - ${GONE_BACK})::text as "left",
             (select j.status from provisioning_jobs j where j.payment_id = p.payment_id
                and j.status not in ('completed', 'rejected', 'failed', 'compensated', 'abandoned') limit 1) as job,
             (select r.id from refunds r where r.payment_id = p.payment_id and r.status in ('asked', 'wanted', 'in_process')) as open
           from payments p where p.payment_id = $1`,
    values: [paymentId],
  });
  const refuse = (why: string): never => {
    throw new AltaError('RESOLVE_REFUSED', `payment ${paymentId}: ${why}`);
  };
  if (payment === undefined) return refuse('is not recorded');
  let refundId = payment.open;
  if (refundId === null) {
    if (payment.collectorId !== ask.collectorId) refuse(`collector ${payment.collectorId} has the money, so we cannot give it back`);
    if (payment.liveMode !== ask.liveMode) refuse('it is a test payment on a live installation, or the reverse');
    if (payment.status !== 'approved') refuse(`it is ${payment.status}: there is nothing to give back`);
    if (Number(payment.left) <= 0) refuse('all of it went back already');
    if (payment.job !== null) refuse(`its onboarding is ${payment.job}: cancel that first`);
    const [row] = await tx.query<{ id: string }>({
      name: 'admin-db.ask-refund-by-operator',
      text: `insert into refunds (ask_key, payment_id, account_id, status, amount, currency, asked_by, ask_reason, error_code)
             select 'operator/' || $5::text, p.payment_id, p.account_id, 'asked', p.amount - ${GONE_BACK}, p.currency, $2, $3, $4
             from payments p where p.payment_id = $1 returning id`,
      values: [paymentId, ask.actor, ask.reason, 'REFUND_UNDECIDED', ask.fact],
    });
    refundId = row!.id;
  }
  await tellRefund(tx, 'refund.asked', { refundId, paymentId, accountId: payment.accountId }, ask.fact);
  return readRefund(tx, refundId);
}

/**
 * An operator's decision, on record before it takes effect: `refund` makes the question an intent (or lets one that could not be sent
 * be tried again), `keep` ends it. Repeating it is harmless. Throws RESOLVE_REFUSED, with the reason.
 */
export async function decideRefund(tx: Tx, refundId: string, { action, actor, reason }: RefundCommand): Promise<RefundRow> {
  const changed = await tx.query({
    name: action === 'refund' ? 'admin-db.want-refund' : 'admin-db.keep-money',
    text:
      action === 'refund'
        ? `update refunds set status = 'wanted', decided_by = $2, decision_reason = $3, decided_at = now(), error_code = null, error_message = null
           where id = $1 and status = 'asked' returning id`
        : `update refunds set status = 'kept', decided_by = $2, decision_reason = $3, decided_at = now(), ended_at = now()
           where id = $1 and (status = 'asked' or (status = 'wanted' and tries = 0)) returning id`,
    values: [refundId, actor, reason],
  });
  const row = await readRefund(tx, refundId);
  const mine = row.decidedBy === actor && row.decisionReason === reason;
  if (changed.length === 0) {
    const wanted: RefundState = action === 'refund' ? 'wanted' : 'kept';
    if (row.state === wanted && mine) return row;
    if (row.state === 'wanted' && action === 'keep')
      throw new AltaError('RESOLVE_REFUSED', 'it may have been sent: `refund` reads the payment and sends it under the same key');
    if (row.state !== wanted || !OPEN_REFUND_STATES.has(row.state)) throw new AltaError('RESOLVE_REFUSED', `the refund is ${row.state}`);
  }
  if (row.jobId !== null) await recordDecision(tx, { jobId: row.jobId, step: null, action: `refund-${action}`, actor, reason });
  return row;
}

/**
 * An operator's decision about an intent whose run is not open: on record as `decideRefund` does, and told through the outbox, so that a
 * run that was started meanwhile looks again, and one is started for money that is to go back. `fact` names this decision.
 */
export async function decideWithoutRun(tx: Tx, refundId: string, command: RefundCommand, fact: string): Promise<RefundRow> {
  const row = await decideRefund(tx, refundId, command);
  await tellRefund(tx, 'refund.changed', row, fact);
  if (command.action === 'refund') await tellRefund(tx, 'refund.asked', row, fact);
  return row;
}

/**
 * Before a payment buys a store (again): closes an open question as superseded. Throws RESOLVE_REFUSED once an intent to give the money
 * back was decided and did not end rejected or kept, or when it is back.
 */
export async function supersedeRefund(tx: Tx, paymentId: string, { actor, reason }: { actor: string; reason: string }): Promise<void> {
  await lockPayment(tx, paymentId);
  const closed = await tx.query<{ refundId: string; accountId: string | null }>({
    name: 'admin-db.supersede-refund',
    text: `update refunds set status = 'superseded', decided_by = $2, decision_reason = $3, decided_at = now(), ended_at = now()
           where payment_id = $1 and status = 'asked' returning id as "refundId", account_id as "accountId"`,
    values: [paymentId, actor, reason],
  });
  for (const row of closed) await tellRefund(tx, 'refund.changed', { ...row, paymentId }, 'superseded');
  const blocking = await blockingRefund(tx, paymentId);
  if (blocking !== null)
    throw new AltaError('RESOLVE_REFUSED', `the refund of payment ${paymentId} is ${blocking}: it buys no store; take another payment`);
}

/** The state of a refund because of which a payment must not buy a store by itself; null when there is none. */
export async function blockingRefund(tx: Tx, paymentId: string): Promise<RefundState | null> {
  const [row] = await tx.query<{ state: RefundState }>({
    name: 'admin-db.blocking-refund',
    text: `select status as state from refunds where payment_id = $1 and status in ('asked', 'wanted', 'in_process', 'approved')
           order by created_at desc limit 1`,
    values: [paymentId],
  });
  return row?.state ?? null;
}
