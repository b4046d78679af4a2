import { countSealed, listClusters, loadCluster, pendingMigrations, type AdminDb } from '../../../adapters/admin-db/index.ts';
import { checkClusterSchema, createClusterRouter } from '../../../adapters/cluster/index.ts';
import type { Config } from '../../../adapters/config.ts';
import { createVault, type Vault } from '../../../adapters/vault/index.ts';
import { examine, fail, ok, warn, type Finding } from './check.ts';

/** Oldest PostgreSQL that Alta is used with. */
const OLDEST_POSTGRES = 150_000;
/** A clock that is further off than this makes signatures look forged or stale. */
const SKEW_MS = 5_000;

/** The Admin DB and everything that is registered in it. */
export async function checkAdminDb(config: Config, db: AdminDb): Promise<Finding[]> {
  const found = await Promise.all([
    examine('admin db', () => server(db)),
    examine('admin db migrations', () => migrations(config.ADMIN_DATABASE_URL)),
    examine('admin db rights', () => rights(db)),
    examine('admin db log', () => statementLog(db)),
    examine('clock', () => clock(db)),
    examine('sealed values', () => sealed(config, db)),
    examine('clusters', () => clusters(config, db)),
  ]);
  return found.flat();
}

async function server(db: AdminDb): Promise<Finding> {
  const [row] = await db.query<{ version: string; number: number }>({
    name: 'admin-db.doctor-version',
    text: `select current_setting('server_version') as version, current_setting('server_version_num')::int as number`,
  });
  const { version = '?', number = 0 } = row ?? {};
  return number >= OLDEST_POSTGRES
    ? ok('admin db', `PostgreSQL ${version}`)
    : warn('admin db', `PostgreSQL ${version} is older than what Alta is tested with`, 'Use PostgreSQL 15 or newer.');
}

async function migrations(url: string): Promise<Finding> {
  const pending = await pendingMigrations(url);
  return pending.length === 0
    ? ok('admin db migrations', 'all applied')
    : fail('admin db migrations', `not applied: ${pending.join(', ')}`, 'Run `alta migrate`.');
}

async function rights(db: AdminDb): Promise<Finding> {
  const [row] = await db.query<{ who: string; lacking: string[] }>({
    name: 'admin-db.doctor-rights',
    text: `select current_user as who, array(select t from unnest(array['provisioning_jobs', 'provisioning_job_steps', 'payments', 'outbox'])
             t where to_regclass(t) is not null and not has_table_privilege(t, 'select')) as lacking`,
  });
  const { who = '?', lacking = [] } = row ?? {};
  return lacking.length === 0
    ? ok('admin db rights', `${who} may read what it works with`)
    : fail('admin db rights', `${who} may not read ${lacking.join(', ')}`, 'Run `alta migrate`, which grants it anew.');
}

async function clock(db: AdminDb): Promise<Finding> {
  const before = Date.now();
  const [row] = await db.query<{ ms: number }>({
    name: 'admin-db.doctor-clock',
    text: 'select extract(epoch from clock_timestamp())::float8 * 1000 as ms',
  });
  const skew = Math.round((row?.ms ?? 0) - (before + Date.now()) / 2);
  const detail = `${skew} ms from the database's`;
  return Math.abs(skew) <= SKEW_MS ? ok('clock', detail) : fail('clock', detail, 'Let both machines keep time (NTP).');
}

/** Whether the server writes the values of statements into its log. Secrets are sealed there, owners' names and addresses are not. */
async function statementLog(db: AdminDb): Promise<Finding> {
  const [row] = await db.query<{ values: boolean; failed: boolean }>({
    name: 'admin-db.doctor-log',
    text: `select current_setting('log_parameter_max_length') <> '0' and (current_setting('log_min_duration_statement') <> '-1'
               or current_setting('log_min_duration_sample') <> '-1' or current_setting('log_statement') in ('mod', 'all')) as values,
             current_setting('log_parameter_max_length_on_error') <> '0' as failed`,
  });
  if (row?.values !== true && row?.failed !== true) return ok('admin db log', 'holds no values of statements');
  const which = [row.values ? 'log_parameter_max_length' : [], row.failed ? 'log_parameter_max_length_on_error' : []].flat();
  const fix = `Set ${which.join(' and ')} to 0 there, and on the clusters' servers too: docs/keys.md, "What a server's log sees".`;
  return warn('admin db log', "holds values of statements: owners' names and addresses, and sealed secrets", fix);
}

/** Counts the sealed values by the key that sealed them, and names keys that are not there to open them. */
async function sealed(config: Config, db: AdminDb): Promise<Finding[]> {
  const counts = new Map<string, number>();
  for (const { keyId, rows } of await countSealed(db)) counts.set(keyId, (counts.get(keyId) ?? 0) + rows);
  const known = new Set(config.ALTA_VAULT_KEYS.split(',').map((entry) => entry.slice(0, entry.indexOf(':')).trim()));
  const found = [...counts]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([key, count]) =>
      known.has(key)
        ? ok(`sealed values of key ${key}`, `${count} can be opened`)
        : fail(`sealed values of key ${key}`, `${count} cannot be opened`, `Put key ${key} back into ALTA_VAULT_KEYS.`),
    );
  return found.length === 0 ? [ok('sealed values', 'none yet')] : found;
}

async function clusters(config: Config, db: AdminDb): Promise<Finding[]> {
  const registered = await listClusters(db);
  const add = 'Register a cluster, or bring one back with `alta clusters set`.';
  if (!registered.some(({ isActive }) => isActive)) return [fail('clusters', 'none is active: no order can be placed', add)];
  const vault = createVault(config.ALTA_VAULT_KEYS);
  const found = await Promise.all(
    registered.map(({ clusterId }) => examine(`cluster ${clusterId}`, () => cluster(config, db, vault, clusterId))),
  );
  return found.flat();
}

/** Opens the key, asks the cluster with it, and compares its schema with what Alta relies on (P-523). */
async function cluster(config: Config, db: AdminDb, vault: Vault, clusterId: string): Promise<Finding> {
  const name = `cluster ${clusterId}`;
  const router = createClusterRouter({ load: (id) => loadCluster(db, vault, id), timeoutMs: config.CLUSTER_TIMEOUT_MS });
  const lacking = await checkClusterSchema(await router.get(clusterId));
  if (lacking.length === 0) return ok(name, 'key and schema are right');
  const shown = lacking.slice(0, 3).join('; ');
  return fail(name, `${shown}${lacking.length > 3 ? `; ${lacking.length - 3} more` : ''}`, 'Apply supabase/migrations to the cluster.');
}
