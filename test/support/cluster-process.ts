import { spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import pg from 'pg';
import { createClusterRouter, type Cluster, type StoreContext } from '../../adapters/cluster/index.ts';
import { clientIdOf } from '../../adapters/ids.ts';
import { projectClient, type AccountSnapshot, type ClientRow } from '../../contract/projection.ts';
import { emptyDatabase } from './postgres.ts';
import { sampleAccount } from './samples.ts';

const MAIN = fileURLToPath(new URL('../../local/cluster/main.ts', import.meta.url));

export interface ClusterPlace {
  databaseUrl: string;
  storageDir: string;
  /** 0 for any. */
  port: number;
  publishableKey: string;
  secretKey: string;
  jwtSecret: string;
}

/** Where a new cluster lives; the same place given again is the same cluster. */
export async function newClusterPlace(databaseUrl: string): Promise<ClusterPlace> {
  const word = (): string => randomBytes(16).toString('base64url');
  return {
    databaseUrl,
    storageDir: await mkdtemp(join(tmpdir(), 'alta-storage-')),
    port: 0,
    publishableKey: `sb_publishable_${word()}`,
    secretKey: `sb_secret_${word()}`,
    jwtSecret: randomBytes(32).toString('base64url'),
  };
}

export interface TestCluster {
  url: string;
  port: number;
  place: ClusterPlace;
  pid: number;
  /** Migrations that this start applied. */
  migrated: number;
  /** The cluster as Alta sees it. */
  cluster: Cluster;
  /** A browser's client: the publishable key, nobody signed in. */
  visitor(): SupabaseClient;
  /** Ends the process and gives its exit code back: null when the signal itself ended it. */
  end(signal?: 'SIGTERM' | 'SIGKILL'): Promise<number | null>;
  /** Ends the process if it runs and removes its storage. */
  close(): Promise<void>;
}

/** Starts a real cluster as a process of its own. */
export async function startTestCluster(place: ClusterPlace): Promise<TestCluster> {
  const child = spawn(process.execPath, [MAIN], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      PATH: process.env['PATH'],
      CLUSTER_DATABASE_URL: place.databaseUrl,
      CLUSTER_PUBLISHABLE_KEY: place.publishableKey,
      CLUSTER_SECRET_KEY: place.secretKey,
      CLUSTER_JWT_SECRET: place.jwtSecret,
      CLUSTER_STORAGE_DIR: place.storageDir,
      CLUSTER_PORT: String(place.port),
    },
  });
  let errors = '';
  child.stderr.on('data', (text: Buffer) => (errors += text.toString()));
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const first = await Promise.race([
    once(createInterface({ input: child.stdout }), 'line') as Promise<[string]>,
    exited.then(() => undefined),
  ]);
  if (first === undefined) throw new Error(`the cluster did not start: ${errors}`);
  const { url, migrated } = JSON.parse(first[0]) as { url: string; migrated: number };
  const cluster = await clusterAt(url, place.secretKey, place.publishableKey);
  const end = async (signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<number | null> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return (await exited)[0];
  };
  return {
    url,
    port: Number(new URL(url).port),
    place,
    pid: child.pid ?? 0,
    migrated,
    cluster,
    visitor: () => createClient(url, place.publishableKey, { auth: { persistSession: false, autoRefreshToken: false } }),
    end,
    async close() {
      await end();
      await rm(place.storageDir, { recursive: true, force: true });
    },
  };
}

/** A cluster of its own on an empty database, and a way to look into that past it. */
export async function startClusterWithSql(): Promise<{ running: TestCluster; sql: pg.Pool; close(): Promise<void> }> {
  const database = await emptyDatabase();
  const running = await startTestCluster(await newClusterPlace(database.url));
  const sql = new pg.Pool({ connectionString: database.url, max: 2 });
  return {
    running,
    sql,
    async close() {
      await sql.end();
      await running.close();
      await database.drop();
    },
  };
}

/** A cluster client through the one factory. */
export const clusterAt = (url: string, serviceKey: string, publishableKey = 'sb_publishable_none', timeoutMs = 10_000): Promise<Cluster> =>
  createClusterRouter({ load: (clusterId) => Promise.resolve({ clusterId, url, serviceKey, publishableKey, revision: 1 }), timeoutMs }).get(
    'north',
  );

export interface SampleStore {
  account: AccountSnapshot;
  row: ClientRow;
  context: StoreContext & { jobId: string };
  /** The same account in another onboarding, at a later version. */
  again(version: number, overrides?: Partial<AccountSnapshot>): SampleStore;
}

/** An account that is paid and has no store yet, with what its onboarding writes. */
export function sampleStore(overrides: Partial<AccountSnapshot> = {}): SampleStore {
  const id = overrides.id ?? randomUUID();
  const account = sampleAccount({
    status: 'paid',
    slug: `casa-${id.slice(0, 8)}`,
    email: `owner-${id.slice(0, 8)}@example.com`,
    ...overrides,
    id,
  });
  return {
    account,
    row: projectClient(account),
    context: { accountId: id, clientId: clientIdOf(id), jobId: randomUUID(), version: account.version },
    again: (version, more = {}) => sampleStore({ ...overrides, ...more, id, version }),
  };
}
