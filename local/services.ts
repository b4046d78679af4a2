import { join } from 'node:path';
import { z } from 'zod';
import type { ChildSpec } from './child.ts';
import type { ClusterKeys } from './keys.ts';
import { PROJECT_ROOT } from './paths.ts';

/** The processes of Alta itself. */
export const SERVICES = ['worker', 'api', 'relay'] as const;
export type ServiceName = (typeof SERVICES)[number];

const ENTRIES: Record<ServiceName, string> = {
  worker: 'worker/main.ts',
  api: 'client/api/main.ts',
  relay: 'client/relay/main.ts',
};

/** A program of this project as a child: it says in one line of JSON when it is ready. */
function program(name: string, file: string, rest: Partial<ChildSpec>): ChildSpec {
  const path = join(PROJECT_ROOT, file);
  return {
    name,
    command: process.execPath,
    args: [path],
    marker: path,
    cwd: PROJECT_ROOT,
    readyLine: (line) => line['ready'] === true,
    ...rest,
  };
}

/** Worker, API or relay. `name` may tell two of a kind apart. */
export const serviceSpec = (service: ServiceName, env: Record<string, string>, name: string = service): ChildSpec =>
  program(name, ENTRIES[service], { env, readyTimeoutMs: 90_000, stopTimeoutMs: 15_000 });

/** The line by which the simulator says where it is and what a client of it needs. */
export const mercadoPagoFacts = z.object({
  url: z.url(),
  accessToken: z.string(),
  collectorId: z.string(),
  clientId: z.string(),
  clientSecret: z.string(),
  webhookSecret: z.string(),
  liveMode: z.boolean(),
});
export type MercadoPagoFacts = z.infer<typeof mercadoPagoFacts>;

export function mercadoPagoSpec(dataDir: string, port = 0): ChildSpec {
  const file = 'local/mercadopago/main.ts';
  const path = join(PROJECT_ROOT, file);
  return program('mercadopago', file, {
    args: [path, '--port', String(port), '--data-file', join(dataDir, 'mercadopago.db')],
    readyLine: (line) => typeof line['url'] === 'string',
    stopTimeoutMs: 3_000,
  });
}

export const clusterFacts = z.object({ url: z.url() });

export interface ClusterPlace {
  clusterId: string;
  databaseUrl: string;
  keys: ClusterKeys;
}

/** One cluster. Its keys go by the environment, never by the command line, which everybody on the machine can read. */
export function clusterSpec({ clusterId, databaseUrl, keys }: ClusterPlace, dataDir: string, port = 0): ChildSpec {
  return program(clusterId, 'local/cluster/main.ts', {
    env: {
      CLUSTER_DATABASE_URL: databaseUrl,
      CLUSTER_PUBLISHABLE_KEY: keys.publishableKey,
      CLUSTER_SECRET_KEY: keys.secretKey,
      CLUSTER_JWT_SECRET: keys.jwtSecret,
      CLUSTER_STORAGE_DIR: join(dataDir, 'storage', clusterId),
      CLUSTER_PORT: String(port),
    },
    readyLine: (line) => typeof line['url'] === 'string',
    stopTimeoutMs: 5_000,
  });
}
