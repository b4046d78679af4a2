import { makeTelemetryFilterString, NativeConnection, Runtime } from '@temporalio/worker';
import { pendingMigrations } from '../adapters/admin-db/index.ts';
import { loadConfig } from '../adapters/config.ts';
import { createLogger } from '../adapters/log.ts';
import { temporalConnection } from '../adapters/temporal/index.ts';
import { AltaError } from '../contract/errors.ts';
import { workflowBundle } from './bundle.ts';
import { createWorkers } from './create.ts';
import { connectDeps } from './deps.ts';
import { startProbes } from './probes.ts';

/** The worker process: runs until SIGINT or SIGTERM, then lets running activities end. */
async function main(): Promise<void> {
  const log = createLogger('alta-worker');
  const config = loadConfig();
  Runtime.install({
    logger: {
      log: (level, message, meta) =>
        log[level === 'WARN' ? 'warn' : level === 'ERROR' ? 'error' : level === 'INFO' ? 'info' : 'debug'](meta ?? {}, message),
      trace: (message, meta) => log.trace(meta ?? {}, message),
      debug: (message, meta) => log.debug(meta ?? {}, message),
      info: (message, meta) => log.info(meta ?? {}, message),
      warn: (message, meta) => log.warn(meta ?? {}, message),
      error: (message, meta) => log.error(meta ?? {}, message),
    },
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'WARN' }), forward: {} } },
  });
  const [bundle, connection, deps] = await Promise.all([
    workflowBundle(),
    NativeConnection.connect(temporalConnection(config)),
    connectDeps(config, log),
  ]);
  const pending = await pendingMigrations(config.ADMIN_DATABASE_URL);
  if (pending.length > 0)
    throw new AltaError('CONFIG_INVALID', `ADMIN_DATABASE_URL: run \`alta migrate\` first; not applied: ${pending.join(', ')}`);
  const workers = await createWorkers(deps, connection, bundle);
  const running = Promise.all(workers.map((worker) => worker.run()));
  const probes = await startProbes(workers, deps.db, config.WORKER_PROBE_PORT);
  process.stdout.write(`${JSON.stringify({ ready: true, probes: `http://127.0.0.1:${probes.port}` })}\n`);
  try {
    await running;
  } finally {
    probes.server.close();
    await deps.close();
    await connection.close();
  }
}

main().catch((error: unknown) => {
  createLogger('alta-worker').fatal({ err: error }, 'the worker could not run');
  process.exitCode = 1;
});
