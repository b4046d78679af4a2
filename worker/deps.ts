import { Client, Connection } from '@temporalio/client';
import type { ActivityDeps } from '../activities/index.ts';
import { createAdminDb, loadCluster } from '../adapters/admin-db/index.ts';
import { createClusterRouter } from '../adapters/cluster/index.ts';
import type { Config } from '../adapters/config.ts';
import type { Logger } from '../adapters/log.ts';
import { createMailer } from '../adapters/mailer/index.ts';
import { workerMetrics, type WorkerMetrics } from '../adapters/metrics/index.ts';
import { createMercadoPago } from '../adapters/mercadopago/index.ts';
import { clientTracing, dataConverter, temporalConnection } from '../adapters/temporal/index.ts';
import { createVault } from '../adapters/vault/index.ts';

/** Everything that the activities work with, connected lazily but for Temporal. `close` gives all of it back. */
export async function connectDeps(
  config: Config,
  log: Logger,
): Promise<ActivityDeps & { workerMetrics: WorkerMetrics; close(): Promise<void> }> {
  const connection = await Connection.connect(temporalConnection(config));
  const vault = createVault(config.ALTA_VAULT_KEYS);
  const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'worker', max: config.WORKER_DB_POOL, log });
  const mailer = createMailer({ smtpUrl: config.SMTP_URL, from: config.MAIL_FROM });
  const mp = createMercadoPago({
    baseUrl: config.MP_BASE_URL,
    accessToken: config.MP_ACCESS_TOKEN,
    clientId: config.MP_CLIENT_ID,
    clientSecret: config.MP_CLIENT_SECRET,
    timeoutMs: config.MP_TIMEOUT_MS,
  });
  return {
    config,
    log,
    workerMetrics: workerMetrics(),
    vault,
    db,
    mailer,
    mp,
    clusters: createClusterRouter({ load: (clusterId) => loadCluster(db, vault, clusterId), timeoutMs: config.CLUSTER_TIMEOUT_MS }),
    temporal: new Client({
      connection,
      namespace: config.TEMPORAL_NAMESPACE,
      dataConverter: dataConverter(config),
      interceptors: clientTracing(config),
    }),
    async close() {
      mailer.close();
      await Promise.all([db.close(), connection.close()]);
    },
  };
}
