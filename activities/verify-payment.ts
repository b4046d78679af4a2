import {
  bindPayment,
  changeStatus,
  judgePayment,
  loadOrder,
  loadSnapshot,
  recordPayment,
  type PaymentFacts,
} from '../adapters/admin-db/index.ts';
import type { Payment } from '../adapters/mercadopago/index.ts';
import { AltaError, type ErrorCode } from '../contract/errors.ts';
import { compareMoney } from '../contract/money.ts';
import type { StepContext } from '../contract/onboarding.ts';
import { projectClient, projectEntitlements, type AccountSnapshot } from '../contract/projection.ts';
import type { ActivityDeps } from './deps.ts';

/** States in which an account may be onboarded: paid for the first time, or again after a run that failed. */
const BEFORE = ['draft', 'paid', 'provisioning', 'provision_failed'];

interface Order {
  accountId: string;
  amount: string;
  currency: string;
}

/** Why a payment does not pay the order (P-106), most telling fact first; undefined when it does. */
export function mismatchOf(
  payment: Payment,
  order: Order,
  platform: { collectorId: string; liveMode: boolean },
): { code: ErrorCode; message: string } | undefined {
  if (payment.externalReference !== order.accountId) {
    return { code: 'PAYMENT_REFERENCE_MISMATCH', message: 'external_reference: the payment names another order' };
  }
  if (payment.collectorId !== platform.collectorId) {
    return {
      code: 'PAYMENT_COLLECTOR_MISMATCH',
      message: `collector_id: ${payment.collectorId} received the money, not ${platform.collectorId}`,
    };
  }
  if (payment.liveMode !== platform.liveMode) {
    return {
      code: 'PAYMENT_MODE_MISMATCH',
      message: `live_mode: the payment is ${payment.liveMode ? 'live' : 'a test'}, this installation is ${platform.liveMode ? 'live' : 'a test'}`,
    };
  }
  if (payment.currency !== order.currency) {
    return { code: 'PAYMENT_CURRENCY_MISMATCH', message: `currency_id: paid in ${payment.currency}, ordered in ${order.currency}` };
  }
  if (compareMoney(payment.amount, order.amount) !== 0) {
    return {
      code: 'PAYMENT_AMOUNT_MISMATCH',
      message: `transaction_amount: paid ${payment.amount}, ordered ${order.amount} ${order.currency}`,
    };
  }
  if (payment.status !== 'approved') {
    return { code: 'PAYMENT_NOT_APPROVED', message: `status: ${payment.status}` };
  }
  if (compareMoney(payment.amountRefunded, '0') !== 0) {
    return {
      code: 'PAYMENT_AMOUNT_MISMATCH',
      message: `transaction_amount_refunded: ${payment.amountRefunded} ${order.currency} went back`,
    };
  }
  return undefined;
}

/** What must hold before the first side effect (P-122). Throws a named error for the first thing that is missing. */
export function checkPreconditions(account: AccountSnapshot): void {
  if (!BEFORE.includes(account.status)) {
    throw new AltaError('ACCOUNT_STATE_INVALID', `status: an account that is ${account.status} cannot be onboarded`);
  }
  if (account.email === '') throw new AltaError('ACCOUNT_STATE_INVALID', 'email: is empty');
  projectClient(account);
  projectEntitlements(account);
  if (account.mpConnected && !account.mpTokenPresent) {
    throw new AltaError('MP_TOKEN_MISSING', 'mp_connected is true, but no token is stored');
  }
}

/** Reads the payment, writes it down and compares it with the order of the account. */
async function readAgainstOrder({ db, mp, config }: ActivityDeps, { accountId, paymentId }: StepContext) {
  const [payment, order] = await Promise.all([mp.getPayment(paymentId), loadOrder(db, accountId)]);
  await recordPayment(db, factsOf(payment, accountId));
  const platform = { collectorId: config.MP_COLLECTOR_ID, liveMode: config.MP_LIVE_MODE };
  return { payment, mismatch: mismatchOf(payment, { accountId, ...order }, platform) };
}

/**
 * `check-payment`: past the pivot, whether the payment still pays the order. It changes nothing but the record of the payment.
 * Throws PAYMENT_REVERSED when it does not: refunded, charged back, in dispute.
 */
export function checkPayment(deps: ActivityDeps) {
  return async (context: StepContext): Promise<void> => {
    const { mismatch } = await readAgainstOrder(deps, context);
    if (mismatch) throw new AltaError('PAYMENT_REVERSED', `payment ${context.paymentId} no longer pays the store: ${mismatch.message}`);
  };
}

/**
 * `verify-payment`: reads the payment back from Mercado Pago and compares it with the order; only the read decides (law 1).
 * An accepted payment moves the account from `draft` to `paid`. A mismatch is recorded and ends the run as rejected.
 */
export function verifyPayment(deps: ActivityDeps) {
  const { db } = deps;
  return async (context: StepContext): Promise<void> => {
    const { accountId, jobId, paymentId } = context;
    const [{ payment, mismatch }, account] = await Promise.all([readAgainstOrder(deps, context), loadSnapshot(db, accountId)]);
    if (mismatch) {
      await judgePayment(db, paymentId, { verdict: 'rejected', code: mismatch.code, judgedStatus: payment.status });
      throw new AltaError(mismatch.code, mismatch.message);
    }
    checkPreconditions(account);
    await db.tx('admin-db.accept-payment', async (tx) => {
      await bindPayment(tx, paymentId, accountId);
      await judgePayment(tx, paymentId, { verdict: 'accepted', code: null, judgedStatus: payment.status });
      await changeStatus(tx, accountId, {
        from: ['draft', 'provision_failed'],
        to: 'paid',
        actor: 'alta',
        reason: `payment ${paymentId} approved (job ${jobId})`,
      });
    });
  };
}

/** The stored form of a payment. */
export function factsOf(payment: Payment, accountId: string | null): PaymentFacts {
  const { id, ...facts } = payment;
  return { ...facts, paymentId: id, accountId };
}
