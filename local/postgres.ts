import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import pg from 'pg';
import { AltaError } from '../contract/errors.ts';
import { effect } from '../adapters/effect.ts';
import type { Child } from './child.ts';
import { preparePostgresHome, type PostgresHome } from './postgres-home.ts';
import { withFreePorts } from './ports.ts';
import { identify, isSameProcess } from './process-identity.ts';
import type { Supervisor } from './processes.ts';
import { waitUntil } from './wait.ts';

export interface PostgresServer {
  /** Address of a database of this server. */
  url(database: string): string;
  /** Makes a database, unless it is there. */
  ensureDatabase(name: string): Promise<void>;
  /** Makes the role `service_role` as a Supabase project has it. */
  ensureServiceRole(): Promise<void>;
  /** The embedded server's process; undefined for another server, which is never stopped from here. */
  child: Child | undefined;
}

export interface PostgresOptions {
  supervisor: Supervisor;
  password: string;
  /** Turn off where the data are thrown away anyway: faster, and unsafe when the machine (not the process) dies. */
  durable?: boolean;
}

const SUPERUSER = 'postgres';
// The server must answer in English and sort the same everywhere, whatever this machine's locale is.
const ENV = { LC_ALL: 'C', LANG: 'C' };
const LOCALE = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'];

/**
 * Starts the embedded PostgreSQL on a free port of 127.0.0.1, making its files on the first start. A server that an earlier,
 * killed start left behind is ended first; its files then recover by themselves.
 */
export async function startPostgres(options: PostgresOptions): Promise<PostgresServer> {
  const { supervisor, password } = options;
  const home = preparePostgresHome(supervisor.dataDir);
  await initialise(home, options);
  await clearStalePid(home.data);
  const { child, port } = await withFreePorts(1, async ([port]) => ({ port, child: await launch(home, port ?? 0, options) }));
  const url = (database: string): string => `postgresql://${SUPERUSER}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;
  return { ...databaseActs(url('postgres')), url, child };
}

/** The server of `ADMIN_DATABASE_URL`; its user must be allowed to make databases, one for each cluster. */
export function otherPostgres(adminDatabaseUrl: string): PostgresServer {
  const url = (database: string): string => {
    const address = new URL(adminDatabaseUrl);
    address.pathname = `/${database}`;
    return address.toString();
  };
  return { ...databaseActs(url('postgres')), url, child: undefined };
}

async function initialise({ bin, data, user }: PostgresHome, { supervisor, password }: PostgresOptions): Promise<void> {
  if (existsSync(join(data, 'PG_VERSION'))) return checkVersion(data);
  // Made aside and renamed, so that a start which is interrupted here leaves nothing half done.
  const draft = `${data}.new`;
  const passwordFile = join(dirname(data), 'password');
  mkdirSync(dirname(data), { recursive: true });
  rmSync(draft, { recursive: true, force: true });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if (user !== undefined) chownSync(passwordFile, user.uid, user.gid);
  try {
    await supervisor.run({
      name: 'postgres',
      command: join(bin, 'initdb'),
      args: ['-D', draft, `--username=${SUPERUSER}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`, '--no-sync', ...LOCALE],
      marker: draft,
      env: ENV,
      cwd: '/',
      uid: user?.uid,
      gid: user?.gid,
    });
  } finally {
    rmSync(passwordFile, { force: true });
  }
  renameSync(draft, data);
}

const MAJOR = '18';

function checkVersion(data: string): void {
  const version = readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  if (version === MAJOR) return;
  throw new AltaError('CONFIG_INVALID', `${data} was made by PostgreSQL ${version}, this is ${MAJOR}; run \`npm run reset\` to begin anew`);
}

/**
 * Ends a server that still runs on these files, and removes a pid file whose process is gone: its number may by now belong to a
 * process of somebody else's, which PostgreSQL would take for its own predecessor.
 */
async function clearStalePid(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, 'utf8').split('\n', 1)[0]);
  const server = pid > 0 ? identify(pid) : undefined;
  if (server?.command.includes(data) === true) {
    process.kill(pid, 'SIGINT');
    await waitUntil('an earlier PostgreSQL server to end', () => !isSameProcess(pid, server), { timeoutMs: 20_000 });
  }
  rmSync(file, { force: true });
}

async function launch(
  { bin, data, user }: PostgresHome,
  port: number,
  { supervisor, password, durable = true }: PostgresOptions,
): Promise<Child> {
  const settings = {
    listen_addresses: '127.0.0.1',
    // A socket's path may be at most 107 bytes, which a deep project directory exceeds.
    unix_socket_directories: '',
    max_connections: '200',
    timezone: 'UTC',
    log_timezone: 'UTC',
    ...(durable ? {} : { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' }),
  };
  const probe = new URL(`postgresql://${SUPERUSER}@127.0.0.1:${port}/postgres`);
  probe.password = encodeURIComponent(password);
  return supervisor.start({
    name: 'postgres',
    command: join(bin, 'postgres'),
    args: ['-D', data, '-p', String(port), ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])],
    marker: data,
    env: ENV,
    cwd: '/',
    uid: user?.uid,
    gid: user?.gid,
    readyProbe: () => answers(probe.toString()),
    readyTimeoutMs: 60_000,
    // The fast shutdown: connections are closed, data are written.
    stopSignal: 'SIGINT',
    stopTimeoutMs: 15_000,
  });
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await effect('postgres.connect', () => client.connect());
    return true;
  } catch {
    return false;
  } finally {
    await client.end().catch(() => undefined);
  }
}

const databaseActs = (serverUrl: string): Pick<PostgresServer, 'ensureDatabase' | 'ensureServiceRole'> => ({
  ensureDatabase: (name) =>
    asSuperuser(serverUrl, 'postgres.ensure-database', async (client) => {
      const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
      if (rowCount === 0) await client.query(`create database ${client.escapeIdentifier(name)}`);
    }),
  // Roles belong to the whole server, and here the Admin DB shares one with the clusters, where this role passes row security.
  ensureServiceRole: () =>
    asSuperuser(serverUrl, 'postgres.ensure-role', async (client) => {
      const { rows } = await client.query<{ ready: boolean }>(`select rolbypassrls as ready from pg_roles where rolname = 'service_role'`);
      if (rows[0]?.ready === true) return;
      await client.query(`${rows.length === 0 ? 'create' : 'alter'} role service_role nologin bypassrls`);
    }),
});

async function asSuperuser(url: string, act: `postgres.${string}`, use: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on('error', () => undefined);
  try {
    await effect(act, async () => {
      await client.connect();
      await use(client);
    });
  } catch (error) {
    const { code } = error as { code?: unknown };
    const sqlstate = typeof code === 'string' ? code : 'unknown';
    throw new AltaError('ADMIN_DB_UNAVAILABLE', `${act}: PostgreSQL refused it (${sqlstate})`, { cause: error });
  } finally {
    await client.end().catch(() => undefined);
  }
}
