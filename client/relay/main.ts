import { createAdminDb, readState } from '../../adapters/admin-db/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { createMercadoPago } from '../../adapters/mercadopago/index.ts';
import { relayMetrics, serveMetrics, stateGauges } from '../../adapters/metrics/index.ts';
import { createProcessLog } from '../../adapters/process-log.ts';
import { startTracing } from '../../adapters/tracing.ts';
import { runProcess } from '../process.ts';
import { connectTemporal } from '../temporal.ts';
import { createRelay } from './index.ts';
import { startRelayProbes } from './probes.ts';

/** The relay process. Prints `{"ready":true,"probes":...}` once it polls; on SIGINT or SIGTERM it ends what is under way and stops. */
await runProcess('alta-relay', async (stop) => {
  const config = loadConfig();
  const { log, close: closeLog } = createProcessLog('alta-relay', config);
  const tracing = await startTracing('alta-relay', config);
  const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'relay', max: config.RELAY_DB_POOL, log });
  const mp = createMercadoPago({ baseUrl: config.MP_BASE_URL, accessToken: config.MP_ACCESS_TOKEN, timeoutMs: config.MP_TIMEOUT_MS });
  const temporal = connectTemporal(config);
  const metrics = relayMetrics();
  const relay = createRelay({ db, mp, temporal: temporal.client, config, log, relayMetrics: metrics });
  const probes = await startRelayProbes(
    { db, connection: temporal.client.connection, relay },
    { host: config.RELAY_PROBE_HOST, port: config.RELAY_PROBE_PORT },
  );
  const served = await serveMetrics(config, { registry: metrics.registry, refresh: stateGauges(metrics.registry, () => readState(db)) });
  try {
    const running = relay.run();
    process.stdout.write(`${JSON.stringify({ ready: true, probes: `http://127.0.0.1:${probes.port}`, metrics: served?.url })}\n`);
    log.info({ metrics: served?.url }, 'the relay is ready: it polls the outbox');
    await Promise.race([stop, running]);
    await relay.stop();
  } finally {
    await probes.close();
    await served?.close();
    await temporal.close();
    await db.close();
    await tracing?.close();
    await closeLog();
  }
});
