import { createAdminDb } from '../../adapters/admin-db/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { createMercadoPago } from '../../adapters/mercadopago/index.ts';
import { runProcess } from '../process.ts';
import { connectTemporal } from '../temporal.ts';
import { createRelay } from './index.ts';
import { startRelayProbes } from './probes.ts';

/** The relay process. Prints `{"ready":true,"probes":...}` once it polls; on SIGINT or SIGTERM it ends what is under way and stops. */
await runProcess('alta-relay', async (stop) => {
  const log = createLogger('alta-relay');
  const config = loadConfig();
  const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'relay', max: config.RELAY_DB_POOL, log });
  const mp = createMercadoPago({ baseUrl: config.MP_BASE_URL, accessToken: config.MP_ACCESS_TOKEN, timeoutMs: config.MP_TIMEOUT_MS });
  const temporal = connectTemporal(config);
  const relay = createRelay({ db, mp, temporal: temporal.client, config, log });
  const probes = await startRelayProbes(db, { host: config.RELAY_PROBE_HOST, port: config.RELAY_PROBE_PORT });
  try {
    const running = relay.run();
    process.stdout.write(`${JSON.stringify({ ready: true, probes: `http://127.0.0.1:${probes.port}` })}\n`);
    await Promise.race([stop, running]);
    await relay.stop();
  } finally {
    probes.server.close();
    await temporal.close();
    await db.close();
  }
});
