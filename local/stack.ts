import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { AltaError } from '../contract/errors.ts';
import type { Child, ChildExit } from './child.ts';
import { removeEnvFile, stackEnvironment, writeEnvFile } from './environment.ts';
import { startInfrastructure, together, withSpec, type Infrastructure, type StackCluster } from './infrastructure.ts';
import { loadKeys } from './keys.ts';
import { alreadyRuns, isHolder, lockHolder, takeLock } from './lock.ts';
import { cleanOrphans } from './orphans.ts';
import { bringUp, type OnPart } from './parts.ts';
import { DATA_DIR, lockFileOf } from './paths.ts';
import { holdPort } from './ports.ts';
import { removeOutside } from './postgres-home.ts';
import { createSupervisor, type Supervisor } from './processes.ts';
import { applyStackSchedules } from './schedules.ts';
import { SERVICES, serviceSpec, type MercadoPagoFacts, type ServiceName } from './services.ts';
import type { MailCatcher } from './smtp.ts';
import type { TemporalServer } from './temporal.ts';
import { provideBundle } from './workflow-bundle.ts';

export type { StackCluster } from './infrastructure.ts';

export const CLUSTER_IDS = ['cluster-a', 'cluster-b'] as const;

export interface StackOptions {
  /** Default: `.alta` of the project. */
  dataDir?: string;
  /** Keeps everything in a directory of its own below `.alta/tmp`, which `close` removes. For tests. */
  ephemeral?: boolean;
  /** Whether what PostgreSQL committed survives its crash; by default only where the files are kept. */
  durable?: boolean;
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

export interface Stack {
  readonly dataDir: string;
  /** The settings of `adapters/config.ts`, for children and for `loadConfig`. */
  readonly env: Readonly<Record<string, string>>;
  readonly adminDatabaseUrl: string;
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
  if (isHolder(lock)) throw alreadyRuns(lock);
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

/** Parts that Alta's own processes lean on: they stop after them. PostgreSQL goes last, with the supervisor. */
const isBelow = (name: string, clusterIds: readonly string[]): boolean =>
  ['mercadopago', 'temporal', 'postgres', ...clusterIds].includes(name);

async function assemble(
  dataDir: string,
  supervisor: Supervisor,
  closers: (() => Promise<void>)[],
  options: StackOptions,
): Promise<Omit<Stack, 'close'>> {
  const { onPart = () => undefined, clusterIds = CLUSTER_IDS, services = SERVICES, ephemeral = false, dynamicConfig = {} } = options;
  const { durable = !ephemeral } = options;
  const keys = loadKeys(dataDir, clusterIds);
  const children = new Map<string, Child>();
  const keep = (child: Child): Child => {
    children.set(child.name, child);
    return child;
  };
  const stopThose = async (wanted: (name: string) => boolean): Promise<void> => {
    await Promise.all([...children.values()].filter(({ name }) => wanted(name)).map((child) => child.stop()));
  };

  const otherDatabase = ephemeral ? undefined : process.env['ADMIN_DATABASE_URL'] || undefined;
  const onClose = (closer: () => Promise<void>): void => void closers.push(closer);
  // The Web UI is told at its start where the API will open its payloads.
  const { port: apiPort, release: releaseApiPort } = await holdPort();
  onClose(releaseApiPort);
  const codecEndpoint = `http://127.0.0.1:${apiPort}/codec`;
  const [base, bundle] = await together<[Infrastructure, string]>(supervisor, [
    startInfrastructure({
      supervisor,
      keys,
      clusterIds,
      onPart,
      durable,
      otherDatabase,
      dynamicConfig,
      codecEndpoint,
      keep,
      onClose,
    }),
    provideBundle(supervisor),
  ]);
  const { temporal, mercadoPago, mail, clusters, adminDatabaseUrl } = base;
  const env = {
    ...stackEnvironment({ dataDir, adminDatabaseUrl, keys, temporal, mercadoPago, smtpUrl: mail.url, apiPort }),
    ...options.env,
  };

  const startService: Stack['startService'] = async (service, name = service, more = {}) =>
    keep(await supervisor.start(serviceSpec(service, { ALTA_WORKFLOW_BUNDLE: bundle, ...env, ...more }, name)));
  onClose(async () => {
    await stopThose((name) => !isBelow(name, clusterIds));
    await stopThose((name) => name !== 'postgres');
  });
  await releaseApiPort();
  await together(supervisor, [
    applyStackSchedules(env),
    ...services.map((service) => bringUp(service, onPart, () => startService(service), describeService)),
  ]);
  writeEnvFile(dataDir, env);

  const child = (part: string): Child => {
    const found = children.get(part);
    if (found === undefined)
      throw new AltaError('NOT_FOUND', `the stack has no process "${part}"; it has ${[...children.keys()].join(', ')}`);
    return found;
  };
  const restart = async (part: string): Promise<Child> => {
    const before = child(part);
    await before.stop();
    return keep(withSpec(await supervisor.start(before.spec), before.spec));
  };
  return {
    dataDir,
    env,
    adminDatabaseUrl,
    apiUrl: `http://127.0.0.1:${apiPort}`,
    mercadoPago,
    temporal,
    clusters,
    mail,
    child,
    restart,
    startService,
  };
}

const describeService = (child: Child): string | undefined =>
  typeof child.ready['url'] === 'string' ? `at ${child.ready['url']}` : undefined;
