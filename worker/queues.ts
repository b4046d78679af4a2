import type { WorkerOptions } from '@temporalio/worker';
import type { QueueName } from '../contract/ids.ts';

/** The options of a worker that differ from queue to queue. */
export type QueueOptions = Pick<
  WorkerOptions,
  | 'maxConcurrentActivityTaskExecutions'
  | 'maxConcurrentLocalActivityExecutions'
  | 'maxConcurrentWorkflowTaskExecutions'
  | 'maxCachedWorkflows'
  | 'workflowTaskPollerBehavior'
  | 'activityTaskPollerBehavior'
>;

type PollerBehavior = NonNullable<WorkerOptions['activityTaskPollerBehavior']>;

/** As many polls as there is work, between these: an idle queue costs a few open calls, a burst is fetched at once. */
const polls = (minimum: number, maximum: number): PollerBehavior => ({
  type: 'autoscaling',
  minimum,
  initial: Math.min(5, maximum),
  maximum,
});

/**
 * Memory of one run that is kept, MiB, as measured: 297 sleeping accounts made a worker 712 MiB larger. Each queue's runs live in a thread of
 * their own, whose heap Node makes half as large as the container; one that is nearly full spends its time collecting garbage, and runs fail
 * with it. So what is kept is bounded by the memory that `docker-compose.yml` gives a worker.
 */
export const KEPT_RUN_MIB = 2.5;

/**
 * What a worker of each task queue takes at once. The slots belong to the queue, so whatever happens on one, the others keep theirs.
 * There is no limit by the second (`maxActivitiesPerSecond`, `maxTaskQueueActivitiesPerSecond`): the slots bound what reaches a cluster
 * at the same time, and a cluster or Mercado Pago that asks for a pause gets it (`Retry-After`), while a fixed rate would delay paid
 * orders in a burst that everything else can take.
 */
export const QUEUES: Readonly<Record<QueueName, QueueOptions>> = {
  // Somebody has paid and waits. 50 activities at once are a few short HTTP calls each, about what two clusters take well; local
  // activities are the same acts, so they get the same. A workflow task holds its slot while local tries run, and its time is 5 s: what is taken
  // at once has to get through within that on a busy core. With 40, a backlog of 400 runs made every task late, and none got any further.
  // 200 runs in memory are the onboardings that are under way at once: one that is evicted only costs a replay.
  provisioning: {
    maxConcurrentActivityTaskExecutions: 50,
    maxConcurrentLocalActivityExecutions: 50,
    maxConcurrentWorkflowTaskExecutions: 10,
    maxCachedWorkflows: 200,
    workflowTaskPollerBehavior: polls(2, 20),
    activityTaskPollerBehavior: polls(2, 20),
  },
  // Nobody waits for it to the second, and 20 applies at once leave the clusters room for the onboardings. One run an account lives for
  // years, and most sleep: 200 in memory serve the lively ones.
  accounts: {
    maxConcurrentActivityTaskExecutions: 20,
    maxConcurrentLocalActivityExecutions: 20,
    maxConcurrentWorkflowTaskExecutions: 20,
    maxCachedWorkflows: 200,
    workflowTaskPollerBehavior: polls(1, 10),
    activityTaskPollerBehavior: polls(1, 10),
  },
  // Sweeps and polls: long, rare, patient. Five at once, so that a sweep over the whole fleet is a trickle for clusters and Admin DB.
  upkeep: {
    maxConcurrentActivityTaskExecutions: 5,
    maxConcurrentLocalActivityExecutions: 5,
    maxConcurrentWorkflowTaskExecutions: 5,
    maxCachedWorkflows: 20,
    workflowTaskPollerBehavior: polls(1, 5),
    activityTaskPollerBehavior: polls(1, 5),
  },
};
