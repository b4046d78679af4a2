import { afterAll, beforeAll, expect, test } from '@jest/globals';
import postgres from 'postgres';
import { applyMigrations, ensureRoles, reapplyAccess } from '../../local/cluster/migrations.ts';
import { sampleStore } from '../support/cluster-process.ts';
import { emptyDatabase, type FreshDatabase } from '../support/postgres.ts';

/**
 * A database as a hosted project has it: the three roles, `auth` and `storage` owned by somebody else, default privileges that give every
 * new table and function in `public` to everybody, and migrations run by an owner who is no superuser.
 */
const HOSTED = `
  create schema auth;
  create function auth.uid() returns uuid language sql stable as $$ select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid $$;
  create schema storage;
  create table storage.buckets (id text primary key, name text not null unique, public boolean, file_size_limit bigint, allowed_mime_types text[]);
  grant usage on schema auth, storage to anon, authenticated, service_role, current_owner;
  grant all on storage.buckets to current_owner;
  grant create, usage on schema public to current_owner;
  alter default privileges for role current_owner in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges for role current_owner in schema public grant all on functions to anon, authenticated, service_role;`;

let database: FreshDatabase;
let sql: postgres.Sql;
let owner: string;

beforeAll(async () => {
  database = await emptyDatabase();
  sql = postgres(database.url, { max: 1, onnotice: () => undefined });
  owner = `owner_${Date.now().toString(36)}${process.pid}`;
  await ensureRoles(sql);
  await sql.unsafe(`create role ${owner}; grant create on database "${new URL(database.url).pathname.slice(1)}" to ${owner}`);
  await sql.unsafe(HOSTED.replaceAll('current_owner', owner));
  await sql.unsafe(`set role ${owner}`);
  await applyMigrations(sql);
});

afterAll(async () => {
  await sql.unsafe('reset role');
  await sql.unsafe(`drop owned by ${owner}; drop role ${owner}`);
  await sql.end();
  await database.drop();
});

/** Runs a statement as one of the API's roles; what it throws is the SQLSTATE. */
const as = async (role: string, statement: string, values: string[] = []): Promise<unknown> => {
  await sql.unsafe(`set role ${role}`);
  try {
    return [...(await sql.unsafe(statement, values))];
  } catch (error) {
    return (error as { code?: unknown }).code;
  } finally {
    await sql.unsafe(`set role ${owner}`);
  }
};
const call = (role: string, name: string, argument: object): Promise<unknown> =>
  as(role, `select public.${name}($1) as answer`, [JSON.stringify(argument)]);

test('P-031 P-523: the migrations run as a hosted project runs them, once', async () => {
  expect(await applyMigrations(sql)).toEqual([]);
  await reapplyAccess(sql);
  expect(await sql`select id, public from storage.buckets`).toMatchObject([{ id: 'store-assets', public: true }]);
});

test('P-038: whatever the defaults give away, only the service role reads credentials and calls our functions', async () => {
  const { context, row } = sampleStore();
  const upsert = { client_id: context.clientId, job_id: context.jobId, version: 1, row };
  expect(await call('service_role', 'alta_upsert_client', upsert)).toMatchObject([{ answer: { outcome: 'written' } }]);
  const functions = await sql<
    { name: string }[]
  >`select proname as name from pg_proc where pronamespace = 'public'::regnamespace and proname like 'alta\\_%'`;
  expect(functions.length).toBeGreaterThan(15);
  for (const role of ['anon', 'authenticated']) {
    expect(await call(role, 'alta_upsert_client', upsert)).toBe('42501');
    expect(await call(role, 'alta_read_store', { account_id: context.accountId })).toBe('42501');
    for (const statement of [
      'select mp_access_token from clients',
      'select * from sync_images',
      'update clients set is_active = true',
      'delete from orders',
    ]) {
      expect(await as(role, statement.replace(/(from|update) /, '$1 public.'))).toBe('42501');
    }
    expect(await as(role, 'select slug from public.clients')).toEqual([]);
  }
  expect(await as('anon', 'select slug from public.pages')).toEqual([]);
  const [report] = (await call('service_role', 'alta_schema_report', {})) as [{ answer: { leaks: string[] } }];
  expect(report.answer.leaks).toEqual([]);
});

test('P-038: every table of the cluster has row security', async () => {
  const open = await sql`select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and not relrowsecurity`;
  expect([...open]).toEqual([]);
});
