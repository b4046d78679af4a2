import { randomBytes } from 'node:crypto';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { createAdminDb, loadCluster, registerCluster, type AdminDb } from '../../adapters/admin-db/index.ts';
import { createClusterRouter, type ClusterRouter } from '../../adapters/cluster/index.ts';
import { loadConfig, type Config } from '../../adapters/config.ts';
import { createVault, type Vault } from '../../adapters/vault/index.ts';
import { connectTemporal, createAltaClient, type AltaClient, type TemporalHandle } from '../../client/index.ts';
import { createControl, type MercadoPagoControl } from '../../local/mercadopago/control.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { openFrontDoor } from './front-door.ts';
import { openLateLine, type LateLine, type LateLineOptions } from './late-line.ts';

/** What retries need to get through an outage in seconds; the rules are the product's. */
const POLICY = { retryInitialMs: 200, retryMaxMs: 3_000, retryAttempts: 100, stepTimeoutMs: 4_000 };
const WAITS = { clusterWaitInitialMs: 300, clusterWaitMaxMs: 2_000 };

/** Everything that a run of Alta under faults needs, and what looks at it. */
export interface Ground {
  stack: Stack;
  config: Config;
  /** For looking and for orders, with the login's own rights. */
  db: AdminDb;
  vault: Vault;
  mercadoPago: MercadoPagoControl;
  temporal: TemporalHandle;
  alta: AltaClient;
  /** The oracle's eyes: with the worker's rights, and past the lines. */
  oracle: { db: AdminDb; clusters: ClusterRouter };
  lines: LateLine[];
  /** Where buyers and Mercado Pago reach the API processes. */
  url: string;
  /** What every merchant's tokens begin with: found anywhere, they leaked. */
  canaries: { accessToken: string; refreshToken: string };
  /** Told by the fleet, once there is one, where the API processes are. */
  apis: () => readonly string[];
  /** Copies the logs of all processes to a folder. */
  keepLogs(folder: string): void;
  close(): Promise<void>;
}

export interface GroundOptions {
  /** Which writes to clusters come late. */
  late?: LateLineOptions;
  env?: Record<string, string>;
  /** Told of every process that ends without the stack having been asked for it. */
  onDeath?: (name: string, lastLines: string) => void;
}

/**
 * A stack of its own: PostgreSQL that keeps what it committed, Temporal on a database file, two clusters behind lines, the Mercado Pago
 * simulator and a mail catcher; none of Alta's processes yet.
 */
export async function openGround({ late, env = {}, onDeath }: GroundOptions): Promise<Ground> {
  const closers: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    let apis: () => readonly string[] = () => [];
    const door = await openFrontDoor(() => apis());
    closers.push(() => door.close());
    const stack = await startStack({
      ephemeral: true,
      durable: true,
      services: [],
      env: {
        PUBLIC_URL: door.url,
        RELAY_LEASE_SECONDS: '5',
        RELAY_POLL_MAX_MS: '100',
        PAYMENT_POLL_SECONDS: '20',
        EXPIRY_SECONDS: '20',
        DUE_DATES_SECONDS: '60',
        CLUSTER_TIMEOUT_MS: '4000',
        MP_TIMEOUT_MS: '4000',
        ALTA_ONBOARDING_POLICY: JSON.stringify({ ...POLICY, ...WAITS }),
        ...env,
      },
      onDeath: ({ name }, _exit, lastLines) => onDeath?.(name, lastLines),
    });
    closers.push(() => stack.close());
    if (stack.temporal.child === undefined) throw new Error('unset TEMPORAL_*: a Temporal server of its own is needed, to be restarted');
    const config = loadConfig({ ...stack.env });
    const vault = createVault(config.ALTA_VAULT_KEYS);
    const db = createAdminDb(stack.adminDatabaseUrl, { max: 8, applicationName: 'chaos' });
    closers.push(() => db.close());
    const lines: LateLine[] = [];
    if (late !== undefined) {
      for (const { clusterId, url, secretKey, publishableKey } of stack.clusters) {
        const line = await openLateLine(url, late);
        lines.push(line);
        closers.push(() => line.close());
        const registered = { clusterId, displayName: clusterId, url: line.url, serviceKey: secretKey, publishableKey, actor: 'chaos' };
        await registerCluster(db, vault, registered);
      }
    }
    const temporal = connectTemporal(config);
    closers.push(() => temporal.close());
    const workerDb = createAdminDb(stack.adminDatabaseUrl, { role: 'worker', max: 4 });
    closers.push(() => workerDb.close());
    const urls = new Map(stack.clusters.map(({ clusterId, url }) => [clusterId, url]));
    const clusters = createClusterRouter({
      load: async (id) => {
        const secrets = await loadCluster(workerDb, vault, id);
        return { ...secrets, url: urls.get(id) ?? secrets.url };
      },
      timeoutMs: 10_000,
    });
    return {
      stack,
      config,
      db,
      vault,
      mercadoPago: createControl(stack.mercadoPago.url),
      temporal,
      alta: createAltaClient({ db, temporal: temporal.client, config }),
      oracle: { db: workerDb, clusters },
      lines,
      url: door.url,
      canaries: { accessToken: randomBytes(24).toString('base64url'), refreshToken: randomBytes(24).toString('base64url') },
      get apis() {
        return apis;
      },
      set apis(find) {
        apis = find;
      },
      keepLogs: (folder) => cpSync(join(stack.dataDir, 'logs'), folder, { recursive: true }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
