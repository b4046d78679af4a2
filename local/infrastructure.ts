import { join } from 'node:path';
import { AltaError } from '../contract/errors.ts';
import { createAdminDb, migrate, registerCluster } from '../adapters/admin-db/index.ts';
import { createVault } from '../adapters/vault/index.ts';
import type { Child } from './child.ts';
import type { LocalKeys } from './keys.ts';
import { bringUp, type OnPart } from './parts.ts';
import { otherPostgres, startPostgres, type PostgresServer } from './postgres.ts';
import { isCancelled, type Supervisor } from './processes.ts';
import { clusterFacts, clusterSpec, mercadoPagoFacts, mercadoPagoSpec, type MercadoPagoFacts } from './services.ts';
import { startMailCatcher, type MailCatcher } from './smtp.ts';
import { startTemporal, type TemporalServer } from './temporal.ts';

export interface StackCluster {
  clusterId: string;
  url: string;
  databaseUrl: string;
  publishableKey: string;
  secretKey: string;
}

/** What Alta's own processes lean on. */
export interface Infrastructure {
  adminDatabaseUrl: string;
  temporal: TemporalServer;
  mercadoPago: MercadoPagoFacts;
  mail: MailCatcher;
  clusters: StackCluster[];
}

export interface InfrastructureOptions {
  supervisor: Supervisor;
  keys: LocalKeys;
  clusterIds: readonly string[];
  onPart: OnPart;
  /** Files that are thrown away need not survive a power cut. */
  durable: boolean;
  /** A server of the user's own for the Admin DB and the clusters' databases. */
  otherDatabase: string | undefined;
  dynamicConfig: Record<string, string | number | boolean>;
  /** Where the Web UI has payloads opened. */
  codecEndpoint: string;
  /** Told of every child as it is ready. */
  keep: (child: Child) => void;
  /** Told how to end what runs in this process. */
  onClose: (close: () => Promise<void>) => void;
}

const at = (url: string): string => `at ${url}`;
const portOf = (url: string): number => Number(new URL(url).port);

/**
 * Waits for all. When one fails the others are stopped, and once none is under way any more its failure is thrown, not that of one
 * which was only stopped.
 */
export async function together<T extends readonly unknown[]>(
  supervisor: Supervisor,
  starts: { [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  try {
    return await Promise.all(starts);
  } catch (first) {
    await supervisor.stopAll();
    const ends = await Promise.allSettled(starts);
    const failures = ends.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
    throw failures.find((failure) => !isCancelled(failure)) ?? first;
  }
}

/** The same child, to be started again at the port that it has now. */
export const withSpec = (child: Child, spec: Child['spec']): Child => ({ ...child, spec });

/** Brings up everything below Alta's own processes, as much as possible side by side, and registers the clusters. */
export async function startInfrastructure(options: InfrastructureOptions): Promise<Infrastructure> {
  const { supervisor, keys, clusterIds } = options;
  const database = startDatabase(options);
  const adminName = (options.otherDatabase && new URL(options.otherDatabase).pathname.slice(1)) || 'alta';
  const [temporal, mercadoPago, mail, adminDatabaseUrl, ...clusters] = await together<
    [TemporalServer, MercadoPagoFacts, MailCatcher, string, ...StackCluster[]]
  >(supervisor, [
    startTemporalPart(options),
    startSimulator(options),
    startMail(options),
    database.then((server) => startAdminDb(server, adminName, options)),
    ...clusterIds.map((clusterId) =>
      database.then((server) => startCluster(clusterId, server, `${adminName}_${clusterId.replaceAll('-', '_')}`, options)),
    ),
  ]);
  await registerClusters(adminDatabaseUrl, keys.vault, clusters);
  return { adminDatabaseUrl, temporal, mercadoPago, mail, clusters };
}

function startDatabase({ supervisor, keys, onPart, keep, durable, otherDatabase }: InfrastructureOptions): Promise<PostgresServer> {
  return bringUp(
    'postgres',
    onPart,
    async () => {
      const server =
        otherDatabase === undefined
          ? await startPostgres({ supervisor, password: keys.postgresPassword, durable })
          : otherPostgres(otherDatabase);
      if (server.child !== undefined) keep(server.child);
      await server.ensureServiceRole();
      return server;
    },
    ({ child }) => (child === undefined ? 'the server of ADMIN_DATABASE_URL' : undefined),
  );
}

async function startAdminDb(server: PostgresServer, name: string, { onPart }: InfrastructureOptions): Promise<string> {
  const url = server.url(name);
  await bringUp(
    'admin-db',
    onPart,
    async () => {
      await server.ensureDatabase(name);
      return migrate(url);
    },
    (applied) => (applied.length === 0 ? 'up to date' : `${applied.length} migrations applied`),
  );
  return url;
}

function startCluster(
  clusterId: string,
  server: PostgresServer,
  database: string,
  { supervisor, keys, onPart, keep }: InfrastructureOptions,
): Promise<StackCluster> {
  const start = async (): Promise<StackCluster> => {
    const clusterKeys = keys.clusters[clusterId];
    if (clusterKeys === undefined) throw new AltaError('CONFIG_INVALID', `no keys for ${clusterId}`);
    await server.ensureDatabase(database);
    const place = { clusterId, databaseUrl: server.url(database), keys: clusterKeys };
    const child = await supervisor.start(clusterSpec(place, supervisor.dataDir));
    const { url } = clusterFacts.parse(child.ready);
    keep(withSpec(child, clusterSpec(place, supervisor.dataDir, portOf(url))));
    return { clusterId, url, databaseUrl: place.databaseUrl, publishableKey: clusterKeys.publishableKey, secretKey: clusterKeys.secretKey };
  };
  return bringUp(clusterId, onPart, start, ({ url }) => at(url));
}

function startTemporalPart({ supervisor, onPart, keep, dynamicConfig, codecEndpoint }: InfrastructureOptions): Promise<TemporalServer> {
  const start = async (note: (text: string) => void): Promise<TemporalServer> => {
    const server = await startTemporal({ supervisor, note, dynamicConfig, codecEndpoint });
    if (server.child !== undefined) keep(server.child);
    return server;
  };
  return bringUp('temporal', onPart, start, ({ address, uiUrl }) => (uiUrl === undefined ? at(address) : `Web UI ${at(uiUrl)}`));
}

function startSimulator({ supervisor, onPart, keep }: InfrastructureOptions): Promise<MercadoPagoFacts> {
  const start = async (): Promise<MercadoPagoFacts> => {
    const child = await supervisor.start(mercadoPagoSpec(supervisor.dataDir));
    const facts = mercadoPagoFacts.parse(child.ready);
    keep(withSpec(child, mercadoPagoSpec(supervisor.dataDir, portOf(facts.url))));
    return facts;
  };
  return bringUp('mercadopago', onPart, start, ({ url }) => `simulator ${at(url)}`);
}

function startMail({ supervisor, onPart, onClose }: InfrastructureOptions): Promise<MailCatcher> {
  const start = async (): Promise<MailCatcher> => {
    const mail = await startMailCatcher(join(supervisor.dataDir, 'mail'));
    onClose(() => mail.close());
    return mail;
  };
  return bringUp('mail', onPart, start, ({ url }) => at(url));
}

/** Stores the clusters' addresses, which change with every start, and their keys, sealed. */
async function registerClusters(adminDatabaseUrl: string, vaultKeys: string, clusters: readonly StackCluster[]): Promise<void> {
  const db = createAdminDb(adminDatabaseUrl);
  const vault = createVault(vaultKeys);
  try {
    for (const { clusterId, url, secretKey, publishableKey } of clusters) {
      await registerCluster(db, vault, {
        clusterId,
        displayName: `Local ${clusterId}`,
        url,
        serviceKey: secretKey,
        publishableKey,
        actor: 'local-stack',
      });
    }
  } finally {
    await db.close();
  }
}
