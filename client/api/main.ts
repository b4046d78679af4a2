import type { AddressInfo } from 'node:net';
import { createAdminDb } from '../../adapters/admin-db/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { createMercadoPago } from '../../adapters/mercadopago/index.ts';
import { apiMetrics, serveMetrics } from '../../adapters/metrics/index.ts';
import { createProcessLog } from '../../adapters/process-log.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { startTracing } from '../../adapters/tracing.ts';
import { runProcess } from '../process.ts';
import { buildApi } from './index.ts';
import { openShop } from './open-shop.ts';

/** The API process. Prints `{"ready":true,"url":...}` once it listens; ends on SIGINT or SIGTERM after its open requests. */
await runProcess('alta-api', async (stop) => {
  const config = loadConfig();
  const { log, close: closeLog } = createProcessLog('alta-api', config);
  const tracing = await startTracing('alta-api', config);
  const vault = createVault(config.ALTA_VAULT_KEYS);
  const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'intake', max: config.API_DB_POOL, log });
  const mp = createMercadoPago({ baseUrl: config.MP_BASE_URL, accessToken: config.MP_ACCESS_TOKEN, timeoutMs: config.MP_TIMEOUT_MS });
  const shop = config.ALTA_STOREFRONT ? openShop(config, vault, log) : undefined;
  const metrics = apiMetrics();
  const app = await buildApi({ db, vault, mp, config, log, apiMetrics: metrics, ...(shop === undefined ? {} : { shop }) });
  const served = await serveMetrics(config, metrics);
  try {
    await app.listen({ host: config.API_HOST, port: config.API_PORT });
    const { port } = app.server.address() as AddressInfo;
    const url = `http://${config.API_HOST}:${String(port)}`;
    process.stdout.write(`${JSON.stringify({ ready: true, url, metrics: served?.url })}\n`);
    log.info({ url, metrics: served?.url }, 'the API is ready: it takes requests');
    await stop;
  } finally {
    await app.close();
    await served?.close();
    await shop?.db.close();
    await db.close();
    await tracing?.close();
    await closeLog();
  }
});
