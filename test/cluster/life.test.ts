import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import {
  clearMpCredentials,
  deleteClient,
  publishClient,
  readStore,
  seedContent,
  setEntitlements,
  setSettings,
  syncMpCredentials,
  upsertClient,
  type Store,
} from '../../adapters/cluster/index.ts';
import { seedBundle } from '../../contract/seeds.ts';
import type { SettingsPatch } from '../../contract/settings.ts';
import { sampleStore, startClusterWithSql, type SampleStore, type TestCluster } from '../support/cluster-process.ts';

let running: TestCluster;
let sql: pg.Pool;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ running, sql, close } = await startClusterWithSql());
});
afterAll(() => close());

const credentials = { accessToken: 'APP_USR-sample-1', publicKey: 'APP_USR-public-1' };

/** A store that its onboarding made and published, at version 3. */
async function published(): Promise<SampleStore> {
  const store = sampleStore();
  await upsertClient(running.cluster, { ...store.context, row: store.row });
  await seedContent(running.cluster, { ...store.context, bundle: seedBundle(store.account, null) });
  await syncMpCredentials(running.cluster, { ...store.context, credentials });
  await publishClient(running.cluster, store.context);
  return store;
}

/** How the account's own workflow writes: outside any onboarding. */
const at = (store: SampleStore, version: number) => ({ ...store.context, jobId: null, version });
const open = (store: SampleStore) => ({ ...store.row, is_active: true });
const stored = async (store: SampleStore): Promise<Store> => (await readStore(running.cluster, store.account.id))!;
const set = (store: SampleStore, version: number, settings: SettingsPatch) =>
  setSettings(running.cluster, { ...at(store, version), settings });

test('P-217: two settings, one row, the last value; the seeded ones and the merchant’s stay; null takes away', async () => {
  const store = await published();
  const seeded = (await stored(store)).home_settings;
  expect(await set(store, 4, { headline: 'Uno', show_stock: true })).toEqual({ outcome: 'written' });
  expect(await set(store, 5, { headline: 'Dos', show_stock: null, palette: 'night' })).toEqual({ outcome: 'written' });
  expect((await stored(store)).home_settings).toEqual({ ...seeded, headline: 'Dos', palette: 'night' });
  expect(await set(store, 5, { headline: 'otra vez' })).toEqual({ outcome: 'same' });
  expect(await set(store, 4, { headline: 'tarde' })).toEqual({ outcome: 'stale' });
  expect((await stored(store)).home_settings).toMatchObject({ headline: 'Dos' });
  const { rows } = await sql.query('select 1 from client_home_settings where client_id = $1', [store.context.clientId]);
  expect(rows).toHaveLength(1);
});

test('P-217: settings of a store that was not seeded make its row; of a store that is not there they are refused', async () => {
  const store = sampleStore();
  await expect(set(store, 4, { headline: 'x' })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await upsertClient(running.cluster, { ...store.context, row: store.row });
  await set(store, 4, { headline: 'x', announcement: null });
  expect((await stored(store)).home_settings).toEqual({ headline: 'x' });
});

test('P-073 P-313: emptied credentials are gone, proved by reading back; newer ones stay', async () => {
  const store = await published();
  expect(await clearMpCredentials(running.cluster, at(store, 5))).toEqual({ outcome: 'written' });
  expect((await stored(store)).mp_fingerprint).toBeNull();
  await syncMpCredentials(running.cluster, { ...at(store, 7), credentials });
  expect(await clearMpCredentials(running.cluster, at(store, 6))).toEqual({ outcome: 'stale' });
  expect((await stored(store)).mp_fingerprint).not.toBeNull();
});

test('P-215 P-307: a deleted store is shut and marked, holds no credentials, and keeps everything else; a repeat changes nothing', async () => {
  const store = await published();
  const before = await stored(store);
  expect(await deleteClient(running.cluster, at(store, 5))).toEqual({ outcome: 'written' });
  const after = await stored(store);
  expect(after.client).toMatchObject({
    is_active: false,
    deleted_at: expect.any(String),
    sync_version: 5,
    publication_status: 'published',
  });
  expect(after.mp_fingerprint).toBeNull();
  expect(after.counts).toEqual(before.counts);
  expect(await deleteClient(running.cluster, at(store, 5))).toEqual({ outcome: 'same' });
  const visitor = await running.visitor().from('clients').select('id').eq('id', store.context.clientId);
  expect(visitor.data).toEqual([]);
});

test('law 5: the tombstones of a deletion refuse every write of an earlier version that comes late', async () => {
  const store = await published();
  await deleteClient(running.cluster, at(store, 9));
  const entitlements = { limits: {}, features: [] };
  const late: [string, () => Promise<unknown>][] = [
    ['client', () => upsertClient(running.cluster, { ...at(store, 8), row: store.row })],
    ['entitlements', () => setEntitlements(running.cluster, { ...at(store, 9), entitlements })],
    ['mp_credentials', () => syncMpCredentials(running.cluster, { ...at(store, 8), credentials })],
    ['settings', () => set(store, 7, { headline: 'tarde' })],
  ];
  for (const [what, write] of late) {
    const refused = await write().then(
      () => 'written',
      (error: { code: string }) => error.code,
    );
    expect({ what, refused }).toEqual({ what, refused: 'CONFLICT' });
  }
  expect((await stored(store)).client).toMatchObject({ is_active: false, deleted_at: expect.any(String) });
});

test('law 5: a deletion that comes later than a newer write changes nothing', async () => {
  const store = await published();
  await upsertClient(running.cluster, { ...at(store, 8), row: open(store) });
  expect(await deleteClient(running.cluster, at(store, 7))).toEqual({ outcome: 'stale' });
  expect((await stored(store)).client).toMatchObject({ is_active: true, deleted_at: null });
  await setEntitlements(running.cluster, { ...at(store, 8), entitlements: { limits: {}, features: [] } });
});

test('a restored store comes back as it was: published, its onboarding’s own, with what was in it', async () => {
  const store = await published();
  const before = await stored(store);
  await deleteClient(running.cluster, at(store, 5));
  await upsertClient(running.cluster, { ...at(store, 6), row: open(store) });
  await syncMpCredentials(running.cluster, { ...at(store, 6), credentials });
  const after = await stored(store);
  expect(after.client).toMatchObject({
    deleted_at: null,
    is_active: true,
    publication_status: 'published',
    onboarding_id: before.client.onboarding_id,
  });
  expect(after.counts).toEqual(before.counts);
  expect(after.mp_fingerprint).toBe(before.mp_fingerprint);
});

test('a store that is not there needs no deletion, and none can be made late', async () => {
  const store = sampleStore();
  expect(await deleteClient(running.cluster, at(store, 5))).toEqual({ outcome: 'absent' });
  await expect(upsertClient(running.cluster, { ...at(store, 4), row: store.row })).rejects.toMatchObject({ code: 'CONFLICT' });
});
