import type { AddressInfo } from 'node:net';
import { createAdminDb } from '../../adapters/admin-db/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { createMercadoPago } from '../../adapters/mercadopago/index.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { runProcess } from '../process.ts';
import { buildApi } from './index.ts';

/** The API process. Prints `{"ready":true,"url":...}` once it listens; ends on SIGINT or SIGTERM after its open requests. */
await runProcess('alta-api', async (stop) => {
  const log = createLogger('alta-api');
  const config = loadConfig();
  const vault = createVault(config.ALTA_VAULT_KEYS);
  const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'intake', max: config.API_DB_POOL, log });
  const mp = createMercadoPago({ baseUrl: config.MP_BASE_URL, accessToken: config.MP_ACCESS_TOKEN, timeoutMs: config.MP_TIMEOUT_MS });
  const app = await buildApi({ db, vault, mp, config, log });
  try {
    await app.listen({ host: config.API_HOST, port: config.API_PORT });
    const { port } = app.server.address() as AddressInfo;
    process.stdout.write(`${JSON.stringify({ ready: true, url: `http://${config.API_HOST}:${String(port)}` })}\n`);
    await stop;
  } finally {
    await app.close();
    await db.close();
  }
});
