import {
  blockingRefund,
  extendReservation,
  findOrder,
  lockPayment,
  openJob,
  publish,
  recordPayment,
  refundsOf,
  showJob,
  tellRefund,
  type JobDetails,
  type Order,
  type OutboxRow,
  type PaymentRow,
} from '../../adapters/admin-db/index.ts';
import { readPayment } from '../../adapters/mercadopago/index.ts';
import { AltaError, isAltaError } from '../../contract/errors.ts';
import { onboardingWorkflowId, isUuid } from '../../contract/ids.ts';
import { paymentNotifiedSchema } from '../../contract/outbox.ts';
import { FINAL_JOB_STATES } from '../../contract/steps.ts';
import { BEFORE_STORE } from '../operations/account-states.ts';
import { signalPaymentChanged, startOnboarding } from '../operations/start-onboarding.ts';
import type { Deliver, RelayDeps } from './deps.ts';

/** Payment states that may still become approved (P-107). */
const STILL_OPEN: ReadonlySet<string> = new Set(['pending', 'in_process', 'authorized']);

type Job = JobDetails['job'];
type Account = Order & { accountId: string };

/** Everything that the decision about one notified payment rests on. */
interface Facts {
  row: OutboxRow;
  payment: PaymentRow;
  account: Account;
  /** The account's newest job. */
  job: Job | null;
}

/**
 * Follows a hint about a payment (law 1): reads the payment back from Mercado Pago, writes it down, and starts, tells or leaves
 * alone the onboarding of the account that its external reference names. Ends with one line for the inbox.
 */
export const deliverOnboarding: Deliver = async (deps, row) => {
  const parsed = paymentNotifiedSchema.safeParse(row.payload);
  if (!parsed.success) throw new AltaError('INPUT_INVALID', `outbox ${row.eventKey}: not a notified payment`);
  const { inboxId, paymentId } = parsed.data;

  const read = await readPayment(deps.mp, paymentId);
  if (read === null) return { inbox: { inboxId, settlement: { status: 'ignored', result: 'Mercado Pago does not know this payment' } } };
  const { externalReference, status: paymentStatus } = read;
  const [account, job] = await accountOf(deps, externalReference);
  const { id, ...rest } = read;
  const payment = await recordPayment(deps.db, { ...rest, paymentId: id, accountId: account?.accountId ?? null });
  await tellRefundInProcess(deps, payment);
  if (account === null) {
    const result = externalReference === null ? 'the payment names no order' : 'no account has the external reference of the payment';
    return { inbox: { inboxId, settlement: { status: 'ignored', result, paymentStatus } } };
  }
  const facts: Facts = { row, payment, account, job };
  const result = payment.status === 'approved' ? await approved(deps, facts) : await notApproved(deps, facts);
  return { inbox: { inboxId, settlement: { status: 'processed', result, paymentStatus: payment.status, accountId: account.accountId } } };
};

async function accountOf({ db }: RelayDeps, reference: string | null): Promise<[Account | null, Job | null]> {
  if (reference === null || !isUuid(reference)) return [null, null];
  const [order, job] = await Promise.all([findOrder(db, reference), newestJob(db, reference)]);
  return [order && { ...order, accountId: reference.toLowerCase() }, job];
}

async function newestJob(db: RelayDeps['db'], accountId: string): Promise<Job | null> {
  try {
    return (await showJob(db, accountId)).job;
  } catch (error) {
    if (isAltaError(error) && error.code === 'NOT_FOUND') return null;
    throw error;
  }
}

const isFinal = (job: Job): boolean => (FINAL_JOB_STATES as readonly string[]).includes(job.state);

/** An approved payment: one run for one account, and every other case told apart by name. */
async function approved(deps: RelayDeps, facts: Facts): Promise<string> {
  const { payment, account, job } = facts;
  const mine = job?.paymentId === payment.paymentId;
  if (!BEFORE_STORE.has(account.status)) {
    if (mine) return !isFinal(job) && (await tellRun(deps, facts)) ? 'the running onboarding was told' : 'already provisioned';
    await tellAccount(deps, facts);
    return paidTwice(deps, facts);
  }
  // A queued job was opened after that verdict, by an operator who thinks otherwise: its start is only late (P-112).
  if (payment.verdict === 'rejected' && payment.judgedStatus === payment.status && !(mine && job.state === 'queued')) {
    return `already judged: ${payment.verdictCode ?? 'rejected'}`;
  }
  if (job !== null && mine && ['failed', 'compensated', 'abandoned'].includes(job.state)) {
    return `the onboarding ended as ${job.state}; an operator may retry it`;
  }
  if (job !== null && !mine && !isFinal(job)) return paidTwice(deps, facts);

  const { accountId } = account;
  const { paymentId } = payment;
  const refund = await blockingRefund(deps.db, paymentId);
  if (refund !== null) return `its refund is ${refund.replace('_', ' ')}; it buys no store by itself`;
  const { jobId } = await deps.db.tx('admin-db.open-onboarding', async (tx) => {
    await lockPayment(tx, paymentId);
    if ((await blockingRefund(tx, paymentId)) !== null)
      throw new AltaError('ADMIN_DB_UNAVAILABLE', `payment ${paymentId}: its refund was asked meanwhile`);
    const opened = await openJob(tx, { accountId, paymentId, workflowId: onboardingWorkflowId(accountId) });
    // What was decided above holds only for the jobs that were seen there; otherwise look again.
    const expected = job === null || isFinal(job) ? (job?.attempt ?? 0) + 1 : job.attempt;
    if (opened.attempt !== expected || opened.paymentId !== paymentId) {
      throw new AltaError('ADMIN_DB_UNAVAILABLE', `account ${accountId}: its jobs changed meanwhile`);
    }
    return opened;
  });
  const outcome = await startOnboarding(deps, { accountId, jobId, paymentId });
  if (outcome === 'started') return 'onboarding started';
  if (outcome === 'completed') return 'already provisioned';
  if (outcome === 'running' && (await tellRun(deps, facts))) return 'the running onboarding was told';
  throw stillEnding(accountId);
}

const stillEnding = (accountId: string): AltaError =>
  new AltaError('TEMPORAL_UNAVAILABLE', `account ${accountId}: an earlier run is just ending`, { retryAfterMs: 1_000 });

/** Any other status is written down (P-107); who is at work on the account, or looks after its store, is told. */
async function notApproved(deps: RelayDeps, facts: Facts): Promise<string> {
  const { payment, account, job } = facts;
  const status = payment.status.replaceAll('_', ' ');
  const mine = job?.paymentId === payment.paymentId;
  const told = mine && !isFinal(job) && (await tellRun(deps, facts)) ? '; the running onboarding was told' : '';
  if (mine && job.state === 'queued' && told === '') {
    // Its start was lost, and the payment changed since: the run ends it by its own first step, as it would have.
    const { accountId } = account;
    if ((await startOnboarding(deps, { accountId, jobId: job.jobId, paymentId: payment.paymentId })) === 'closing')
      throw stillEnding(accountId);
    return `payment ${status}; the onboarding was started to judge it`;
  }
  // Past the pivot the run may be about to end, so the account is told as well.
  if (!BEFORE_STORE.has(account.status)) {
    await tellAccount(deps, facts);
    if (mine)
      deps.log.warn(
        { accountId: account.accountId, paymentId: payment.paymentId, alert: 'payment changed after provisioning' },
        `payment ${status}`,
      );
    return `payment ${status}; the account was told${told}`;
  }
  if (told !== '') return `payment ${status}${told}`;
  if (STILL_OPEN.has(payment.status)) {
    await extendReservation(deps.db, account.accountId, deps.config.SLUG_RESERVATION_SECONDS);
    return `payment ${status}; the slug stays reserved`;
  }
  return `payment ${status}; recorded`;
}

function paidTwice({ log }: RelayDeps, { payment, account, job }: Facts): string {
  log.warn(
    { accountId: account.accountId, paymentId: payment.paymentId, firstPaymentId: job?.paymentId, alert: 'paid twice' },
    'a second payment of one account was approved',
  );
  return 'paid twice';
}

/** A refund that is followed need not wait for its next look. */
async function tellRefundInProcess({ db }: RelayDeps, { paymentId, status, amountRefunded }: PaymentRow): Promise<void> {
  const pending = (await refundsOf(db, paymentId)).find(({ state }) => state === 'in_process');
  if (pending) await tellRefund(db, 'refund.changed', pending, `${status}/${amountRefunded}`);
}

const tellRun = (deps: RelayDeps, { row, payment, account }: Facts): Promise<boolean> =>
  signalPaymentChanged(deps, account.accountId, { eventKey: `${row.eventKey}/${String(row.generation)}`, paymentId: payment.paymentId });

/** One event for each state of the payment, however often that is notified. */
async function tellAccount({ db }: RelayDeps, { payment, account }: Facts): Promise<void> {
  await publish(db, {
    target: 'account',
    eventKey: `payment.changed/${payment.paymentId}/${payment.status}/${payment.amountRefunded}`,
    accountId: account.accountId,
    payload: { type: 'payment.changed', accountId: account.accountId, paymentId: payment.paymentId, version: account.version },
  });
}
