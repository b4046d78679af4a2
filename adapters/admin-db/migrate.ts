import { readdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { runner } from 'node-pg-migrate';
import pg from 'pg';
import { effect } from '../effect.ts';
import { toAdminDbError } from './errors.ts';

const DIRECTORY = fileURLToPath(new URL('./migrations', import.meta.url));
const TABLE = 'schema_migrations';

const silent = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Brings the Admin DB's schema up to date and returns the names of the migrations that it applied. All in one transaction and
 * under an advisory lock: of several processes that start at once one migrates, the others wait and find nothing to do.
 * Throws ADMIN_DB_UNAVAILABLE or ADMIN_DB_REJECTED.
 */
export function migrate(url: string): Promise<string[]> {
  return effect('admin-db.migrate', async () => {
    try {
      const applied = await runner({
        databaseUrl: { connectionString: url, connectionTimeoutMillis: 10_000, application_name: 'alta-migrate' },
        dir: DIRECTORY,
        migrationsTable: TABLE,
        direction: 'up',
        singleTransaction: true,
        advisoryLockMode: 'wait',
        logger: silent,
      });
      return applied.map(({ name }) => name);
    } catch (error) {
      throw toAdminDbError(error, 'admin-db.migrate');
    }
  });
}

/** Names of the migrations that the database has not seen, oldest first. Changes nothing. Throws as `migrate` does. */
export function pendingMigrations(url: string): Promise<string[]> {
  return effect('admin-db.pending-migrations', async () => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
    try {
      const names = (await readdir(DIRECTORY)).filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -'.sql'.length));
      await client.connect();
      const { rows: tables } = await client.query<{ present: boolean }>(`select to_regclass('${TABLE}') is not null as present`);
      if (tables[0]?.present !== true) return names.sort();
      const { rows } = await client.query<{ name: string }>(`select name from ${TABLE}`);
      const seen = new Set(rows.map(({ name }) => name));
      return names.filter((name) => !seen.has(name)).sort();
    } catch (error) {
      throw toAdminDbError(error, 'admin-db.pending-migrations');
    } finally {
      await client.end().catch(() => undefined);
    }
  });
}
