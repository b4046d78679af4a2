import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AltaError } from '../contract/errors.ts';
import { createAdminDb, migrate, registerCluster } from '../adapters/admin-db/index.ts';
import { createVault } from '../adapters/vault/index.ts';
import type { Child, ChildExit } from './child.ts';
import { removeEnvFile, stackEnvironment, writeEnvFile } from './environment.ts';
import { loadKeys } from './keys.ts';
import { isHolder, lockHolder, takeLock } from './lock.ts';
import { cleanOrphans } from './orphans.ts';
import { bringUp, type OnPart } from './parts.ts';
import { DATA_DIR, lockFileOf } from './paths.ts';
import { withFreePorts } from './ports.ts';
import { removeOutside } from './postgres-home.ts';
import { otherPostgres, startPostgres, type PostgresServer } from './postgres.ts';
import { createSupervisor, type Supervisor } from './processes.ts';
import { clusterFacts, clusterSpec, mercadoPagoFacts, mercadoPagoSpec, SERVICES, serviceSpec, type MercadoPagoFacts, type ServiceName } from './services.ts';
import { startMailCatcher, type MailCatcher } from './smtp.ts';
import { startTemporal, type TemporalServer } from './temporal.ts';

export const CLUSTER_IDS = ['cluster-a', 'cluster-b'] as const;

export interface StackOptions {
  /** Default: `.alta` of the project. */
  dataDir?: string;
  /** Keeps everything in a directory of its own below `.alta/tmp`, which `close` removes. For tests. */
  ephemeral?: boolean;
  /** Which of Alta's own processes to start; default all three. */
  services?: readonly ServiceName[];
  clusterIds?: readonly string[];
  /** Further settings of the services. */
  env?: Record<string, string>;
  /** Further dynamic settings of Temporal's dev server. */
  dynamicConfig?: Record<string, string | number | boolean>;
  onPart?: OnPart;
  /** Called when a ready part dies without having been asked to. */
  onDeath?: (child: Child, exit: ChildExit, lastLines: string) => void;
  /** Ends a start that is under way. */
  signal?: AbortSignal;
}

export interface StackCluster {
  clusterId: string;
  url: string;
  databaseUrl: string;
  publishableKey: string;
  secretKey: string;
}

export interface Stack {
  readonly dataDir: string;
  /** The settings of `adapters/config.ts`, for children and for `loadConfig`. */
  readonly env: Readonly<Record<string, string>>;
  readonly apiUrl: string;
  readonly mercadoPago: MercadoPagoFacts;
  readonly temporal: TemporalServer;
  readonly clusters: readonly StackCluster[];
  readonly mail: MailCatcher;
  /** A running or ended part: `postgres`, `temporal`, `mercadopago`, a cluster's id, `worker`, `api`, `relay`. */
  child(part: string): Child;
  /** Starts a part again at the same address, ending it first where it still runs. */
  restart(part: string): Promise<Child>;
  /** Starts one of Alta's processes, also a second one of a kind under another name. */
  startService(service: ServiceName, name?: string, env?: Record<string, string>): Promise<Child>;
  /** Ends all parts in order and gives the data directory free. */
  close(): Promise<void>;
}

/** Removes what tests that were killed left behind, their processes first. */
async function sweepEphemeral(parent: string): Promise<void> {
  for (const name of readdirSync(parent)) {
    const dir = join(parent, name);
    if (lockHolder(lockFileOf(dir)) !== undefined) continue;
    const lock = takeLock(lockFileOf(dir));
    if (isHolder(lock)) continue;
    await cleanOrphans(dir);
    removeOutside(dir);
    rmSync(dir, { recursive: true, force: true });
  }
}

async function chooseDataDir({ dataDir = DATA_DIR, ephemeral = false }: StackOptions): Promise<string> {
  const parent = ephemeral ? join(dataDir, 'tmp') : dataDir;
  // Others may pass through, for PostgreSQL's user; the files with secrets are closed each by itself.
  mkdirSync(parent, { recursive: true, mode: 0o711 });
  if (!ephemeral) return parent;
  await sweepEphemeral(parent);
  return mkdtempSync(join(parent, 'stack-'));
}

/**
 * Brings up the local stack: PostgreSQL, Temporal, the Mercado Pago simulator and the mail catcher side by side, then migrations and
 * clusters, then Alta's own processes. What an earlier, killed start left running is ended first. Throws CONFLICT when the stack of
 * this directory already runs, and the failure of the first part that did not come up; then nothing is left running.
 */
export async function startStack(options: StackOptions = {}): Promise<Stack> {
  const dataDir = await chooseDataDir(options);
  const lock = takeLock(lockFileOf(dataDir));
  if (isHolder(lock)) {
    throw new AltaError('CONFLICT', `the local stack already runs, as process ${lock.pid} since ${lock.at}; stop it with Ctrl-C there, or \`kill ${lock.pid}\``);
  }
  const supervisor = createSupervisor({ dataDir, onDeath: options.onDeath });
  const closers: (() => Promise<void>)[] = [];
  let closed: Promise<void> | undefined;
  const close = async (): Promise<void> => {
    for (const closer of closers.reverse()) await closer();
    await supervisor.stopAll();
    removeEnvFile(dataDir);
    lock.release();
    if (options.ephemeral !== true) return;
    removeOutside(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  };
  const closeOnce = (): Promise<void> => (closed ??= close());
  const abort = (): void => void closeOnce();
  options.signal?.addEventListener('abort', abort, { once: true });
  try {
    await cleanOrphans(dataDir);
    options.signal?.throwIfAborted();
    const stack = await assemble(dataDir, supervisor, closers, options);
    return { ...stack, close: closeOnce };
  } catch (error) {
    await closeOnce();
    throw error;
  } finally {
    options.signal?.removeEventListener('abort', abort);
  }
}

const at = (url: string): string => `at ${url}`;
const portOf = (url: string): number => Number(new URL(url).port);

/** Waits for all, and throws the first failure only once none of them is under way any more. */
async function together<T extends readonly unknown[]>(supervisor: Supervisor, starts: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
  try {
    return (await Promise.all(starts)) as unknown as T;
  } catch (error) {
    await supervisor.stopAll();
    await Promise.allSettled(starts);
    throw error;
  }
}

async function assemble(dataDir: string, supervisor: Supervisor, closers: (() => Promise<void>)[], options: StackOptions): Promise<Omit<Stack, 'close'>> {
  const { onPart = () => undefined, clusterIds = CLUSTER_IDS, services = SERVICES, ephemeral = false } = options;
  const keys = loadKeys(dataDir, clusterIds);
  const children = new Map<string, Child>();
  const keep = (child: Child): Child => {
    children.set(child.name, child);
    return child;
  };

  const startDatabase = (): Promise<PostgresServer> =>
    bringUp('postgres', onPart, async (note) => {
      const other = process.env['ADMIN_DATABASE_URL'];
      if (other && !ephemeral) {
        note('using the server of ADMIN_DATABASE_URL');
        return otherPostgres(other);
      }
      const server = await startPostgres({ supervisor, password: keys.postgresPassword, durable: !ephemeral });
      if (server.child !== undefined) keep(server.child);
      return server;
    });

  const database = startDatabase();
  const adminDatabase = (process.env['ADMIN_DATABASE_URL'] && !ephemeral ? new URL(process.env['ADMIN_DATABASE_URL']).pathname.slice(1) : '') || 'alta';

  const startAdminDb = async (): Promise<string> => {
    const server = await database;
    return bringUp('admin-db', onPart, async () => {
      await server.ensureDatabase(adminDatabase);
      const url = server.url(adminDatabase);
      return { url, applied: await migrate(url) };
    }, ({ applied }) => (applied.length === 0 ? 'up to date' : `${applied.length} migrations applied`)).then(({ url }) => url);
  };

  const startCluster = async (clusterId: string): Promise<StackCluster> => {
    const server = await database;
    const clusterKeys = keys.clusters[clusterId];
    if (clusterKeys === undefined) throw new AltaError('CONFIG_INVALID', `no keys for ${clusterId}`);
    return bringUp(clusterId, onPart, async () => {
      const name = `${adminDatabase}_${clusterId.replaceAll('-', '_')}`;
      await server.ensureDatabase(name);
      const place = { clusterId, databaseUrl: server.url(name), keys: clusterKeys };
      const child = await supervisor.start(clusterSpec(place, dataDir));
      const { url } = clusterFacts.parse(child.ready);
      keep(withSpec(child, clusterSpec(place, dataDir, portOf(url))));
      return { clusterId, url, databaseUrl: place.databaseUrl, publishableKey: clusterKeys.publishableKey, secretKey: clusterKeys.secretKey };
    }, ({ url }) => at(url));
  };

  const startTemporalPart = (): Promise<TemporalServer> =>
    bringUp('temporal', onPart, async (note) => {
      const { dynamicConfig = {} } = options;
      const server = await startTemporal({ supervisor, note, dynamicConfig });
      if (server.child !== undefined) keep(server.child);
      return server;
    }, ({ address, uiUrl }) => (uiUrl === undefined ? at(address) : `Web UI ${at(uiUrl)}`));

  const startSimulator = (): Promise<MercadoPagoFacts> =>
    bringUp('mercadopago', onPart, async () => {
      const child = await supervisor.start(mercadoPagoSpec(dataDir));
      const facts = mercadoPagoFacts.parse(child.ready);
      keep(withSpec(child, mercadoPagoSpec(dataDir, portOf(facts.url))));
      return facts;
    }, ({ url }) => at(url));

  const startMail = (): Promise<MailCatcher> =>
    bringUp('mail', onPart, async () => {
      const mail = await startMailCatcher(join(dataDir, 'mail'));
      closers.push(() => mail.close());
      return mail;
    }, ({ url }) => at(url));

  const [temporal, mercadoPago, mail, adminDatabaseUrl, clusters] = await together<[TemporalServer, MercadoPagoFacts, MailCatcher, string, StackCluster[]]>(
    supervisor,
    [startTemporalPart(), startSimulator(), startMail(), startAdminDb(), Promise.all(clusterIds.map(startCluster))],
  );
  await registerClusters(adminDatabaseUrl, keys.vault, clusters);

  return withFreePorts(1, async ([apiPort = 0]) => {
    const env = {
      ...stackEnvironment({ adminDatabaseUrl, vaultKeys: keys.vault, temporal, mercadoPago, smtpUrl: mail.url, apiPort }),
      ...options.env,
    };
    const startService: Stack['startService'] = async (service, name = service, more = {}) =>
      keep(await supervisor.start(serviceSpec(service, { ...env, ...more }, name)));
    await together(supervisor, services.map((service) => bringUp(service, onPart, () => startService(service), (child) => describeService(child))));
    closers.push(() => stopServices(children, clusterIds));
    writeEnvFile(dataDir, env);
    const child = (part: string): Child => {
      const found = children.get(part);
      if (found === undefined) throw new AltaError('NOT_FOUND', `the stack has no process "${part}"; it has ${[...children.keys()].join(', ')}`);
      return found;
    };
    const restart = async (part: string): Promise<Child> => {
      const before = child(part);
      await before.stop();
      return keep(withSpec(await supervisor.start(before.spec), before.spec));
    };
    return { dataDir, env, apiUrl: env.PUBLIC_URL ?? '', mercadoPago, temporal, clusters, mail, child, restart, startService };
  });
}

const withSpec = (child: Child, spec: Child['spec']): Child => ({ ...child, spec });

const describeService = (child: Child): string | undefined => (typeof child.ready['url'] === 'string' ? at(child.ready['url']) : undefined);

/** Stores the clusters' addresses, which change with every start, and their keys, sealed. */
async function registerClusters(adminDatabaseUrl: string, vaultKeys: string, clusters: readonly StackCluster[]): Promise<void> {
  const db = createAdminDb(adminDatabaseUrl);
  const vault = createVault(vaultKeys);
  try {
    for (const { clusterId, url, secretKey, publishableKey } of clusters) {
      await registerCluster(db, vault, { clusterId, displayName: `Local ${clusterId}`, url, serviceKey: secretKey, publishableKey, actor: 'local-stack' });
    }
  } finally {
    await db.close();
  }
}

/** Alta's own processes first, side by side, then what they lean on; PostgreSQL and Temporal go last, with the supervisor. */
async function stopServices(children: Map<string, Child>, clusterIds: readonly string[]): Promise<void> {
  const lower = new Set<string>([...clusterIds, 'mercadopago', 'temporal', 'postgres']);
  await Promise.all([...children.values()].filter(({ name }) => !lower.has(name)).map((child) => child.stop()));
  await Promise.all([...children.values()].filter(({ name }) => name !== 'postgres').map((child) => child.stop()));
}
