import { makeTelemetryFilterString, NativeConnection, Runtime, type Worker } from '@temporalio/worker';
import { pendingMigrations } from '../adapters/admin-db/index.ts';
import { loadConfig } from '../adapters/config.ts';
import { createLogger } from '../adapters/log.ts';
import { engineTelemetry, enginePort, serveMetrics } from '../adapters/metrics/index.ts';
import { createProcessLog } from '../adapters/process-log.ts';
import { temporalConnection } from '../adapters/temporal/index.ts';
import { startTracing } from '../adapters/tracing.ts';
import { AltaError } from '../contract/errors.ts';
import { requireBundle, workflowBundle } from './bundle.ts';
import { createWorkers } from './create.ts';
import { connectDeps } from './deps.ts';
import { startProbes } from './probes.ts';

/** The worker process: runs until SIGINT or SIGTERM, then lets running activities end. */
async function main(): Promise<void> {
  const config = loadConfig();
  const { log, close: closeLog } = createProcessLog('alta-worker', config);
  const tracing = await startTracing('alta-worker', config);
  const engine = config.METRICS_PORT === undefined ? undefined : await enginePort();
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
    telemetryOptions: {
      logging: { filter: makeTelemetryFilterString({ core: 'WARN', other: 'WARN' }), forward: {} },
      ...(engine === undefined ? {} : { metrics: engineTelemetry(engine) }),
    },
  });
  requireBundle(config);
  const [bundle, connection, deps] = await Promise.all([
    workflowBundle(config.ALTA_WORKFLOW_BUNDLE),
    NativeConnection.connect(temporalConnection(config)),
    connectDeps(config, log),
  ]);
  const pending = await pendingMigrations(config.ADMIN_DATABASE_URL);
  if (pending.length > 0)
    throw new AltaError('CONFIG_INVALID', `ADMIN_DATABASE_URL: run \`alta migrate\` first; not applied: ${pending.join(', ')}`);
  const workers = await createWorkers(deps, connection, bundle, tracing);
  const running = runTogether(workers);
  const probes = await startProbes(
    { workers, db: deps.db, connection },
    { host: config.WORKER_PROBE_HOST, port: config.WORKER_PROBE_PORT },
  );
  const served = await serveMetrics(config, {
    registry: deps.workerMetrics.registry,
    ...(engine === undefined ? {} : { engineUrl: `http://127.0.0.1:${engine}/metrics` }),
  });
  process.stdout.write(
    `${JSON.stringify({
      ready: true,
      probes: `http://127.0.0.1:${probes.port}`,
      queues: config.ALTA_WORKER_QUEUES,
      buildId: config.ALTA_BUILD_ID ?? null,
      metrics: served?.url,
    })}\n`,
  );
  log.info({ queues: config.ALTA_WORKER_QUEUES, metrics: served?.url }, 'the worker is ready: it polls its queues');
  try {
    await running;
  } finally {
    await probes.close();
    await served?.close();
    await deps.close();
    await connection.close();
    await tracing?.close();
    await closeLog();
  }
}

/**
 * Runs the workers until a signal ends them all (the SDK listens for it). When one fails, the others are asked to end too: a process
 * that serves half of its queues would look alive and never be replaced. Throws that worker's failure.
 */
async function runTogether(workers: readonly Worker[]): Promise<void> {
  const stopOthers = (): void => {
    for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
  };
  const ends = await Promise.allSettled(workers.map((worker) => worker.run().finally(stopOthers)));
  const failed = ends.find((end) => end.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}

main().catch((error: unknown) => {
  createLogger('alta-worker').fatal({ err: error }, 'the worker could not run');
  // Not merely the exit code: an activity that was left behind must not keep the process.
  process.exit(1);
});
