import { Client, type WorkflowHandle } from '@temporalio/client';
import type { FastifyInstance } from 'fastify';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { ActivityDeps } from '../../activities/index.ts';
import { createAdminDb, loadCluster, registerCluster, saveMpCredentials, type AdminDb } from '../../adapters/admin-db/index.ts';
import { createClusterRouter, readStore, type Store } from '../../adapters/cluster/index.ts';
import { loadConfig, type Config } from '../../adapters/config.ts';
import { createLogger, type Logger } from '../../adapters/log.ts';
import { createMailer } from '../../adapters/mailer/index.ts';
import { createMercadoPago } from '../../adapters/mercadopago/index.ts';
import { dataConverter } from '../../adapters/temporal/index.ts';
import { createVault, type Vault } from '../../adapters/vault/index.ts';
import { buildApi } from '../../client/api/index.ts';
import { openShop } from '../../client/api/open-shop.ts';
import { createRelay, type Relay } from '../../client/relay/index.ts';
import type { CheckoutAnswer, CheckoutRequest } from '../../contract/checkout.ts';
import type { AccountState } from '../../contract/account.ts';
import { accountWorkflowId, onboardingWorkflowId } from '../../contract/ids.ts';
import type { OnboardingPolicy, OnboardingProgress, ResolveCommand } from '../../contract/onboarding.ts';
import { startMailCatcher } from '../../local/smtp.ts';
import { startMercadoPago, type Simulator, type SimulatorOptions } from '../../local/mercadopago/index.ts';
import { sharedClusters, type TestCluster } from './shared-clusters.ts';
import { eventually } from './eventually.ts';
import { freshDatabase } from './postgres.ts';
import { sampleCheckout, sampleMpCredentials } from './samples.ts';
import { openLine, type Switchboard } from './switchboard.ts';
import { connectTemporal } from './temporal.ts';
import { runWorkers } from './workers.ts';

/** Short waits, so that retries and parking are reached in seconds; the rules are the product's. */
export const QUICK: Partial<OnboardingPolicy> = {
  retryInitialMs: 100,
  retryMaxMs: 300,
  retryAttempts: 3,
  undoMaxMs: 300,
  stepTimeoutMs: 8_000,
  clusterWaitInitialMs: 300,
  clusterWaitMaxMs: 1_000,
};

export interface WorldOptions {
  policy?: Partial<OnboardingPolicy>;
  /** Further settings, by the names of the environment. */
  env?: Record<string, string>;
  /** Settings of the Mercado Pago simulator. */
  mercadoPago?: SimulatorOptions;
  /** Where API, relay, worker and the Temporal SDK write their lines; nowhere unless said otherwise. */
  log?: Logger;
  /** Requests a minute that the API takes from one address. */
  ratePerMinute?: number;
  /** Stands in front of the API: what it hands on is handled in its context. */
  front?: (next: RequestListener) => RequestListener;
  /** Runs worker, relay or API in this process; all true unless said otherwise. */
  run?: { worker?: boolean; relay?: boolean; api?: boolean };
}

export interface PlacedOrder extends CheckoutAnswer {
  checkout: CheckoutRequest;
  /** The merchant's own token, as the simulator issued it; null when not connected. */
  merchantToken: string | null;
}

export type World = Awaited<ReturnType<typeof startWorld>>;

/** Alta's own API, relay and worker on the real stack, with an Admin DB, task queues and a Mercado Pago of this world alone. */
export async function startWorld(options: WorldOptions = {}) {
  const run = { worker: true, relay: true, api: true, ...options.run };
  const dir = mkdtempSync(join(tmpdir(), 'alta-world-'));
  const [database, simulator, mail, temporal] = await Promise.all([
    freshDatabase(),
    startMercadoPago({ webhookRetryMs: [200, 500], ...options.mercadoPago }),
    startMailCatcher(join(dir, 'mail')),
    connectTemporal(options.log),
  ]);
  const env: Record<string, string> = {
    ADMIN_DATABASE_URL: database.url,
    ALTA_VAULT_KEYS: `t1:${randomBytes(32).toString('base64')}`,
    // In production mode: what is not encrypted is refused everywhere.
    ALTA_CODEC_KEYS: `c1:${randomBytes(32).toString('base64')}`,
    TEMPORAL_ADDRESS: temporal.address,
    TEMPORAL_NAMESPACE: temporal.namespace,
    ALTA_QUEUE_PREFIX: `t${randomUUID().slice(0, 8)}-`,
    MP_BASE_URL: simulator.url,
    MP_ACCESS_TOKEN: simulator.accessToken,
    MP_COLLECTOR_ID: simulator.collectorId,
    MP_AUTH_URL: simulator.url,
    MP_CLIENT_ID: simulator.clientId,
    MP_CLIENT_SECRET: simulator.clientSecret,
    MP_LIVE_MODE: String(simulator.liveMode),
    MP_WEBHOOK_SECRETS: `s1:${simulator.webhookSecret}`,
    SMTP_URL: mail.url,
    ALTA_ARCHIVES: pathToFileURL(join(dir, 'archives')).href,
    RELAY_POLL_MAX_MS: '50',
    CLUSTER_TIMEOUT_MS: '4000',
    MP_TIMEOUT_MS: '4000',
    ALTA_ONBOARDING_POLICY: JSON.stringify({ ...QUICK, ...options.policy }),
    ...options.env,
  };
  const log = options.log ?? createLogger('test', 'silent');
  const vault = createVault(env['ALTA_VAULT_KEYS']!);
  // Each process with its role, so that every test on the real stack proves that its rights suffice; `db` is the test's own eye.
  const db = createAdminDb(database.url);
  const [intakeDb, relayDb, workerDb] = (['intake', 'relay', 'worker'] as const).map((role) => createAdminDb(database.url, { role })) as [
    AdminDb,
    AdminDb,
    AdminDb,
  ];
  const mp = createMercadoPago({
    baseUrl: simulator.url,
    accessToken: simulator.accessToken,
    clientId: simulator.clientId,
    clientSecret: simulator.clientSecret,
    timeoutMs: 4_000,
  });
  const lines = await openClusterLines(db, vault);

  const shop = env['ALTA_STOREFRONT'] === 'true' ? openShop(loadConfig(env), vault, log) : undefined;
  const { ratePerMinute } = options;
  const front = {
    db: intakeDb,
    vault,
    mp,
    config: loadConfig(env),
    log,
    ...(shop === undefined ? {} : { shop }),
    ...(ratePerMinute === undefined ? {} : { ratePerMinute }),
  };
  const listening = run.api ? await listen(front, options.front) : undefined;
  env['PUBLIC_URL'] = listening?.url ?? options.env?.['PUBLIC_URL'] ?? 'http://127.0.0.1:9';
  const config = loadConfig(env);
  if (listening) Object.assign(listening.config, { PUBLIC_URL: listening.url });
  const clusters = createClusterRouter({
    load: (clusterId) => loadCluster(workerDb, vault, clusterId),
    timeoutMs: config.CLUSTER_TIMEOUT_MS,
  });
  const client = new Client({
    connection: temporal.client.connection,
    namespace: temporal.namespace,
    dataConverter: dataConverter(config),
  });
  const deps: ActivityDeps = {
    db: workerDb,
    vault,
    clusters,
    mp,
    config,
    log,
    mailer: createMailer({ smtpUrl: mail.url, from: config.MAIL_FROM }),
    temporal: client,
  };
  const workers = run.worker ? await runWorkers(deps, temporal.native) : undefined;
  const relay = run.relay ? runRelay({ db: relayDb, mp, temporal: client, config, log }) : undefined;

  const handle = (accountId: string): WorkflowHandle => client.workflow.getHandle(onboardingWorkflowId(accountId));
  const account = async (accountId: string): Promise<Record<string, unknown>> =>
    (await rows<Record<string, unknown>>(db, 'select * from nv_accounts where id = $1', [accountId]))[0]!;

  return {
    env,
    config,
    db,
    vault,
    mp,
    simulator,
    mail,
    deps,
    log,
    database,
    clusters,
    /** What opens the payloads of this world; only of a world that encrypts. */
    codec: dataConverter(config).payloadCodecs?.[0],
    temporal: client,
    native: temporal.native,
    url: listening?.url ?? '',
    ...lines,

    /** Opens an order through the front door; connected to Mercado Pago as the wizard would have left it, unless told otherwise. */
    checkout: async (
      overrides: Parameters<typeof sampleCheckout>[0] = {},
      { connected = true, url = listening?.url ?? '' } = {},
    ): Promise<PlacedOrder> => {
      const checkout = sampleCheckout(overrides);
      const response = await fetch(`${url}/onboarding/checkout`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(checkout),
      });
      const answer = (await response.json()) as CheckoutAnswer;
      if (!response.ok) throw new Error(`checkout answered ${response.status}: ${JSON.stringify(answer)}`);
      let merchantToken: string | null = null;
      if (connected) {
        const credentials = sampleMpCredentials();
        merchantToken = credentials.accessToken;
        await saveMpCredentials(db, vault, answer.accountId, credentials);
      }
      return { ...answer, checkout, merchantToken };
    },
    /** Pays an order at the simulator, which then sends its signed webhook over HTTP. */
    pay: (order: Pick<PlacedOrder, 'preferenceId'>, overrides: Parameters<Simulator['control']['pay']>[1] = {}) =>
      simulator.control.pay(order.preferenceId, overrides),
    handle,
    progress: (accountId: string): Promise<OnboardingProgress> => handle(accountId).query<OnboardingProgress>('progress'),
    resolve: (accountId: string, command: ResolveCommand): Promise<unknown> =>
      handle(accountId).executeUpdate('resolve', { args: [command] }),
    /** The newest job of an account, once it is in one of these states. */
    job: (accountId: string, ...states: string[]) =>
      eventually(
        async () => {
          const [row] = await rows<{ id: string; status: string; error_code: string | null }>(
            db,
            'select * from provisioning_jobs where account_id = $1 order by attempt desc limit 1',
            [accountId],
          );
          if (row === undefined || !states.includes(row.status)) throw new Error(`job: ${JSON.stringify(row)}`);
          return row;
        },
        `a job of ${accountId} in ${states.join('|')}`,
      ),
    steps: (accountId: string) =>
      rows<{ step: string; status: string; attempt: number; error_code: string | null }>(
        db,
        'select s.* from provisioning_job_steps s join provisioning_jobs j on j.id = s.job_id where j.account_id = $1 order by s.started_at',
        [accountId],
      ),
    account,
    sql: <T>(text: string, values: unknown[] = []): Promise<T[]> => rows<T>(db, text, values),
    /** What the account's cluster holds, read with the service key. */
    store: async (accountId: string): Promise<Store | null> => {
      const { backend_cluster_id: clusterId } = await account(accountId);
      return typeof clusterId === 'string' ? readStore(await clusters.get(clusterId), accountId) : null;
    },
    /** Waits until the account's workflow has applied `account.created` and has nothing left to do. */
    quiet: async (accountId: string): Promise<void> => {
      const handle = client.workflow.getHandle(accountWorkflowId(accountId));
      await eventually(async () => {
        const { dirty, applied } = await handle.query<AccountState>('state');
        return Object.keys(dirty).length === 0 && applied.client !== undefined;
      }, `a quiet account ${accountId}`);
    },
    /** Looks on every cluster for anything of an account. */
    stores: async (accountId: string): Promise<Store[]> => {
      const found = await Promise.all(lines.clusterIds.map(async (id) => readStore(await clusters.get(id), accountId)));
      return found.filter((store) => store !== null);
    },
    stopWorker: () => workers?.stop(),
    stopRelay: () => relay?.stop(),
    close: async (): Promise<void> => {
      await relay?.stop();
      await workers?.stop();
      await listening?.close();
      await simulator.close();
      await mail.close();
      deps.mailer.close();
      await Promise.all(lines.lines.map((line) => line.close()));
      await shop?.db.close();
      await Promise.all([db, intakeDb, relayDb, workerDb].map((pool) => pool.close()));
      await temporal.close();
      await database.drop();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function rows<T>(db: AdminDb, text: string, values: unknown[]): Promise<T[]> {
  return (await db.pool.query(text, values)).rows as T[];
}

/** Registers the shared clusters behind lines of this world's own, so that a test can cut them off without hurting another. */
async function openClusterLines(
  db: AdminDb,
  vault: Vault,
): Promise<{ lines: Switchboard[]; clusterIds: string[]; clusterFacts: TestCluster[] }> {
  const facts = sharedClusters();
  const lines = await Promise.all(facts.map(({ url }) => openLine(url)));
  const clusterIds = ['north', 'south'];
  for (const [index, { secretKey, publishableKey }] of facts.entries()) {
    await registerCluster(db, vault, {
      clusterId: clusterIds[index]!,
      displayName: clusterIds[index]!,
      url: lines[index]!.url,
      serviceKey: secretKey,
      publishableKey,
      weight: 1,
      maxTenants: null,
    });
  }
  return { lines, clusterIds, clusterFacts: facts };
}

interface Listening {
  url: string;
  config: Config;
  close(): Promise<unknown>;
}

async function listen(deps: Parameters<typeof buildApi>[0], front?: WorldOptions['front']): Promise<Listening> {
  const app: FastifyInstance = await buildApi(deps);
  const { config } = deps;
  if (front === undefined) return { url: await app.listen({ host: '127.0.0.1', port: 0 }), config, close: () => app.close() };
  await app.ready();
  const server: Server = createServer(front((request, response) => app.routing(request, response)));
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await app.close();
  };
  return { url: `http://127.0.0.1:${String(port)}`, config, close };
}

function runRelay(deps: Parameters<typeof createRelay>[0]): { stop(): Promise<void> } {
  const relay: Relay = createRelay(deps);
  const running = relay.run();
  return {
    async stop() {
      await relay.stop();
      await running;
    },
  };
}
