import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { effect } from '../effect.ts';
import { connectionOf } from './address.ts';
import { toAdminDbError } from './errors.ts';

const DIRECTORY = fileURLToPath(new URL('./migrations', import.meta.url));
/** Who may do what: applied whole after the migrations, whenever the file or the schema changed. */
const ACCESS = fileURLToPath(new URL('./access.sql', import.meta.url));
const TABLE = 'schema_migrations';
/** Any number; one process at a time writes rights. */
const ACCESS_LOCK = 7_215_008;
/** A migration may take long, but it never waits long for a lock while everybody else waits behind it; nor does it hang on a dead client. */
const LIMITS = { lock_timeout: 60_000, statement_timeout: 15 * 60_000, idle_in_transaction_session_timeout: 120_000 };

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Brings the Admin DB's schema and the rights in it up to date and returns the names of the migrations that it applied. All in one
 * transaction and under an advisory lock: of several processes that start at once one migrates, the others wait and find nothing to
 * do. The first time the login must be allowed to make roles and tables; later it acts as `alta_migrator`, which owns the schema, so
 * that a member of that role is enough. Throws ADMIN_DB_UNAVAILABLE or ADMIN_DB_REJECTED.
 */
export function migrate(url: string): Promise<string[]> {
  return effect('admin-db.migrate', () =>
    withClient(url, 'admin-db.migrate', async (client) => {
      await client.query(
        `select set_config('role', 'alta_migrator', false) from pg_tables
         where schemaname = 'public' and tablename = $1 and tableowner = 'alta_migrator'`,
        [TABLE],
      );
      const applied = await runner({
        dbClient: client,
        dir: DIRECTORY,
        migrationsTable: TABLE,
        direction: 'up',
        singleTransaction: true,
        advisoryLockMode: 'wait',
        logger: silent,
      });
      await grantAccess(client);
      return applied.map(({ name }) => name);
    }),
  );
}

/** Writes the rights, unless this very file was applied to a schema of these very migrations. */
async function grantAccess(client: pg.Client): Promise<void> {
  const text = await readFile(ACCESS, 'utf8');
  await client.query('begin');
  await client.query('select pg_advisory_xact_lock($1)', [ACCESS_LOCK]);
  const { rows } = await client.query<{ noted: string | null; names: string }>(
    `select obj_description('${TABLE}'::regclass) as noted, (select string_agg(name, ',' order by name) from ${TABLE}) as names`,
  );
  const digest = createHash('sha256')
    .update(`${text}\n${rows[0]?.names ?? ''}`)
    .digest('hex');
  if (rows[0]?.noted !== digest) {
    await client.query(text);
    await client.query(`comment on table ${TABLE} is '${digest}'`);
  }
  await client.query('commit');
}

/** Names of the migrations that the database has not seen, oldest first. Changes nothing. Throws as `migrate` does. */
export function pendingMigrations(url: string): Promise<string[]> {
  return effect('admin-db.pending-migrations', () =>
    withClient(url, 'admin-db.pending-migrations', async (client) => {
      const names = (await readdir(DIRECTORY)).filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -'.sql'.length));
      const { rows: tables } = await client.query<{ present: boolean }>(`select to_regclass('${TABLE}') is not null as present`);
      if (tables[0]?.present !== true) return names.sort();
      const { rows } = await client.query<{ name: string }>(`select name from ${TABLE}`);
      const seen = new Set(rows.map(({ name }) => name));
      return names.filter((name) => !seen.has(name)).sort();
    }),
  );
}

async function withClient<T>(url: string, act: string, use: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({
    ...connectionOf(url),
    ...LIMITS,
    application_name: 'alta-migrate',
    connectionTimeoutMillis: 10_000,
    query_timeout: LIMITS.statement_timeout + 2_000,
    keepAlive: true,
  });
  // The statement that runs at that moment fails by itself; without a listener the process would end.
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await use(client);
  } catch (error) {
    throw toAdminDbError(error, act);
  } finally {
    await client.end().catch(() => undefined);
  }
}
