import fc from 'fast-check';
import { waitUntil } from '../../local/wait.ts';
import { aboutAccount, define, NOTHING, type Definition } from './command.ts';
import { bought, choose, hasStore, newAccount, type Account, type Payment } from './model.ts';
import type { Real } from './real.ts';
import { inTime, payBack } from './upkeep.ts';

/** An account has at most so many payments, and a run so many accounts: more of them say nothing new, and cost time. */
const MOST_PAYMENTS = 3;
const MOST_ACCOUNTS = 8;
const who = { actor: 'ana', reason: 'as agreed' };

/** A webhook that is lost is found by the poll, at the next rest. */
const heard = fc.boolean().map((lost) => ({ notify: !lost }));
const pending = ({ payments }: Account): Payment[] => payments.filter(({ state }) => state === 'pending');

/** Tells of payments as they stand at Mercado Pago, in words that may be old. */
async function tell(real: Real, those: readonly Payment[], action: string): Promise<void> {
  const paymentIds = those.map(({ no }) => real.payments[no]!);
  await real.world.simulator.control.deliver({ paymentIds, copies: 2, distinct: true, shuffle: true, action });
}

/** What customers do, and what Mercado Pago and their banks do with their money. */
export const PAYMENTS: readonly Definition[] = [
  define<{ connected: boolean }>({
    kind: 'order',
    args: fc.record({ connected: fc.boolean().map((not) => !not) }),
    can: ({ accounts, running, mercadoPago }) => accounts.length < MOST_ACCOUNTS && running.api > 0 && mercadoPago === 'up',
    async act(model, real, { connected }) {
      const order = await real.world.checkout({}, { connected: false, url: real.url });
      if (connected) await real.connect(order.accountId);
      real.orders.push(order);
      model.accounts.push(newAccount(model.accounts.length, connected, order.checkout.businessName));
    },
  }),
  aboutAccount(
    'pay',
    fc.record({
      state: fc.constantFrom('approved' as const, 'approved' as const, 'approved' as const, 'pending' as const, 'rejected' as const),
      right: fc.nat({ max: 7 }).map((n) => n > 0),
      notify: fc.nat({ max: 3 }).map((n) => n > 0),
    }),
    ({ payments, calledOff }) => payments.length < MOST_PAYMENTS && calledOff === 'no',
    async (account, real, { state, right, notify }, model) => {
      const overrides = { status: state, notify, ...(right ? {} : { amount: '7' }) };
      const { paymentId } = await real.world.pay(real.orders[account.no]!, overrides);
      real.payments.push(paymentId);
      account.payments.push({ no: model.payments, right, state });
      model.payments += 1;
    },
  ),
  aboutAccount(
    'end-pending',
    fc.record({ state: fc.constantFrom('approved' as const, 'approved' as const, 'rejected' as const), heard }),
    (account) => pending(account).length > 0 && account.calledOff === 'no',
    async (account, real, { state, heard: { notify } }) => {
      const [payment] = pending(account);
      await real.world.simulator.control.setStatus(real.payments[payment!.no]!, state, { notify });
      payment!.state = state;
    },
  ),
  aboutAccount(
    'duplicate',
    fc.record({ copies: fc.integer({ min: 2, max: 5 }), distinct: fc.boolean() }),
    ({ payments }) => payments.length > 0,
    async ({ payments }, real, { account, copies, distinct }) => {
      const paymentId = real.payments[choose(payments, account)!.no]!;
      await real.world.simulator.control.deliver({ paymentId, copies, distinct });
    },
  ),
  define<{ action: string }>({
    kind: 'reorder',
    args: fc.record({ action: fc.constantFrom('payment.created', 'payment.updated') }),
    can: ({ payments }) => payments > 1,
    act: ({ accounts }, real, { action }) =>
      tell(
        real,
        accounts.flatMap(({ payments }) => payments),
        action,
      ),
  }),
  aboutAccount(
    'refund',
    fc.record({ status: fc.constantFrom('refunded' as const, 'charged_back' as const), heard }),
    // Somebody who orders changes of a store does not have its money sent back at the same time; when it stands, anybody may.
    (account) => bought(account).length > 0 && account.calledOff === 'no' && (account.stands || account.asked === 0),
    async (account, real, { account: n, status, heard: { notify } }) => {
      const payment = choose(bought(account), n)!;
      await real.world.simulator.control.setStatus(real.payments[payment.no]!, status, { notify });
      payment.state = 'returned';
      if (!account.stands) account.wavering = true;
    },
  ),
  aboutAccount(
    'refund-in-part',
    fc.record({ heard }),
    (account) => account.stands && bought(account).length > 0,
    (account, real, { account: n, heard: { notify } }) =>
      real.world.simulator.control
        .setStatus(real.payments[choose(bought(account), n)!.no]!, 'approved', { amountRefunded: '10', notify })
        .then(() => undefined),
  ),
  aboutAccount(
    'give-back',
    NOTHING,
    // What was paid a second time; the money that bought the store stays.
    (account) => account.stands && bought(account).length > 1,
    async (account, real) => {
      const sql = 'select payment_id from provisioning_jobs where account_id = $1 and activated_at is not null';
      const [job] = await real.world.sql<{ payment_id: string }>(sql, [real.idOf(account)]);
      const extra = bought(account).find(({ no }) => real.payments[no] !== job!.payment_id)!;
      extra.state = 'returned';
      const paymentId = real.payments[extra.no]!;
      real.people.inTurn(real.idOf(account), 'give-back', async () => {
        // Until Alta has read the payment it knows of none.
        await waitUntil('a question', () => inTime(() => real.alta.refunds.ask(paymentId, who)), {
          timeoutMs: 900_000,
          everyMs: 250,
          signal: real.people.over,
        });
        await payBack(real, paymentId);
      });
    },
  ),
  aboutAccount(
    'look',
    fc.record({ step: fc.constantFrom('verify-payment', 'upsert-client', 'seed-content', 'activate', 'notify') }),
    (account, _, { running, mercadoPago, paused }) =>
      !account.stands && hasStore(account) && running.worker > 0 && running.relay > 0 && mercadoPago === 'up' && !paused,
    (account, real, { step }) => untilStep(real, real.idOf(account), step),
  ),
];

/** Waits until an onboarding has got as far as a step, or stands still: what comes next meets it there. Whose news was lost does not come. */
async function untilStep(real: Real, accountId: string, step: string): Promise<void> {
  const sql = `select exists (select from provisioning_job_steps s where s.job_id = j.id and s.step = $2) as there, j.status from provisioning_jobs j
               where j.account_id = $1 order by j.attempt desc limit 1`;
  const look = async (): Promise<boolean> => {
    const [job] = await real.world.sql<{ there: boolean; status: string }>(sql, [accountId, step]);
    return job?.there === true || (job !== undefined && !['queued', 'running'].includes(job.status));
  };
  await waitUntil(step, look, { timeoutMs: LOOK_MS, everyMs: 20 }).catch(() => undefined);
}
/** How long a step is waited for, ms. */
const LOOK_MS = 15_000;
