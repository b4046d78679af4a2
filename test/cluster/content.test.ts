import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import {
  ASSET_BUCKET,
  fingerprintOf,
  logoPath,
  publishClient,
  putAssets,
  readStore,
  seedContent,
  setEntitlements,
  syncMpCredentials,
  undoAssets,
  undoMpCredentials,
  undoSeed,
  upsertClient,
} from '../../adapters/cluster/index.ts';
import { projectEntitlements } from '../../contract/projection.ts';
import { seedBundle } from '../../contract/seeds.ts';
import { sampleStore, startClusterWithSql, type SampleStore, type TestCluster } from '../support/cluster-process.ts';
import { PIXEL_PNG } from '../support/samples.ts';

let running: TestCluster;
let sql: pg.Pool;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ running, sql, close } = await startClusterWithSql());
});
afterAll(() => close());

async function begun(): Promise<SampleStore> {
  const store = sampleStore();
  await upsertClient(running.cluster, { ...store.context, row: store.row });
  return store;
}

const bytes = Buffer.from(PIXEL_PNG, 'base64');
const logo = { contentType: 'image/png', bytes, sha256: createHash('sha256').update(bytes).digest('hex') };
const catalog = [
  { sku: 'mate-01', name: 'Mate', price: '15000.00', stock: 12 },
  { sku: 'yerba-01', name: 'Yerba', price: '6200.50', stock: 40 },
];
const credentials = { accessToken: 'APP_USR-1234-secret', publicKey: 'APP_USR-public' };
const seed = (store: SampleStore) => seedContent(running.cluster, { ...store.context, bundle: seedBundle(store.account, null) });
const put = (store: SampleStore) => putAssets(running.cluster, { ...store.context, logo, catalog });
const objects = async (store: SampleStore) =>
  ((await running.cluster.client.storage.from(ASSET_BUCKET).list(store.context.clientId)).data ?? []).map(({ name }) => name);

test('P-045 P-046 P-070 P-127 P-739: credentials are stored, proved by hash, and never in an answer', async () => {
  const store = await begun();
  const sync = () => syncMpCredentials(running.cluster, { ...store.context, credentials });
  expect(await sync()).toEqual({ fingerprint: fingerprintOf(credentials), outcome: 'written' });
  expect(await sync()).toEqual({ fingerprint: fingerprintOf(credentials), outcome: 'same' });
  const { rows } = await sql.query('select mp_access_token, mp_public_key from clients where id = $1', [store.context.clientId]);
  expect(rows).toEqual([{ mp_access_token: credentials.accessToken, mp_public_key: credentials.publicKey }]);
  const seen = await readStore(running.cluster, store.account.id);
  expect(seen?.mp_fingerprint).toBe(fingerprintOf(credentials));
  expect(JSON.stringify(seen)).not.toContain('APP_USR');
});

test('P-127: a cluster that accepts the credentials without storing them is an error', async () => {
  const store = await begun();
  await sql.query(`create function lose_token() returns trigger language plpgsql as $$ begin new.mp_access_token := null; return new; end $$;
    create trigger lose_token before update on clients for each row when (new.id = '${store.context.clientId}') execute function lose_token()`);
  await expect(syncMpCredentials(running.cluster, { ...store.context, credentials })).rejects.toMatchObject({
    code: 'CREDENTIALS_NOT_STORED',
  });
  await sql.query('drop trigger lose_token on clients; drop function lose_token');
});

test('P-154: undo empties the credentials of this onboarding only', async () => {
  const [store, neighbour] = [await begun(), await begun()];
  for (const one of [store, neighbour]) await syncMpCredentials(running.cluster, { ...one.context, credentials });
  expect(await undoMpCredentials(running.cluster, store.context)).toEqual({ outcome: 'deleted' });
  expect(await undoMpCredentials(running.cluster, store.context)).toEqual({ outcome: 'kept' });
  expect((await readStore(running.cluster, store.account.id))?.mp_fingerprint).toBeNull();
  expect((await readStore(running.cluster, neighbour.account.id))?.mp_fingerprint).toBe(fingerprintOf(credentials));
  await expect(syncMpCredentials(running.cluster, { ...store.context, credentials })).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('P-048 P-079: entitlements are stored as computed, and an older version does not win', async () => {
  const store = await begun();
  const entitlements = projectEntitlements(store.account);
  expect(await setEntitlements(running.cluster, { ...store.context, entitlements })).toEqual({ outcome: 'written' });
  const older = { ...store.context, version: 1, entitlements: { limits: {}, features: [] } };
  expect(await setEntitlements(running.cluster, older)).toEqual({ outcome: 'stale' });
  expect((await readStore(running.cluster, store.account.id))?.client.entitlements).toEqual(entitlements);
});

test('P-034 P-036 P-131: seeding twice gives the same counts, adds what is missing, and keeps what the merchant changed', async () => {
  const store = await begun();
  expect(await seed(store)).toEqual({ added: 13, pages: 5, settings: 3, shipping: 2, palettes: 3 });
  await sql.query(`update pages set title = 'Nuestra historia' where client_id = $1 and slug = 'about'`, [store.context.clientId]);
  await sql.query(`delete from pages where client_id = $1 and slug = 'terms'`, [store.context.clientId]);
  expect(await seed(store)).toMatchObject({ added: 1, pages: 5 });
  expect(await seed(store)).toMatchObject({ added: 0, pages: 5 });
  const { rows } = await sql.query('select slug, title from pages where client_id = $1 order by slug', [store.context.clientId]);
  expect(rows).toHaveLength(5);
  expect(rows[0]).toEqual({ slug: 'about', title: 'Nuestra historia' });
  expect((await readStore(running.cluster, store.account.id))?.counts).toMatchObject({
    pages: 5,
    settings: 3,
    shipping: 2,
    palettes: 3,
    home_settings: 1,
  });
});

test('P-131: an item that does not arrive is SEED_INCOMPLETE', async () => {
  const store = await begun();
  await sql.query(`create function lose_page() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger lose_page before insert on pages for each row when (new.slug = 'terms') execute function lose_page()`);
  await expect(seed(store)).rejects.toMatchObject({ code: 'SEED_INCOMPLETE', details: { kind: 'pages', found: 4, wanted: 5 } });
  await sql.query('drop trigger lose_page on pages; drop function lose_page');
  expect(await seed(store)).toMatchObject({ added: 1, pages: 5 });
});

test("P-152: undo removes what this onboarding seeded, not the merchant's own and not a neighbour's", async () => {
  const [store, neighbour] = [await begun(), await begun()];
  await seed(store);
  await seed(neighbour);
  await sql.query(`insert into pages (client_id, slug, title) values ($1, 'ofertas', 'Ofertas')`, [store.context.clientId]);
  expect(await undoSeed(running.cluster, store.context)).toEqual({ removed: 14 });
  expect(await undoSeed(running.cluster, store.context)).toEqual({ removed: 0 });
  expect((await readStore(running.cluster, store.account.id))?.counts).toMatchObject({
    pages: 1,
    settings: 0,
    shipping: 0,
    palettes: 0,
    home_settings: 0,
  });
  expect((await readStore(running.cluster, neighbour.account.id))?.counts).toMatchObject({
    pages: 5,
    settings: 3,
    shipping: 2,
    palettes: 3,
  });
});

test('P-132: logo and catalogue arrive once, under deterministic names; the second run copies nothing', async () => {
  const store = await begun();
  const beats: string[] = [];
  expect(await putAssets(running.cluster, { ...store.context, logo, catalog }, { heartbeat: (done) => beats.push(done) })).toEqual({
    objects: 1,
    products: 2,
  });
  expect(beats).toEqual(['products', 'listed', 'logo']);
  await sql.query(`update products set price = 1 where client_id = $1 and sku = 'mate-01'`, [store.context.clientId]);
  expect(await put(store)).toEqual({ objects: 0, products: 0 });
  const path = logoPath(store.context.clientId, logo);
  const shown = await fetch(running.visitor().storage.from(ASSET_BUCKET).getPublicUrl(path).data.publicUrl);
  expect(shown.headers.get('content-type')).toBe('image/png');
  expect(Buffer.from(await shown.arrayBuffer()).equals(bytes)).toBe(true);
  const { rows } = await sql.query('select sku, price from products where client_id = $1 order by sku', [store.context.clientId]);
  expect(rows).toEqual([
    { sku: 'mate-01', price: '1.00' },
    { sku: 'yerba-01', price: '6200.50' },
  ]);
});

test('P-132: a picture of a type that no shop shows is refused before anything is written', async () => {
  const store = await begun();
  const odd = { ...logo, contentType: 'image/svg+xml' };
  await expect(putAssets(running.cluster, { ...store.context, logo: odd, catalog })).rejects.toMatchObject({ code: 'ASSET_INVALID' });
  expect((await readStore(running.cluster, store.account.id))?.counts.products).toBe(0);
});

test('P-151 P-152: undo removes the objects and products of this onboarding; those of an earlier one and of a neighbour stay', async () => {
  const [store, neighbour] = [await begun(), await begun()];
  await put(store);
  await put(neighbour);
  const later = store.again(6);
  expect(await put(later)).toEqual({ objects: 0, products: 0 });
  expect(await undoAssets(running.cluster, later.context)).toEqual({ objects: 0, products: 0 });
  expect(await objects(store)).toHaveLength(1);
  const target = { ...store.context, version: 7 };
  expect(await undoAssets(running.cluster, target)).toEqual({ objects: 1, products: 2 });
  expect(await undoAssets(running.cluster, target)).toEqual({ objects: 0, products: 0 });
  expect(await objects(store)).toEqual([]);
  expect(await objects(neighbour)).toHaveLength(1);
  await expect(put(store)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('P-035: provisioning never touches orders and carts', async () => {
  const store = await begun();
  await put(store);
  await sql.query(
    'insert into cart_items (client_id, product_id, cart_id, quantity) select client_id, id, $2, 1 from products where client_id = $1 limit 1',
    [store.context.clientId, randomUUID()],
  );
  expect(await undoAssets(running.cluster, store.context)).toEqual({ objects: 1, products: 1 });
  const left = await sql.query('select quantity from cart_items where client_id = $1', [store.context.clientId]);
  expect(left.rows).toEqual([{ quantity: 1 }]);
});

test('P-038 P-044: a visitor reads pages only of a store that is active and published, and never a credential', async () => {
  const store = await begun();
  await seed(store);
  await syncMpCredentials(running.cluster, { ...store.context, credentials });
  const visitor = running.visitor();
  const pages = async () => (await visitor.from('pages').select('slug').eq('client_id', store.context.clientId)).data;
  expect(await pages()).toEqual([]);
  await publishClient(running.cluster, { accountId: store.account.id, version: 4 });
  expect(await pages()).toHaveLength(5);
  expect((await visitor.from('clients').select('slug, name').eq('id', store.context.clientId)).data).toEqual([
    { slug: store.account.slug, name: store.account.businessName },
  ]);
  for (const column of ['mp_access_token', 'mp_public_key', 'email_admin', 'fiscal_id', '*']) {
    expect((await visitor.from('clients').select(column)).error?.code).toBe('42501');
  }
  for (const table of ['users', 'orders', 'cart_items', 'sync_images', 'sync_tombstones', 'store_assets']) {
    expect((await visitor.from(table).select('*')).error?.code).toBe('42501');
  }
  expect((await visitor.from('pages').insert({ client_id: store.context.clientId, slug: 'x', title: 'x' })).error?.code).toBe('42501');
  expect((await visitor.rpc('alta_read_store', { payload: JSON.stringify({ account_id: store.account.id }) })).error?.code).toBe('42501');
  await upsertClient(running.cluster, { ...store.context, jobId: null, version: 5, row: { ...store.row, is_active: false } });
  expect(await pages()).toEqual([]);
  expect((await visitor.from('clients').select('slug').eq('id', store.context.clientId)).data).toEqual([]);
});
