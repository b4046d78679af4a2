import pg from 'pg';
import type { Stack } from '../../local/stack.ts';
import { waitUntil } from '../../local/wait.ts';

/** One write of a cluster's client row, by the clock of the machine, ms. */
export interface Write {
  accountId: string;
  version: number;
  at: number;
}

export interface Witness {
  writes(): Promise<Write[]>;
  forget(): Promise<void>;
  close(): Promise<void>;
}

/** Has the clusters themselves note when a client row is written: nothing has to ask, so nothing is slowed down by asking. */
export async function witness({ clusters }: Pick<Stack, 'clusters'>): Promise<Witness> {
  const pools = clusters.map(({ databaseUrl }) => new pg.Pool({ connectionString: databaseUrl, max: 1 }));
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

/** Waits until every account's newest version is on its cluster. */
export async function arrived(
  seen: Witness,
  commits: readonly Pick<Write, 'accountId' | 'version'>[],
  timeoutMs = 600_000,
): Promise<Write[]> {
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
    { everyMs: 200, timeoutMs },
  );
  return writes;
}
