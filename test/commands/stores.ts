import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { isAltaError } from '../../contract/errors.ts';
import { STORE_STATES } from '../../contract/account-machine.ts';
import { waitUntil } from '../../local/wait.ts';
import { aboutAccount, NOTHING, type Definition } from './command.ts';
import { hasStore, isOpen, PLANS, type Account } from './model.ts';
import { obey, type Order } from './orders.ts';
import type { Real } from './real.ts';

const who = { actor: 'ana', reason: 'as agreed' };
/** Orders about one store between two rests. */
const MOST_ORDERS = 5;
/** A person waits until the store is there; the rest after the faults is what brings it, ms. */
const PATIENCE_MS = 900_000;
/** No answer came: the same order again, under its id. Any other failure is an answer, and who orders it again orders anew. */
const UNHEARD: ReadonlySet<string> = new Set(['TEMPORAL_UNAVAILABLE', 'ADMIN_DB_UNAVAILABLE', 'INTERNAL']);

const status = async ({ world }: Real, accountId: string): Promise<string> => String((await world.account(accountId))['status']);

/** The turn of an account waits for its store. */
export const storeOf = async (real: Real, accountId: string): Promise<void> => {
  await waitUntil('a store', async () => (STORE_STATES as readonly string[]).includes(await status(real, accountId)), {
    timeoutMs: PATIENCE_MS,
    signal: real.people.over,
    everyMs: 250,
  });
};

/** Gives an order until it is answered; a refusal has to be the one that the model foresees. */
export function order(account: Account, real: Real, asked: Order): void {
  const expected = obey(account, asked);
  const accountId = real.idOf(account);
  account.asked += 1;
  real.people.inTurn(accountId, JSON.stringify(asked), async () => {
    await storeOf(real, accountId);
    let commandId = randomUUID();
    const give = async (): Promise<'done' | 'refused'> => {
      try {
        await real.alta.accounts.command(accountId, { ...asked, ...who }, commandId);
        return 'done';
      } catch (error) {
        if (isAltaError(error) && error.code === 'COMMAND_REFUSED') return 'refused';
        if (isAltaError(error) && !UNHEARD.has(error.code)) commandId = randomUUID();
        throw error;
      }
    };
    const answer = await real.people.insist(give);
    if (answer !== expected) throw new Error(`was ${answer}; the model says ${expected}`);
  });
}

const ordered = <A extends object>(
  kind: string,
  args: fc.Arbitrary<A>,
  of: (args: A) => Order,
  can: (account: Account, args: A) => boolean = () => true,
): Definition =>
  aboutAccount(
    kind,
    args,
    (account, given) => hasStore(account) && account.asked < MOST_ORDERS && can(account, given),
    (account, real, given) => order(account, real, of(given)),
  );
const plain = (action: 'cancel' | 'delete' | 'restore' | 'hold' | 'release' | 'reseed' | 'sync-entitlements'): Definition =>
  ordered(action, NOTHING, () => ({ action }));
const cause = fc.record({ cause: fc.constantFrom('pause' as const, 'operator' as const) });

/** Moves the dates of an account back by so many days, which is what time does. */
const daysPass = ({ world }: Real, accountId: string, days: number): Promise<unknown> =>
  world.sql(
    `update subscriptions set trial_ends_at = trial_ends_at - make_interval(days => $2), paid_until = paid_until - make_interval(days => $2)
     where account_id = $1`,
    [accountId, days],
  );
const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

/** Has an account's due date set, and waits until it has come to what hangs on it. */
function dueDate(account: Account, real: Real, paid: boolean): void {
  const accountId = real.idOf(account);
  const reasons = `select 1 from account_suspensions where account_id = $1 and reason = 'past_due'`;
  account.asked += 1;
  if (paid) account.stops.delete('past_due');
  else account.stops.add('past_due');
  real.people.inTurn(accountId, paid ? 'month-is-paid' : 'month-passes', async () => {
    await storeOf(real, accountId);
    const commandId = randomUUID();
    const set = { action: 'set-due-dates', paidUntil: inDays(paid ? 60 : 10), ...who } as const;
    await real.people.insist(() => real.alta.accounts.command(accountId, set, commandId));
    if (!paid) await daysPass(real, accountId, 30);
    const settled = async (): Promise<boolean> => {
      await real.sweep('apply-due-dates');
      return ((await real.world.sql(reasons, [accountId])).length === 0) === paid;
    };
    await waitUntil('what the due date brings', settled, { timeoutMs: PATIENCE_MS, signal: real.people.over, everyMs: 500 });
  });
}

/** What operators and time do with stores. */
export const STORES: readonly Definition[] = [
  ordered('suspend', cause, ({ cause: why }) => ({ action: 'suspend', cause: why })),
  ordered('resume', cause, ({ cause: why }) => ({ action: 'resume', cause: why })),
  plain('cancel'),
  plain('delete'),
  plain('restore'),
  plain('hold'),
  plain('release'),
  plain('reseed'),
  plain('sync-entitlements'),
  ordered(
    'publish',
    NOTHING,
    () => ({ action: 'publish' }),
    // Without credentials it is refused for those; a held store shows nothing.
    ({ consent, held, deleted }) => !held && !deleted && consent !== 'none' && consent !== 'revoked',
  ),
  ordered(
    'change-plan',
    fc.record({ planKey: fc.constantFrom(...PLANS) }),
    ({ planKey }) => ({ action: 'change-plan', planKey }),
    ({ plan }, { planKey }) => plan !== planKey,
  ),
  ordered('rename', fc.record({ n: fc.nat({ max: 999 }) }), ({ n }) => ({
    action: 'change-account',
    fields: { businessName: `Casa ${String(n)}` },
  })),
  ordered('change-settings', fc.record({ n: fc.nat({ max: 999 }) }), ({ n }) => ({
    action: 'change-settings',
    settings: { headline: `Hola ${String(n)}` },
  })),
  ordered('add-addon', fc.record({ quantity: fc.integer({ min: 1, max: 9 }) }), ({ quantity }) => ({
    action: 'add-addon',
    addonKey: 'extra-staff',
    quantity,
  })),
  aboutAccount(
    'month-passes',
    NOTHING,
    (account) => hasStore(account) && account.asked < MOST_ORDERS && runs(account) && !account.stops.has('past_due'),
    (account, real) => dueDate(account, real, false),
  ),
  aboutAccount(
    'month-is-paid',
    NOTHING,
    (account) => hasStore(account) && account.asked < MOST_ORDERS && runs(account) && account.stops.has('past_due'),
    (account, real) => dueDate(account, real, true),
  ),
];

/** A due date does nothing to an account that is cancelled or deleted. */
const runs = (account: Account): boolean => !account.deleted && (isOpen(account) || !account.stops.has('cancel'));
