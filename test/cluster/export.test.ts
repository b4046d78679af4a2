import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { readStoreTable, seedContent, storeTables, syncMpCredentials, upsertClient } from '../../adapters/cluster/index.ts';
import { seedBundle } from '../../contract/seeds.ts';
import { sampleStore, startClusterWithSql, type SampleStore, type TestCluster } from '../support/cluster-process.ts';

/** What a cluster gives away of a store for its archive. */
let running: TestCluster;
let sql: pg.Pool;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ running, sql, close } = await startClusterWithSql());
});
afterAll(() => close());

/** Money stays decimal text. */
const AMOUNTS = { products: ['price'], orders: ['total'], order_items: ['unit_price'], clients: ['monthly_fee'] };
const read = (store: SampleStore, table: string) => readStoreTable(running.cluster, store.account.id, table, () => undefined);
async function live(): Promise<SampleStore> {
  const store = sampleStore();
  await upsertClient(running.cluster, { ...store.context, row: store.row });
  await seedContent(running.cluster, { ...store.context, bundle: seedBundle(store.account, null) });
  await syncMpCredentials(running.cluster, {
    ...store.context,
    credentials: { accessToken: 'APP_USR-canary-token', publicKey: 'APP_USR-canary-public' },
  });
  return store;
}

test('P-307: every table of the migrations has its place in the export: a store’s column, a key to page by, and the right to read it', async () => {
  const { rows } = await sql.query<{ name: string; key: boolean; readable: boolean }>(
    `select c.relname as name, has_table_privilege('service_role', c.oid, 'select') as readable,
       exists (select 1 from pg_index i where i.indrelid = c.oid and i.indisprimary) as key
     from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') order by 1`,
  );
  expect(rows.length).toBeGreaterThan(13);
  expect(rows.filter(({ key, readable }) => !key || !readable)).toEqual([]);
  expect(await storeTables(running.cluster)).toEqual({ tables: rows.map(({ name }) => name), unplaced: [] });
});

test('P-307: a table that is added later is exported without anybody’s doing; one of no store is named, one that may not be read stops it', async () => {
  const store = await live();
  await sql.query(`create table public.reviews (client_id uuid not null, stars int primary key, said text);
    create table public.fx_rates (day date primary key); create table public.visits (client_id uuid, n int primary key);
    grant select on public.reviews to service_role; revoke all on public.visits from service_role`);
  try {
    await sql.query(`insert into public.reviews values ($1, 5, 'bien')`, [store.context.clientId]);
    expect(await storeTables(running.cluster)).toMatchObject({
      tables: expect.arrayContaining(['reviews', 'visits']) as unknown as string[],
      unplaced: ['fx_rates'],
    });
    expect(await read(store, 'reviews')).toEqual([{ client_id: store.context.clientId, stars: 5, said: 'bien' }]);
    // Not the stand-in's own session, which owns everything, but the role that a hosted project answers with.
    const argument = JSON.stringify({
      account_id: store.account.id,
      client_id: store.context.clientId,
      table: 'visits',
      after: null,
      limit: 5,
    });
    const session = await sql.connect();
    try {
      await session.query('set role service_role');
      await expect(session.query('select public.alta_export_rows($1)', [argument])).rejects.toMatchObject({ code: '42501' });
    } finally {
      await session.query('reset role');
      session.release();
    }
  } finally {
    await sql.query('drop table public.reviews, public.fx_rates, public.visits');
  }
});

test('P-307: every row of the store and none of a neighbour’s, over several pages and for keys of several columns', async () => {
  const [store, neighbour] = [await live(), await live()];
  for (const [one, products] of [
    [store, 1_003],
    [neighbour, 20],
  ] as const) {
    const { clientId } = one.context;
    await sql.query(
      `insert into public.products (client_id, sku, name, price) select $1, 'sku-' || n, 'x', n from generate_series(1, $2) n`,
      [clientId, products],
    );
    await sql.query(
      `with o as (insert into public.orders (client_id, currency) select $1, 'ARS' from generate_series(1, 300) returning id)
       insert into public.order_items (order_id, client_id, sku, name, unit_price, quantity)
       select o.id, $1, 'it''s ' || n, 'x', 1.25, 1 from o, generate_series(1, 4) n`,
      [clientId],
    );
  }
  for (const [table, count] of [
    ['products', 1_003],
    ['orders', 300],
    ['order_items', 1_200],
    ['clients', 1],
  ] as const) {
    const rows = await read(store, table);
    expect({ table, count: rows.length }).toEqual({ table, count });
    const amounts = `jsonb_build_object(${AMOUNTS[table].map((column) => `'${column}', t.${column}::text`).join(', ')})`;
    const { rows: there } = await sql.query<{ row: Record<string, unknown> }>(
      `select to_jsonb(t) - 'mp_access_token' - 'mp_public_key' || ${amounts} as row from public.${table} t
       where ${table === 'clients' ? 'id' : 'client_id'} = $1`,
      [store.context.clientId],
    );
    const sorted = (list: unknown[]): string[] => list.map((row) => JSON.stringify(Object.entries(row as object).sort())).sort();
    expect(sorted(rows)).toEqual(sorted(there.map(({ row }) => row)));
  }
});

test('P-038 P-307: no secret leaves the cluster, at whatever depth it lies', async () => {
  const store = await live();
  await sql.query(`insert into public.sync_images values ($1, 'mp_credentials', $2, $3)`, [
    store.account.id,
    randomUUID(),
    { token: 'canary-1', key: 'canary-2', version: 1 },
  ]);
  await sql.query(`update public.client_home_settings set settings = settings || $2 where client_id = $1`, [
    store.context.clientId,
    {
      headline: 'Hola',
      mail: [{ smtp_password: 'canary-3', host: 'h' }],
      api_key: 'canary-4',
      client_secret: 'canary-5',
      seed_key: 'kept',
    },
  ]);
  const { tables } = await storeTables(running.cluster);
  const text = JSON.stringify(await Promise.all(tables.map((table) => read(store, table))));
  expect(text).not.toContain('canary');
  expect(text).toMatch(/"headline":"Hola".*"mail":\[\{"host":"h"\}\]|"mail":\[\{"host":"h"\}\].*"headline":"Hola"/);
  expect(text).toContain('"seed_key":"kept"');
  // A column that sounds like a secret is looked at by somebody before it comes here.
  const { rows } = await sql.query<{ name: string }>(
    `select table_name || '.' || column_name as name from information_schema.columns where table_schema = 'public'
       and column_name ~ 'token|secret|passw|credential|seal|crypt|key|hash' order by 1`,
  );
  const kept = rows.filter(({ name }) => new RegExp(`"${name.split('.')[1]!}":`).test(text)).map(({ name }) => name);
  const out = rows.map(({ name }) => name).filter((name) => !kept.includes(name));
  expect(out).toEqual(['clients.mp_access_token', 'clients.mp_public_key']);
  expect(new Set(kept.map((name) => name.split('.')[1]))).toEqual(
    new Set(['key', 'mp_credentials_stamp', 'mp_credentials_version', 'plan_key', 'seed_key', 'template_key']),
  );
});
