import type { Client } from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import { QUEUE_NAMES, taskQueue } from '../../contract/ids.ts';
import { callTemporal } from '../temporal.ts';

export interface OpenRun {
  workflowId: string;
  runId: string;
  /** Seconds since 1970. */
  startedAt: number;
}

/**
 * The open runs of this installation, as Temporal's visibility shows them: newest first, at most `limit`. Opens no payload, so that it
 * works without their keys. Throws TEMPORAL_UNAVAILABLE.
 */
export async function openRuns(temporal: Client, config: Pick<Config, 'ALTA_QUEUE_PREFIX'>, limit: number): Promise<OpenRun[]> {
  const queues = QUEUE_NAMES.map((name) => `'${taskQueue(name, config.ALTA_QUEUE_PREFIX)}'`).join(', ');
  const query = `ExecutionStatus = 'Running' AND TaskQueue IN (${queues})`;
  const { namespace } = temporal.options;
  const open: OpenRun[] = [];
  let nextPageToken: Uint8Array | undefined;
  do {
    const page = await callTemporal(temporal, 'temporal.list-runs', () =>
      temporal.workflowService.listWorkflowExecutions({ namespace, query, ...(nextPageToken === undefined ? {} : { nextPageToken }) }),
    );
    for (const { execution, startTime } of page.executions) {
      open.push({ workflowId: execution?.workflowId ?? '', runId: execution?.runId ?? '', startedAt: Number(startTime?.seconds ?? 0) });
    }
    nextPageToken = page.nextPageToken;
  } while (nextPageToken.length > 0 && open.length < limit);
  return open.slice(0, limit);
}
