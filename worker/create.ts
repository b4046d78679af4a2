import { Worker, type NativeConnection, type WorkerOptions, type WorkflowBundleOption } from '@temporalio/worker';
import { createActivities, type ActivityDeps } from '../activities/index.ts';
import type { Config } from '../adapters/config.ts';
import type { Tracing } from '../adapters/tracing.ts';
import { deploymentName, taskQueue } from '../contract/ids.ts';
import { workerDataConverter } from './codec.ts';
import { heartbeatInterceptor } from './interceptors/heartbeat.ts';
import { ledgerInterceptor } from './interceptors/ledger.ts';
import { observeInterceptor } from './interceptors/observe.ts';
import { QUEUES } from './queues.ts';
import { activityTracing, workflowTracing } from './tracing.ts';

/** Activities that ignore their cancellation are left behind this long after it, so that a process always ends. */
const FORCE_AFTER_MS = 15_000;

/**
 * The workers of one process, one a task queue (`ALTA_WORKER_QUEUES`), so that upkeep never makes a paid order wait. They share the
 * connection and the bundle; what each takes at once is in `queues.ts`.
 */
export async function createWorkers(
  deps: ActivityDeps,
  connection: NativeConnection,
  workflowBundle: WorkflowBundleOption,
  tracing?: Tracing,
): Promise<Worker[]> {
  const { config, db, log } = deps;
  const shared = {
    connection,
    namespace: config.TEMPORAL_NAMESPACE,
    dataConverter: workerDataConverter(config, log),
    workflowBundle,
    activities: createActivities(deps),
    ...versionOf(config),
    // The default is 0: every activity in flight would be cancelled at once. Set above the p99 of the longest one, and below the
    // orchestrator's own patience (Kubernetes: terminationGracePeriodSeconds).
    shutdownGraceTime: config.ALTA_SHUTDOWN_GRACE_MS,
    shutdownForceTime: config.ALTA_SHUTDOWN_GRACE_MS + FORCE_AFTER_MS,
    // A run goes back to the common queue when the worker that has it in memory does not fetch its task: it died, or is stuck.
    stickyQueueScheduleToStartTimeout: '5 seconds',
    // A cancellation reaches an activity with the answer to its heartbeat, so a heartbeat that is held back holds back the news too.
    defaultHeartbeatThrottleInterval: '2 seconds',
    maxHeartbeatThrottleInterval: '5 seconds',
    sinks: workflowTracing(tracing),
    interceptors: {
      activity: [
        ...activityTracing(tracing),
        (context) => ({ inbound: observeInterceptor(context, log, deps.workerMetrics) }),
        (context) => ({ inbound: heartbeatInterceptor(context) }),
        (context) => ({ inbound: ledgerInterceptor(context, db, log, deps.workerMetrics) }),
      ],
    },
  } satisfies Partial<WorkerOptions>;
  return Promise.all(
    config.ALTA_WORKER_QUEUES.map((name) =>
      Worker.create({ ...shared, ...QUEUES[name], taskQueue: taskQueue(name, config.ALTA_QUEUE_PREFIX) }),
    ),
  );
}

/**
 * With a build id the worker takes only runs of its own version and those that may move to it (docs/rollout.md). A workflow that does
 * not say otherwise (`pinned`) upgrades: accounts, which live for years, and the short sweeps of upkeep.
 */
function versionOf(config: Config): Pick<WorkerOptions, 'workerDeploymentOptions'> {
  const { ALTA_BUILD_ID: buildId, ALTA_DEPLOYMENT_NAME: name, ALTA_QUEUE_PREFIX: prefix } = config;
  if (buildId === undefined) return {};
  return {
    workerDeploymentOptions: {
      version: { deploymentName: deploymentName(name, prefix), buildId },
      useWorkerVersioning: true,
      defaultVersioningBehavior: 'AUTO_UPGRADE',
    },
  };
}
