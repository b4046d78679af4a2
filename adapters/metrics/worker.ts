import { STEP_NAMES } from '../../contract/steps.ts';
import { meters } from './meters.ts';

/** Seconds; a local try takes about 10 ms, a copy of assets may take half a minute. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30];

/** How a run can end; every other state is one that it is in. */
const ENDS = ['completed', 'rejected', 'compensated'] as const;

/**
 * What the worker counts of its own work. Labels are names of steps, codes of the error table and ids of clusters: bounded, and
 * nobody's data. Activities count, workflows never do, so that a replay counts nothing twice.
 */
export function workerMetrics() {
  const { registry, counter, histogram } = meters(BUCKETS);
  const onboardings = counter(
    'alta_onboardings_total',
    'Onboardings that ended, by how: completed (a store), rejected (nothing was made), compensated (undone).',
    'state',
  );
  const stepSeconds = histogram(
    'alta_step_seconds',
    'Duration of one try of a step, by step, act (do or undo) and outcome (done, skipped, failed, cancelled).',
    'step',
    'act',
    'outcome',
  );
  const stepRetries = counter(
    'alta_step_retries_total',
    'Tries of a step after its first one, by step and act; the regular try after a failed local one is such a try.',
    'step',
    'act',
  );
  const stepFailures = counter(
    'alta_step_failures_total',
    'Failed tries of a step, by step, act and code of the error table.',
    'step',
    'act',
    'code',
  );
  const mpSyncFailed = counter('alta_mp_sync_failed_total', 'Failed writes of merchants’ Mercado Pago credentials to a cluster (P-602).');
  const clusterSteps = counter(
    'alta_cluster_steps_total',
    'Tries of steps on a cluster, by cluster and outcome; failed: the cluster, not the data, was the reason (P-606).',
    'cluster',
    'outcome',
  );
  // A series that begins with its first event hides that event from rate() and increase().
  for (const state of ENDS) onboardings.inc({ state }, 0);
  for (const step of STEP_NAMES) stepRetries.inc({ step, act: 'do' }, 0);
  return { registry, onboardings, stepSeconds, stepRetries, stepFailures, mpSyncFailed, clusterSteps };
}
export type WorkerMetrics = ReturnType<typeof workerMetrics>;
