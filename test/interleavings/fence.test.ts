import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import postgres from 'postgres';
import type { Tx } from '../../adapters/admin-db/index.ts';
import { applyMigrations, ensureRoles } from '../../local/cluster/migrations.ts';
import { sampleStore, type SampleStore } from '../support/cluster-process.ts';
import { COMMIT, everyOrder, openStage, placeOf, type Stage } from '../support/interleavings.ts';
import { emptyDatabase } from '../support/postgres.ts';

let sql: pg.Pool;
let stage: Stage;
let close: () => Promise<void>;
beforeAll(async () => {
  const database = await emptyDatabase();
  const migrating = postgres(database.url, { max: 1, onnotice: () => undefined });
  await ensureRoles(migrating);
  await migrating.unsafe(STANDARD);
  await applyMigrations(migrating);
  await migrating.end();
  sql = new pg.Pool({ connectionString: database.url, max: 2 });
  stage = await openStage(database.url, 3);
  close = async () => {
    await stage.close();
    await sql.end();
    await database.drop();
  };
});
afterAll(() => close());

/** What a hosted project has before its first migration, as far as ours name it. */
const STANDARD = `
  create schema auth;
  create table auth.users (id uuid primary key, email text);
  create function auth.uid() returns uuid language sql stable as 'select null::uuid';
  create schema storage;
  create table storage.buckets (id text primary key, name text, public boolean, file_size_limit bigint, allowed_mime_types text[]);
  create table storage.objects (id uuid primary key, bucket_id text, name text);
  grant usage on schema public, auth to anon, authenticated, service_role;`;

/** A store that its onboarding wrote at version 3. */
async function writtenStore(): Promise<SampleStore> {
  const store = sampleStore();
  const { clientId, jobId } = store.context;
  await sql.query('select alta_upsert_client($1)', [
    JSON.stringify({ client_id: clientId, job_id: jobId, version: 3, may_close: false, row: store.row }),
  ]);
  return store;
}

/** Calls one of the clusters' functions inside an open transaction. */
const call =
  (name: 'alta_upsert_client' | 'alta_undo_client' | 'alta_publish_client', argument: object) =>
  (tx: Tx): Promise<string> =>
    tx
      .query<{ answer: { outcome: string } }>({
        name: `test.${name}`,
        text: `select public.${name}($1) as answer`,
        values: [JSON.stringify(argument)],
      })
      .then(([row]) => row!.answer.outcome);

const write = (store: SampleStore, version: number, jobId: string | null) =>
  call('alta_upsert_client', {
    client_id: store.context.clientId,
    job_id: jobId,
    version,
    may_close: jobId === null,
    row: { ...store.row, name: `v${String(version)}` },
  });
const row = async ({ account }: SampleStore) =>
  (await sql.query('select name, sync_version::int as version from clients where nv_account_id = $1', [account.id])).rows as unknown[];

test('P-125 P-732: whatever the order of three writes, the newest version stands and each is told what became of it', async () => {
  const played = await everyOrder(
    stage,
    [2, 2, 2],
    () => {
      const store = sampleStore();
      return Promise.resolve({
        scripts: [4, 5, 6].map((version) => [write(store, version, store.context.jobId), COMMIT]),
        on: store,
      });
    },
    async (order, outcomes, store) => {
      expect(await row(store)).toEqual([{ name: 'v6', version: 6 }]);
      const begun = (who: number): number => placeOf(order, who, 0);
      // The newest is always written; an older one only when it came before everything newer.
      expect(outcomes[2]!.results[0]).toBe('written');
      if (begun(1) < begun(2)) expect(outcomes[1]!.results[0]).toBe('written');
      if (begun(2) < Math.min(begun(0), begun(1))) expect(outcomes.map(({ results }) => results[0])).toEqual(['stale', 'stale', 'written']);
    },
  );
  expect(played).toBe(90);
});

test('P-157 law 5: a late try of an undone write leaves nothing, in every order of the try and the undo', async () => {
  await everyOrder(
    stage,
    [2, 2],
    async () => {
      const store = await writtenStore();
      const { jobId, accountId } = store.context;
      return {
        scripts: [
          [write(store, 4, jobId), COMMIT],
          [call('alta_undo_client', { account_id: accountId, job_id: jobId, version: 4 }), COMMIT],
        ],
        on: store,
      };
    },
    async (order, [late, undo], store) => {
      expect([late!.results[0], undo!.results[0]]).toEqual([order[0] === 0 ? 'written' : 'tombstoned', 'deleted']);
      expect(await row(store)).toEqual([]);
    },
  );
});

test('law 7: a store is published or undone, never both, in every order', async () => {
  await everyOrder(
    stage,
    [2, 2],
    async () => {
      const store = await writtenStore();
      const { jobId, accountId } = store.context;
      return {
        scripts: [
          [call('alta_publish_client', { account_id: accountId, version: 3 }), COMMIT],
          [call('alta_undo_client', { account_id: accountId, job_id: jobId, version: 3 }), COMMIT],
        ],
        on: store,
      };
    },
    async (order, [publishing, undo], store) => {
      expect([publishing!.results[0], undo!.results[0]]).toEqual(order[0] === 0 ? ['written', 'published'] : ['absent', 'deleted']);
      expect(await row(store)).toHaveLength(order[0] === 0 ? 1 : 0);
    },
  );
});
