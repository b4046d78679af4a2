import type { Context } from '@temporalio/activity';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import { withLogFields, type LogFields, type Logger } from '../../adapters/log.ts';
import type { WorkerMetrics } from '../../adapters/metrics/index.ts';
import { traceCode } from '../../adapters/trace.ts';
import type { ClusterStepContext } from '../../contract/onboarding.ts';
import { stepOfActivity, type StepName } from '../../contract/steps.ts';

/** Failures that are the cluster's own, not the data's or ours (P-606). */
const CLUSTER_FAULT = /^(?:CLUSTER_(?!REJECTED|UNKNOWN)|CREDENTIALS_NOT_STORED|WRITE_NOT_CONFIRMED|SEED_INCOMPLETE|STEP_TIMED_OUT)/;

type Input = Partial<ClusterStepContext> & { state?: string };

/**
 * The outermost word about every activity: its log lines say which account, job, workflow, cluster, step and attempt they are about
 * (P-614), and its time and outcome are counted (P-611). Failures that somebody has to know of at once raise an alert here, where
 * they are seen whatever the workflow makes of them (P-610).
 */
export function observeInterceptor({ info }: Context, log: Logger, metrics?: WorkerMetrics): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const [first] = input.args as [Input | undefined];
      const which = stepOfActivity(info.activityType);
      return withLogFields(fieldsOf(info, first), async () => {
        const began = performance.now();
        const done = (outcome: string, code?: string): void => {
          const seconds = (performance.now() - began) / 1_000;
          if (code !== undefined) traceCode(code);
          if (which !== undefined) observeStep(metrics, which, { outcome, code, seconds, clusterId: first?.clusterId });
          if (code !== undefined && which !== undefined) raise(log, which, code, first?.clusterId);
        };
        try {
          const value = await next(input);
          done((value as { skipped?: unknown } | undefined)?.skipped === true ? 'skipped' : 'done');
          if (info.activityType === 'end-job' && first?.state !== undefined) metrics?.onboardings.inc({ state: first.state });
          return value;
        } catch (error) {
          if (error instanceof CancelledFailure) done('cancelled');
          else done('failed', error instanceof ApplicationFailure ? (error.type ?? 'INTERNAL') : 'INTERNAL');
          throw error;
        }
      });
    },
  };
}

function fieldsOf(info: Context['info'], input: Input | undefined): LogFields {
  const ids = ['accountId', 'jobId', 'clusterId'] as const;
  const known = ids.filter((id) => typeof input?.[id] === 'string').map((id) => [id, input?.[id]]);
  const step = stepOfActivity(info.activityType)?.step;
  return {
    ...(Object.fromEntries(known) as LogFields),
    ...(info.workflowExecution === undefined ? {} : { workflowId: info.workflowExecution.workflowId }),
    ...(step === undefined ? {} : { step }),
    activity: info.activityType,
    attempt: info.attempt,
  };
}

interface Tried {
  outcome: string;
  code: string | undefined;
  seconds: number;
  clusterId: string | null | undefined;
}

function observeStep(metrics: WorkerMetrics | undefined, { step, undo }: { step: StepName; undo: boolean }, tried: Tried): void {
  if (metrics === undefined) return;
  const labels = { step, act: undo ? 'undo' : 'do' };
  metrics.stepSeconds.observe({ ...labels, outcome: tried.outcome }, tried.seconds);
  if (tried.code !== undefined) metrics.stepFailures.inc({ ...labels, code: tried.code });
  if (tried.code !== undefined && step === 'sync-mp-credentials' && !undo) metrics.mpSyncFailed.inc();
  if (typeof tried.clusterId !== 'string' || tried.outcome === 'cancelled') return;
  const failed = tried.code !== undefined && CLUSTER_FAULT.test(tried.code);
  metrics.clusterSteps.inc({ cluster: tried.clusterId, outcome: failed ? 'failed' : 'ok' });
}

/** Repeats of one alert about one account are grouped by whoever sends them on. */
function raise(log: Logger, { step, undo }: { step: StepName; undo: boolean }, code: string, clusterId?: string | null): void {
  if (undo) log.warn({ code, alert: 'compensation failed' }, `the undo of ${step} failed`);
  else if (step === 'sync-mp-credentials') log.warn({ code, alert: 'mp sync failed' }, 'the Mercado Pago credentials were not stored');
  if (typeof clusterId === 'string' && CLUSTER_FAULT.test(code)) {
    // Of the cluster, whichever account met it: one message, not one a store.
    log.warn({ code, accountId: undefined, alert: 'cluster unhealthy' }, `cluster ${clusterId} failed at ${step}`);
  }
}
