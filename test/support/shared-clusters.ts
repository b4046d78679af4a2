import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Child } from '../../local/child.ts';
import type { PostgresServer } from '../../local/postgres.ts';
import type { Supervisor } from '../../local/processes.ts';

/** What a test knows of a running cluster. */
export interface TestCluster {
  url: string;
  publishableKey: string;
  secretKey: string;
}

const MAIN = fileURLToPath(new URL('../../local/cluster/main.ts', import.meta.url));

/** Starts one Supabase-compatible cluster as a process on a database of its own. */
export async function startTestCluster(options: {
  supervisor: Supervisor;
  postgres: Pick<PostgresServer, 'url' | 'ensureDatabase'>;
  name: string;
  dir: string;
}): Promise<TestCluster & { child: Child }> {
  const { supervisor, postgres, name, dir } = options;
  const key = (): string => randomBytes(18).toString('base64url');
  await postgres.ensureDatabase(`cluster_${name}`);
  const child = await supervisor.start({
    name: `cluster-${name}`,
    command: process.execPath,
    args: [MAIN, `--storage-dir=${join(dir, `storage-${name}`)}`],
    marker: MAIN,
    env: {
      ...process.env,
      CLUSTER_DATABASE_URL: postgres.url(`cluster_${name}`),
      CLUSTER_PUBLISHABLE_KEY: `sb_publishable_${key()}`,
      CLUSTER_SECRET_KEY: `sb_secret_${key()}`,
      CLUSTER_JWT_SECRET: key(),
      // The real cost of a password hash is not what these tests are about.
      LITE_AUTH_BCRYPT_COST: '4',
    },
    readyLine: (line) => typeof line['url'] === 'string',
  });
  return { ...(child.ready as unknown as TestCluster), child };
}

/** The clusters that the whole run shares. */
export function sharedClusters(): TestCluster[] {
  const text = process.env['ALTA_TEST_CLUSTERS'];
  if (text === undefined) throw new Error('no clusters: run through `npm test`');
  return JSON.parse(text) as TestCluster[];
}
