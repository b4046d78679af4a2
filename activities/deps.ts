import type { Client } from '@temporalio/client';
import { loadSnapshot, type AdminDb } from '../adapters/admin-db/index.ts';
import type { Cluster, ClusterRouter } from '../adapters/cluster/index.ts';
import type { Config } from '../adapters/config.ts';
import type { Logger } from '../adapters/log.ts';
import type { Mailer } from '../adapters/mailer/index.ts';
import type { WorkerMetrics } from '../adapters/metrics/index.ts';
import type { MercadoPago } from '../adapters/mercadopago/index.ts';
import type { Vault } from '../adapters/vault/index.ts';
import type { StepContext } from '../contract/onboarding.ts';
import type { AccountSnapshot } from '../contract/projection.ts';

/** What the activities work with; made once per worker process. */
export interface ActivityDeps {
  db: AdminDb;
  vault: Vault;
  clusters: ClusterRouter;
  mp: MercadoPago;
  mailer: Mailer;
  temporal: Client;
  config: Config;
  log: Logger;
  /** Nothing is counted when left out. */
  workerMetrics?: WorkerMetrics;
}

/** Input of an undo: the cluster is null when no placement was ever made. */
export interface UndoContext extends StepContext {
  clusterId: string | null;
}

/** The account as it is now and its cluster, read side by side: what every cluster step begins with (law 4). */
export async function storeOf(
  { db, clusters }: ActivityDeps,
  { accountId, clusterId }: { accountId: string; clusterId: string },
): Promise<{ account: AccountSnapshot; cluster: Cluster }> {
  const [account, cluster] = await Promise.all([loadSnapshot(db, accountId), clusters.get(clusterId)]);
  return { account, cluster };
}

/** Runs an undo on the cluster; without a placement there is nothing to undo there. */
export async function undoOnCluster(
  deps: ActivityDeps,
  { accountId, jobId, clusterId }: UndoContext,
  act: (cluster: Cluster, facts: { accountId: string; jobId: string; version: number }) => Promise<unknown>,
): Promise<void> {
  if (clusterId === null) return;
  const { account, cluster } = await storeOf(deps, { accountId, clusterId });
  await act(cluster, { accountId, jobId, version: account.version });
}
