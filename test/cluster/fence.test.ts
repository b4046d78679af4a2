import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type pg from 'pg';
import {
  publishClient,
  readStore,
  seedContent,
  setEntitlements,
  syncMpCredentials,
  undoClient,
  undoEntitlements,
  undoMpCredentials,
  undoSeed,
  upsertClient,
} from '../../adapters/cluster/index.ts';
import { CLIENT_CONTRACT } from '../../contract/projection.ts';
import { seedBundle } from '../../contract/seeds.ts';
import { sampleStore, startClusterWithSql, type SampleStore, type TestCluster } from '../support/cluster-process.ts';

let running: TestCluster;
let sql: pg.Pool;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ running, sql, close } = await startClusterWithSql());
});
afterAll(() => close());

const write = (store: SampleStore, more: Partial<Parameters<typeof upsertClient>[1]> = {}) =>
  upsertClient(running.cluster, { ...store.context, row: store.row, ...more });
const credentials = { accessToken: 'APP_USR-sample-1', publicKey: 'APP_USR-public-1' };

test('P-030 P-040 to P-059 P-076 P-125 P-733: the row holds every contractual field, is a draft, and is reported as written', async () => {
  const store = sampleStore();
  expect(await write(store)).toEqual({ clientId: store.context.clientId, outcome: 'written', created: true, published: false });
  const { rows } = await sql.query<Record<string, unknown>>('select * from clients where nv_account_id = $1', [store.account.id]);
  for (const { column } of CLIENT_CONTRACT) expect({ [column]: rows[0]?.[column] }).toEqual({ [column]: store.row[column] });
  expect(rows[0]).toMatchObject({ publication_status: 'draft', onboarding_id: store.context.jobId, deleted_at: null });
});

test('P-125 P-732: a repeat changes nothing, an older version is stale and changes nothing, a newer one is written to the same row', async () => {
  const store = sampleStore();
  await write(store);
  expect(await write(store)).toMatchObject({ outcome: 'same', created: true });
  expect(await write(store.again(2, { businessName: 'Nombre viejo' }))).toMatchObject({ outcome: 'stale', created: false });
  expect((await readStore(running.cluster, store.account.id))?.client.name).toBe(store.account.businessName);
  expect(await write(store.again(4, { businessName: 'Nombre nuevo' }))).toMatchObject({
    outcome: 'written',
    clientId: store.context.clientId,
  });
  expect((await readStore(running.cluster, store.account.id))?.client.name).toBe('Nombre nuevo');
});

test('P-125 P-170: many writers at once leave one row at the newest version', async () => {
  const store = sampleStore();
  await Promise.all([7, 3, 9, 5, 9, 4, 8, 6].map((version) => write(store.again(version, { businessName: `v${version}` }))));
  const { rows } = await sql.query('select name, sync_version::int from clients where nv_account_id = $1', [store.account.id]);
  expect(rows).toEqual([{ name: 'v9', sync_version: 9 }]);
});

test('P-031 P-032: the account is unique and the plan is never null', async () => {
  const store = sampleStore();
  await write(store);
  const copy = `insert into clients select (jsonb_populate_record(null::clients, to_jsonb(c) || $2)).* from clients c where nv_account_id = $1`;
  await expect(sql.query(copy, [store.account.id, { id: crypto.randomUUID(), slug: 'otra' }])).rejects.toMatchObject({
    constraint: 'clients_nv_account_id_key',
  });
  await expect(sql.query('update clients set plan_key = null where nv_account_id = $1', [store.account.id])).rejects.toMatchObject({
    code: '23502',
  });
});

test('P-125: a slug that another store of the cluster has is refused for good', async () => {
  const first = sampleStore();
  await write(first);
  await expect(write(sampleStore({ slug: first.account.slug }))).rejects.toMatchObject({ code: 'CLIENT_SLUG_TAKEN', retryable: false });
});

test('P-150 P-157: undo deletes the own row, leaves a neighbour alone, and its tombstone refuses every late write of that onboarding', async () => {
  const [store, neighbour] = [sampleStore(), sampleStore()];
  await write(store);
  await write(neighbour);
  const before = await readStore(running.cluster, neighbour.account.id);
  const target = { ...store.context };
  expect(await undoClient(running.cluster, target)).toEqual({ outcome: 'deleted' });
  expect(await undoClient(running.cluster, target)).toEqual({ outcome: 'absent' });
  await expect(write(store)).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(write(store, { version: 99 })).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(write(store.again(store.context.version))).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await readStore(running.cluster, store.account.id)).toBeNull();
  expect(await readStore(running.cluster, neighbour.account.id)).toEqual(before);
  expect(await write(store.again(store.context.version + 1))).toMatchObject({ outcome: 'written', created: true });
});

test('P-150: an undo that comes before its act refuses the act', async () => {
  const store = sampleStore();
  expect(await undoClient(running.cluster, store.context)).toEqual({ outcome: 'absent' });
  await expect(write(store)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('P-157: a row that something refers to is marked, and a later onboarding brings it back to life', async () => {
  const store = sampleStore();
  await write(store);
  await sql.query(`insert into orders (client_id, currency) values ($1, 'ARS')`, [store.context.clientId]);
  expect(await undoClient(running.cluster, store.context)).toEqual({ outcome: 'marked' });
  expect((await readStore(running.cluster, store.account.id))?.client).toMatchObject({ is_active: false, deleted_at: expect.any(String) });
  const next = store.again(5);
  expect(await write(next)).toMatchObject({ outcome: 'written', clientId: store.context.clientId, created: true });
  const revived = await readStore(running.cluster, store.account.id);
  expect(revived?.client).toMatchObject({ deleted_at: null, onboarding_id: next.context.jobId });
  expect(revived?.counts.orders).toBe(1);
});

test('P-121 P-151: an onboarding over an existing store gives back what it overwrote, in every aspect', async () => {
  const first = sampleStore();
  const entitlements = { limits: { products: 10 }, features: ['coupons'] };
  await write(first);
  await syncMpCredentials(running.cluster, { ...first.context, credentials });
  await setEntitlements(running.cluster, { ...first.context, entitlements });
  await seedContent(running.cluster, { ...first.context, bundle: seedBundle(first.account, null) });
  await publishClient(running.cluster, { accountId: first.account.id, version: 4 });
  const before = await readStore(running.cluster, first.account.id);

  const second = first.again(6, { businessName: 'Otro nombre', paletteKey: 'night' });
  await write(second);
  await syncMpCredentials(running.cluster, { ...second.context, credentials: { accessToken: 'APP_USR-other', publicKey: 'other' } });
  await setEntitlements(running.cluster, { ...second.context, entitlements: { limits: {}, features: [] } });
  await seedContent(running.cluster, { ...second.context, bundle: seedBundle(second.account, null) });
  await undoSeed(running.cluster, second.context);
  expect(await undoEntitlements(running.cluster, second.context)).toEqual({ outcome: 'restored' });
  expect(await undoMpCredentials(running.cluster, second.context)).toEqual({ outcome: 'restored' });
  expect(await undoClient(running.cluster, second.context)).toEqual({ outcome: 'restored' });

  const after = await readStore(running.cluster, first.account.id);
  const timeless = (store: typeof after) => ({ ...store, client: { ...store?.client, updated_at: null } });
  expect(timeless(after)).toEqual(timeless(before));
});

test('P-151: what a newer writer wrote after the onboarding is not given back', async () => {
  const first = sampleStore();
  await write(first);
  const second = first.again(6);
  await write(second);
  await write(first.again(7, { businessName: 'Más nuevo' }), { jobId: null });
  expect(await undoClient(running.cluster, second.context)).toEqual({ outcome: 'kept' });
  expect((await readStore(running.cluster, first.account.id))?.client.name).toBe('Más nuevo');
});

test('P-125 P-043: a re-run never closes a published store; the account itself may, and a late publish does not reopen it', async () => {
  const store = sampleStore();
  await write(store);
  expect(await publishClient(running.cluster, { accountId: store.account.id, version: 4 })).toEqual({ outcome: 'written' });
  expect(await publishClient(running.cluster, { accountId: store.account.id, version: 4 })).toEqual({ outcome: 'same' });
  await write(store.again(5));
  const open = { is_active: true, publication_status: 'published' };
  expect((await readStore(running.cluster, store.account.id))?.client).toMatchObject(open);
  await write(store.again(6, { status: 'suspended' }), { jobId: null });
  expect(await publishClient(running.cluster, { accountId: store.account.id, version: 5 })).toEqual({ outcome: 'stale' });
  expect((await readStore(running.cluster, store.account.id))?.client).toMatchObject({ ...open, is_active: false });
});

test('P-150: a store that is published is past the pivot and is not undone', async () => {
  const store = sampleStore();
  await write(store);
  await publishClient(running.cluster, { accountId: store.account.id, version: 4 });
  await expect(undoClient(running.cluster, store.context)).rejects.toMatchObject({ code: 'CONFLICT' });
  expect((await readStore(running.cluster, store.account.id))?.client.is_active).toBe(true);
});

test('P-126 P-223: an aspect of a store that is not there is an error, not a success', async () => {
  const { context } = sampleStore();
  const entitlements = { limits: {}, features: [] };
  await expect(setEntitlements(running.cluster, { ...context, entitlements })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(syncMpCredentials(running.cluster, { ...context, credentials })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  await expect(publishClient(running.cluster, { accountId: context.accountId, version: 1 })).rejects.toMatchObject({ code: 'NOT_FOUND' });
});
