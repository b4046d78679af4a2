import pg from 'pg';
import { waitUntil } from '../../local/wait.ts';
import { changeAccount } from '../support/account-changes.ts';
import type { Ground } from './ground.ts';
import { openOrders } from './orders.ts';
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

/** One write of a cluster's client row, by the clock of the machine, ms. */
interface Write {
  accountId: string;
  version: number;
  at: number;
}

interface Witness {
  writes(): Promise<Write[]>;
  forget(): Promise<void>;
  close(): Promise<void>;
}

/** Has the clusters themselves note when a client row is written: nothing has to ask, so nothing is slowed down by asking. */
async function witness({ stack }: Ground): Promise<Witness> {
  const pools = stack.clusters.map(({ databaseUrl }) => new pg.Pool({ connectionString: databaseUrl, max: 1 }));
  const everywhere = <T extends pg.QueryResultRow>(text: string): Promise<T[]> =>
    Promise.all(pools.map(async (pool) => (await pool.query<T>(text)).rows)).then((found) => found.flat());
  await everywhere(`
    create schema if not exists bench;
    create table if not exists bench.writes (account_id uuid, version bigint, at timestamptz default clock_timestamp());
    create or replace function bench.note() returns trigger language plpgsql security definer as $$
      begin insert into bench.writes (account_id, version) values (new.nv_account_id, new.sync_version); return null; end $$;
    create or replace trigger bench_note after insert or update of sync_version on public.clients for each row execute function bench.note();`);
  return {
    writes: () =>
      everywhere<Write>(
        `select account_id as "accountId", version::float8 as version, extract(epoch from at)::float8 * 1000 as at from bench.writes order by at`,
      ),
    forget: async () => void (await everywhere('truncate bench.writes')),
    close: async () => void (await Promise.all(pools.map((pool) => pool.end()))),
  };
}

/** Accounts that live on a cluster; their first event makes the store's row there. */
async function openAccounts({ deps, db, stack }: Ground, count: number): Promise<string[]> {
  const ids = (await openOrders(deps, count)).map(({ accountId }) => accountId);
  await db.query({
    name: 'bench.open-accounts',
    text: `update nv_accounts a set status = 'live', backend_cluster_id = ($2::text[])[1 + n % cardinality($2::text[])]
           from unnest($1::uuid[]) with ordinality as u (id, n) where a.id = u.id`,
    values: [ids, stack.clusters.map(({ clusterId }) => clusterId)],
  });
  return ids;
}

interface Commit {
  accountId: string;
  version: number;
  at: number;
}

async function commit({ deps }: Ground, accountId: string): Promise<Commit> {
  const { version } = await changeAccount(deps.db, { type: 'account.updated', accountId, fields: ['phone'] });
  return { accountId, version, at: Date.now() };
}

/** Waits until every account's newest version is on its cluster. */
async function arrived(seen: Witness, commits: readonly Commit[]): Promise<Write[]> {
  const newest = new Map<string, number>();
  for (const { accountId, version } of commits) newest.set(accountId, Math.max(version, newest.get(accountId) ?? 0));
  let writes: Write[] = [];
  await waitUntil(
    'the newest version on every cluster',
    async () => {
      writes = await seen.writes();
      const there = new Map<string, number>();
      for (const { accountId, version } of writes) there.set(accountId, Math.max(version, there.get(accountId) ?? 0));
      return [...newest].every(([accountId, version]) => (there.get(accountId) ?? 0) >= version);
    },
    { everyMs: 200, timeoutMs: 600_000 },
  );
  return writes;
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
  const seen = await witness(ground);
  try {
    const results: LifeResult[] = [];
    note('opening 1,000 accounts');
    const accounts = await openAccounts(ground, 1_000);
    await arrived(seen, await inTurns(accounts, (id) => commit(ground, id)));
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
      const commits = await inTurns(rounds, (id) => commit(ground, id));
      results.push(resultOf(`${String(count)} accounts, ${String(changes)} each`, commits, await arrived(seen, commits)));
      await ground.quiet();
    }
    return results;
  } finally {
    await seen.close();
  }
}

async function inTurns<T, R>(items: readonly T[], act: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  const left = [...items];
  const work = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) done.push(await act(item));
  };
  await Promise.all(Array.from({ length: WRITERS }, work));
  return done;
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
