import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { createAdminDb, migrate, type AdminDb } from '../../adapters/admin-db/index.ts';
import { startPostgres } from './embedded-postgres.ts';
import { eventually } from './eventually.ts';

const MIGRATIONS = fileURLToPath(new URL('../../adapters/admin-db/migrations', import.meta.url));
const ACCESS = fileURLToPath(new URL('../../adapters/admin-db/access.sql', import.meta.url));
/** Any number that is the same in every test process. */
const TEMPLATE_LOCK = 7_215_003;

interface Server {
  /** Address of its `postgres` database. */
  url: string;
  stop(): Promise<void>;
}

let server: Promise<Server> | undefined;
let template: Promise<string> | undefined;

/** Databases that are not dropped yet, and whether the file's tests are over. */
let open = 0;
let over = false;

// This hook is registered when a test file imports this module, so it runs before the file's own: those may still drop databases, and
// the last of them ends the server.
afterAll(async () => {
  over = true;
  await stopWhenUnused();
});

async function stopWhenUnused(): Promise<void> {
  if (over && open === 0) await (await server)?.stop();
}

export interface FreshDatabase {
  url: string;
  drop(): Promise<void>;
}

/**
 * A migrated Admin DB of the caller's own, copied from a template that is migrated once per server and per state of the migrations.
 * The server is the one of ALTA_TEST_PG_URL, else an embedded one that lives as long as the test file.
 */
export async function freshDatabase(): Promise<FreshDatabase> {
  const { url } = await (server ??= findServer());
  const source = await (template ??= ensureTemplate(url));
  return createDatabase(url, source);
}

/** An empty database, for tests of the migrations themselves. */
export async function emptyDatabase(): Promise<FreshDatabase> {
  const { url } = await (server ??= findServer());
  return createDatabase(url, 'template0');
}

/** A fresh database with its pool opened; `close` ends both. */
export async function openFreshDb(
  options: Parameters<typeof createAdminDb>[1] = {},
): Promise<{ db: AdminDb; url: string; close: () => Promise<void> }> {
  const database = await freshDatabase();
  const db = createAdminDb(database.url, options);
  return {
    db,
    url: database.url,
    async close() {
      await db.close();
      await database.drop();
    },
  };
}

async function createDatabase(url: string, source: string): Promise<FreshDatabase> {
  const name = `alta_test_${randomUUID().replaceAll('-', '')}`;
  // A backend that has just left the template may still be seen for a moment.
  await eventually(() => admin(url, async (client) => (await client.query(`create database ${name} template ${source}`)).command));
  open += 1;
  return {
    url: databaseUrl(url, name),
    async drop() {
      await admin(url, (client) => client.query(`drop database if exists ${name} with (force)`));
      open -= 1;
      await stopWhenUnused();
    },
  };
}

/** The template's name carries a digest of the migrations, so that a server that is kept never serves an old schema. */
async function ensureTemplate(url: string): Promise<string> {
  const files = (await readdir(MIGRATIONS)).sort();
  const digest = createHash('sha256');
  for (const file of files) digest.update(file).update(await readFile(join(MIGRATIONS, file)));
  digest.update(await readFile(ACCESS));
  const name = `alta_template_${digest.digest('hex').slice(0, 16)}`;
  await admin(url, async (client) => {
    await client.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
    const { rows } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rows.length > 0) return;
    // Built under another name: a process that dies here leaves no half-migrated template.
    const draft = `${name}_draft`;
    await client.query(`drop database if exists ${draft} with (force)`);
    await client.query(`create database ${draft}`);
    await migrate(databaseUrl(url, draft));
    await eventually(async () => (await client.query(`alter database ${draft} rename to ${name}`)).command);
  });
  return name;
}

async function admin<T>(url: string, act: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
}

function databaseUrl(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
}

async function findServer(): Promise<Server> {
  const given = process.env['ALTA_TEST_PG_URL'];
  if (given !== undefined && given !== '') return { url: given, stop: () => Promise.resolve() };
  const { url, stop } = await startPostgres({ password: randomUUID() });
  return { url: url('postgres'), stop };
}
