import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import { checkClusterSchema, publishClient, readStore, seedContent, upsertClient } from '../../adapters/cluster/index.ts';
import { seedBundle } from '../../contract/seeds.ts';
import { clusterAt, newClusterPlace, sampleStore, startTestCluster, type TestCluster } from '../support/cluster-process.ts';
import { eventually } from '../support/eventually.ts';
import { emptyDatabase, type FreshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let running: TestCluster;
let sql: pg.Pool;

beforeAll(async () => {
  database = await emptyDatabase();
  running = await startTestCluster(await newClusterPlace(database.url));
  sql = new pg.Pool({ connectionString: database.url, max: 2 });
  // One test cuts all connections on purpose.
  sql.on('error', () => undefined);
});

afterAll(async () => {
  await sql.end();
  await running.close();
  await database.drop();
});

test('a killed cluster is unreachable, comes back at its address with its stores and with the same rights', async () => {
  const store = sampleStore();
  await upsertClient(running.cluster, { ...store.context, row: store.row });
  await seedContent(running.cluster, { ...store.context, bundle: seedBundle(store.account, null) });
  await publishClient(running.cluster, { accountId: store.account.id, version: 4 });
  const { cluster, port, place } = running;
  expect(running.migrated).toBeGreaterThan(0);

  await running.end('SIGKILL');
  await expect(readStore(cluster, store.account.id)).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
  running = await startTestCluster({ ...place, port });
  expect({ port: running.port, migrated: running.migrated }).toEqual({ port, migrated: 0 });
  expect((await readStore(cluster, store.account.id))?.counts.pages).toBe(5);

  const visitor = running.visitor();
  expect((await visitor.from('pages').select('slug').eq('client_id', store.context.clientId)).data).toHaveLength(5);
  expect((await visitor.from('clients').select('mp_access_token')).error?.code).toBe('42501');
  expect((await visitor.from('sync_images').select('image')).error?.code).toBe('42501');
  expect((await visitor.from('pages').delete().eq('client_id', store.context.clientId)).error?.code).toBe('42501');
});

test('P-038 P-119: a wrong key is refused for good; the visitor key is no service key', async () => {
  for (const key of ['sb_secret_wrong', running.place.publishableKey]) {
    await expect(readStore(await clusterAt(running.url, key), crypto.randomUUID())).rejects.toMatchObject({
      code: 'CLUSTER_UNAUTHORIZED',
      retryable: false,
    });
  }
});

test('P-523: a complete cluster lacks nothing; a missing column, constraint, bucket or right is named', async () => {
  expect(await checkClusterSchema(running.cluster)).toEqual([]);
  await sql.query(`alter table clients rename column timezone to tz; alter table clients alter column plan_key drop not null;
    alter table products drop constraint products_client_id_sku_key; update storage.buckets set id = 'other', name = 'other';
    grant select (mp_access_token) on clients to anon`);
  expect(await checkClusterSchema(running.cluster)).toEqual([
    'column clients.timezone is missing',
    'column clients.plan_key may be null',
    'products(client_id,sku) is not unique',
    'bucket store-assets is missing',
    'anon reads clients.mp_access_token',
  ]);
  const store = sampleStore();
  await expect(upsertClient(running.cluster, { ...store.context, row: store.row })).rejects.toMatchObject({
    code: 'CLUSTER_SCHEMA_MISMATCH',
  });
  await sql.query(`alter table clients rename column tz to timezone; alter table clients alter column plan_key set not null;
    alter table products add constraint products_client_id_sku_key unique (client_id, sku);
    update storage.buckets set id = 'store-assets', name = 'store-assets'; revoke select (mp_access_token) on clients from anon`);
  expect(await checkClusterSchema(running.cluster)).toEqual([]);
});

test('P-523: a cluster without our functions is a schema mismatch', async () => {
  await sql.query('alter function alta_schema_report(text) rename to alta_hidden');
  const fresh = await startTestCluster({ ...running.place, port: 0 });
  try {
    await expect(checkClusterSchema(fresh.cluster)).rejects.toMatchObject({ code: 'CLUSTER_SCHEMA_MISMATCH' });
  } finally {
    await fresh.end();
    await sql.query('alter function alta_hidden(text) rename to alta_schema_report');
  }
});

test('P-119: a cluster whose database refuses connections answers, and the answer is transient', async () => {
  const name = new URL(database.url).pathname.slice(1);
  const admin = new pg.Client({ connectionString: database.url.replace(`/${name}`, '/postgres') });
  await admin.connect();
  await admin.query(`alter database "${name}" with allow_connections false`);
  await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name]);
  await expect(readStore(running.cluster, crypto.randomUUID())).rejects.toMatchObject({ retryable: true });
  await admin.query(`alter database "${name}" with allow_connections true`);
  await admin.end();
  // A statement that was on a cut connection may get no answer at all; whoever asks again gets one.
  const again = await eventually(async () => ({ store: await readStore(running.cluster, crypto.randomUUID()) }), 'an answer');
  expect(again.store).toBeNull();
}, 120_000);

test('SIGTERM ends a cluster cleanly, also with connections open; a port that is taken is an error', async () => {
  const second = startTestCluster({ ...running.place, port: running.port });
  // One that starts all the same is not left behind.
  second.then((started) => started.end()).catch(() => undefined);
  await expect(second.then(() => 'started')).rejects.toThrow(/EADDRINUSE/);
  expect(await running.end('SIGTERM')).toBe(0);
});
