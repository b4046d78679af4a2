import type { Client } from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import { callTemporal } from '../temporal.ts';
import { openRuns } from './open-runs.ts';

/** A run whose code does not go on, though nothing in it says so: no step failed, nobody is asked. */
export interface StalledRun {
  workflowId: string;
  workflowType: string;
  /** The version that it is pinned to; null for a run of workers without versions. */
  buildId: string | null;
  /** Tries of the present workflow task; from 2 on the code failed or its worker died. */
  attempts: number;
  /** Since when the task waits. */
  since: string;
  /** `failing`: the worker's code does not fit the run's history, mostly. `no worker`: nobody takes its tasks. */
  why: 'failing' | 'no worker';
  /** The last failure in the SDK's words; null when none is in the history. */
  failure: string | null;
}

/** A task that is not taken for this long has no worker, ms. */
const TAKEN_WITHIN_MS = 10_000;
/** Events of the end of a history among which the last failure is. */
const LAST_EVENTS = 20;
const AT_ONCE = 10;
const STARTED = 2;

/**
 * Looks at open runs, the newest first, for those that stand still. Temporal marks them nowhere (server 1.29), so each is asked;
 * `limit` bounds how many. Throws TEMPORAL_UNAVAILABLE.
 */
export async function stalledRuns(temporal: Client, config: Pick<Config, 'ALTA_QUEUE_PREFIX'>, limit = 500): Promise<StalledRun[]> {
  const open = await openRuns(temporal, config, limit);
  const stalled: StalledRun[] = [];
  while (open.length > 0) {
    const found = await Promise.all(open.splice(0, AT_ONCE).map((run) => look(temporal, run)));
    stalled.push(...found.filter((run) => run !== undefined));
  }
  return stalled;
}

async function look(temporal: Client, execution: { workflowId: string; runId: string }): Promise<StalledRun | undefined> {
  const { namespace } = temporal.options;
  const answer = await callTemporal(temporal, 'temporal.describe-run', () =>
    temporal.workflowService.describeWorkflowExecution({ namespace, execution }),
  );
  const { pendingWorkflowTask: task, workflowExecutionInfo: info } = answer;
  if (!task) return undefined;
  const attempts = task.attempt ?? 1;
  const since = Number(task.originalScheduledTime?.seconds ?? 0) * 1_000;
  const failing = attempts > 1;
  if (!failing && (Number(task.state) === STARTED || Date.now() - since < TAKEN_WITHIN_MS)) return undefined;
  return {
    workflowId: execution.workflowId,
    workflowType: info?.type?.name ?? '',
    buildId: info?.versioningInfo?.deploymentVersion?.buildId ?? null,
    attempts,
    since: new Date(since).toISOString(),
    why: failing ? 'failing' : 'no worker',
    failure: failing ? await lastFailure(temporal, execution) : null,
  };
}

async function lastFailure(temporal: Client, execution: { workflowId: string; runId: string }): Promise<string | null> {
  const { namespace } = temporal.options;
  const { history } = await callTemporal(temporal, 'temporal.fetch-history', () =>
    temporal.workflowService.getWorkflowExecutionHistoryReverse({ namespace, execution, maximumPageSize: LAST_EVENTS }),
  );
  const failed = history?.events?.find(({ workflowTaskFailedEventAttributes }) => workflowTaskFailedEventAttributes);
  return failed?.workflowTaskFailedEventAttributes?.failure?.message?.slice(0, 500) ?? null;
}
