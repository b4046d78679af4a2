import fc from 'fast-check';
import { createVault } from '../../adapters/vault/index.ts';
import { isAltaError } from '../../contract/errors.ts';
import { waitUntil } from '../../local/wait.ts';
import { aboutAccount, define, NOTHING, type Definition } from './command.ts';
import { bought, type Account, type Model } from './model.ts';
import type { Real } from './real.ts';

const who = { actor: 'ana', reason: 'as agreed' };
/** A rotation rolls every process twice. */
const MOST_ROTATIONS = 1;

/** Answers that say that the moment has passed. */
const TOO_LATE: ReadonlySet<string> = new Set(['RESOLVE_REFUSED', 'NOT_FOUND', 'TEMPORAL_UNAVAILABLE']);
/** Whether it was done; false when it was too late for it. */
export async function inTime(act: () => Promise<unknown>): Promise<boolean> {
  try {
    await act();
    return true;
  } catch (error) {
    if (!isAltaError(error) || !TOO_LATE.has(error.code)) throw error;
    return false;
  }
}

/** Whether an operator may decide about an onboarding: it has one payment, and nobody counts on its store yet. */
const undecided = (account: Account): boolean =>
  !account.stands &&
  account.asked === 0 &&
  !account.wavering &&
  account.calledOff === 'no' &&
  bought(account).length === 1 &&
  account.payments.length === 1;

const newestJob = async ({ world }: Real, accountId: string): Promise<string | undefined> => {
  const sql = 'select status from provisioning_jobs where account_id = $1 order by attempt desc limit 1';
  return (await world.sql<{ status: string }>(sql, [accountId]))[0]?.status;
};

/** An operator decides that a payment goes back, as soon as the question is asked. */
export async function payBack(real: Real, paymentId: string): Promise<void> {
  const { alta } = real;
  const decided = async (): Promise<boolean> => {
    const [intent] = await alta.refunds.show(paymentId);
    if (intent?.state === 'asked') await inTime(() => alta.refunds.decide(paymentId, { action: 'refund', ...who }));
    return intent !== undefined && intent.state !== 'asked';
  };
  await waitUntil('a decided refund', decided, { timeoutMs: 900_000, everyMs: 250, signal: real.people.over });
}

/** A ring of keys turned on by one, as docs/keys.md says: the new one second everywhere, then first, then what is stored is sealed anew. */
async function rotate(model: Model, real: Real, which: 'vault' | 'codec'): Promise<void> {
  const at = model.rotated[which];
  const old = real.keys[which].slice(0, at + 1).reverse();
  const next = real.keys[which][at + 1]!;
  const setting = which === 'vault' ? 'ALTA_VAULT_KEYS' : 'ALTA_CODEC_KEYS';
  await real.processes.roll({ [setting]: [old[0], next, ...old.slice(1)].join(',') });
  const turned = [next, ...old].join(',');
  await real.processes.roll({ [setting]: turned });
  if (which === 'vault') {
    real.sealWith(turned);
    await real.alta.keys.rotate({ actor: who.actor });
    const { keyIds } = createVault(turned);
    const { vault } = await real.alta.keys.status();
    const left = vault.filter(({ keyId, rows }) => keyId !== keyIds[0] && rows > 0);
    if (left.length > 0) throw new Error(`after the rotation older keys still seal rows: ${JSON.stringify(left)}`);
  }
  model.rotated[which] += 1;
}

/** What operators do with runs, rows and keys, and what time does to them. */
export const UPKEEP: readonly Definition[] = [
  aboutAccount(
    'resolve',
    fc.record({ action: fc.constantFrom('retry' as const, 'retry' as const, 'compensate' as const) }),
    (account, _, { running }) => undecided(account) && running.worker > 0,
    async (account, real, { action }) => {
      const accountId = real.idOf(account);
      if ((await newestJob(real, accountId)) !== 'parked') return;
      const done = await inTime(() => real.alta.onboardings.resolve(accountId, { action, ...who }));
      if (done && action === 'compensate') account.calledOff = 'yes';
    },
  ),
  aboutAccount(
    'call-off',
    NOTHING,
    (account, _, { running }) => undecided(account) && running.worker > 0,
    async (account, real) => {
      const accountId = real.idOf(account);
      if ((await newestJob(real, accountId)) === undefined) return;
      // Refused when the store was first; that the word was too late may also be found after it was taken down.
      await inTime(() => real.alta.onboardings.cancel(accountId, who));
      account.calledOff = 'maybe';
    },
  ),
  aboutAccount(
    'retry',
    NOTHING,
    ({ calledOff, stands, asked }) => calledOff === 'yes' && !stands && asked === 0,
    (account, real) => {
      const accountId = real.idOf(account);
      account.calledOff = 'no';
      account.asked += 1;
      real.people.inTurn(accountId, 'retry', async () => {
        await waitUntil('an undone onboarding', async () => (await newestJob(real, accountId)) === 'compensated', {
          timeoutMs: 900_000,
          signal: real.people.over,
        });
        await waitUntil('another onboarding', () => inTime(() => real.alta.onboardings.retry(accountId, who)), { timeoutMs: 120_000 });
      });
    },
  ),
  aboutAccount(
    'pay-back',
    NOTHING,
    ({ calledOff, stands, asked }) => calledOff === 'yes' && !stands && asked === 0,
    (account, real) => {
      const paymentId = real.payments[bought(account)[0]!.no]!;
      account.asked += 1;
      real.people.inTurn(real.idOf(account), 'pay-back', () => payBack(real, paymentId));
    },
  ),
  define({
    kind: 'redrive',
    args: NOTHING,
    can: () => true,
    act: async (_, { alta }) => void (await alta.outbox.retry({ allFailed: true }, who)),
  }),
  define({
    kind: 'back-offs-end',
    args: NOTHING,
    can: () => true,
    act: async (_, { world }) => void (await world.sql(`update outbox set next_attempt_at = now() where status = 'pending'`)),
  }),
  define({
    kind: 'leases-end',
    args: NOTHING,
    can: () => true,
    act: async (_, { world }) =>
      void (await world.sql(`update outbox set locked_until = now() - interval '1 second' where status = 'processing'`)),
  }),
  aboutAccount(
    'reservation-ends',
    NOTHING,
    (account) => account.payments.length === 0,
    async (account, { world, idOf }) => {
      const late = `update slug_reservations set expires_at = now() - interval '1 minute' where account_id = $1 and status = 'reserved'`;
      await world.sql(late, [idOf(account)]);
    },
  ),
  ...(['vault', 'codec'] as const).map((which) =>
    define({
      kind: `rotate-${which}-keys`,
      args: NOTHING,
      can: ({ rotated }: Model) => rotated[which] < MOST_ROTATIONS,
      act: (model: Model, real: Real) => rotate(model, real, which),
    }),
  ),
];
