import { changeAccount } from '../support/account-changes.ts';
import { inTurns } from '../support/in-turns.ts';
import { arrived, witness, type Write } from '../support/witness.ts';
import type { Ground } from './ground.ts';
import { openAccounts } from './orders.ts';
import { median, ms, p99, table, times } from './statistics.ts';

/** So many changes to each of so many accounts, committed by eight writers at once (one account: one after another). */
const LOADS = [
  { accounts: 1, changes: 300 },
  { accounts: 100, changes: 20 },
  { accounts: 1_000, changes: 3 },
] as const;
const WRITERS = 8;
const ALONE = 40;

export interface LifeResult {
  name: string;
  events: number;
  applies: number;
  /** From the first commit until the newest version of every account is on its cluster, ms. */
  all: number;
  /** From each commit until its cluster holds that version or a newer one, ms. */
  each: number[];
}

interface Commit {
  accountId: string;
  version: number;
  at: number;
}

async function commit({ deps }: Pick<Ground, 'deps'>, accountId: string): Promise<Commit> {
  const { version } = await changeAccount(deps.db, { type: 'account.updated', accountId, fields: ['phone'] });
  return { accountId, version, at: Date.now() };
}

function resultOf(name: string, commits: readonly Commit[], writes: readonly Write[]): LifeResult {
  const byAccount = Map.groupBy(writes, ({ accountId }) => accountId);
  const shown = (c: Commit): number => byAccount.get(c.accountId)?.find(({ version }) => version >= c.version)?.at ?? Number.NaN;
  const ends = commits.map(shown);
  return {
    name,
    events: commits.length,
    applies: writes.length,
    all: Math.max(...ends) - Math.min(...commits.map(({ at }) => at)),
    each: commits.map((c, index) => Math.max(0, (ends[index] ?? Number.NaN) - c.at)),
  };
}

/** How fast a change of an account gets from its commit to its cluster: alone, and with 1, 100 and 1,000 accounts changing. */
export async function measureLife(ground: Ground, note: (text: string) => void): Promise<LifeResult[]> {
  ground.useRelay('fast');
  const seen = await witness(ground.stack);
  try {
    const results: LifeResult[] = [];
    note('opening 1,000 accounts');
    const accounts = await openAccounts(ground, 1_000);
    await arrived(seen, await inTurns(WRITERS, accounts, (id) => commit(ground, id)));
    await ground.quiet();

    note(`${String(ALONE)} changes, each after the last has arrived`);
    await seen.forget();
    const alone: Commit[] = [];
    for (let n = 0; n < ALONE; n += 1) {
      alone.push(await commit(ground, accounts[n] ?? ''));
      await arrived(seen, alone);
    }
    results.push(resultOf('one at a time', alone, await seen.writes()));

    for (const { accounts: count, changes } of LOADS) {
      note(`${String(count)} accounts, ${String(changes)} changes each`);
      await seen.forget();
      const rounds = Array.from({ length: changes }, () => accounts.slice(0, count)).flat();
      const commits = await inTurns(WRITERS, rounds, (id) => commit(ground, id));
      results.push(resultOf(`${String(count)} accounts, ${String(changes)} each`, commits, await arrived(seen, commits)));
      await ground.quiet();
    }
    return results;
  } finally {
    await seen.close();
  }
}

export const renderLife = (results: readonly LifeResult[]): string =>
  table(
    ['from commit to cluster', 'events', 'events/s', 'applies', 'p50', 'p99'],
    results.map(({ name, events, applies, all, each }) => [
      name,
      String(events),
      times((events * 1_000) / all),
      String(applies),
      ms(median(each)),
      ms(p99(each)),
    ]),
  );
