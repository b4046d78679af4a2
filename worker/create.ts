import { Worker, type NativeConnection, type WorkflowBundleOption } from '@temporalio/worker';
import { createActivities, type ActivityDeps } from '../activities/index.ts';
import { taskQueue } from '../contract/ids.ts';
import { dataConverter } from '../adapters/temporal/index.ts';
import { ledgerInterceptor } from './interceptors/ledger.ts';

/** Longest time a running activity gets to end after SIGTERM; above the p99 of the longest one. */
const SHUTDOWN_GRACE = '20 seconds';

/**
 * The workers of one process, one a task queue, so that upkeep never makes a paid order wait.
 *
 * - provisioning: up to 50 activities at once; each is a few short HTTP calls, so the limit protects the clusters.
 * - accounts: fewer, as nobody waits for them.
 * - upkeep: sweeps and polls; a few at a time are plenty.
 */
export async function createWorkers(
  deps: ActivityDeps,
  connection: NativeConnection,
  workflowBundle: WorkflowBundleOption,
): Promise<Worker[]> {
  const activities = createActivities(deps);
  const shared = {
    connection,
    namespace: deps.config.TEMPORAL_NAMESPACE,
    dataConverter: dataConverter(deps.config),
    workflowBundle,
    activities,
    shutdownGraceTime: SHUTDOWN_GRACE,
    interceptors: {
      activity: [(context: Parameters<typeof ledgerInterceptor>[0]) => ({ inbound: ledgerInterceptor(context, deps.db, deps.log) })],
    },
  };
  const prefix = deps.config.ALTA_QUEUE_PREFIX;
  return Promise.all([
    Worker.create({
      ...shared,
      taskQueue: taskQueue('provisioning', prefix),
      maxConcurrentActivityTaskExecutions: 50,
      maxConcurrentLocalActivityExecutions: 50,
      maxConcurrentWorkflowTaskExecutions: 40,
      maxCachedWorkflows: 500,
    }),
    Worker.create({
      ...shared,
      taskQueue: taskQueue('accounts', prefix),
      maxConcurrentActivityTaskExecutions: 20,
      maxConcurrentWorkflowTaskExecutions: 20,
      maxCachedWorkflows: 1_000,
    }),
    Worker.create({
      ...shared,
      taskQueue: taskQueue('upkeep', prefix),
      maxConcurrentActivityTaskExecutions: 5,
      maxConcurrentWorkflowTaskExecutions: 5,
      maxCachedWorkflows: 20,
    }),
  ]);
}
