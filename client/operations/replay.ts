import { fileURLToPath } from 'node:url';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { dataConverter, type DataConverterConfig } from '../../adapters/temporal/index.ts';
import { AltaError } from '../../contract/errors.ts';
import { callTemporal } from '../temporal.ts';

/** The code that runs today. */
const WORKFLOWS_PATH = fileURLToPath(new URL('../../workflows/index.ts', import.meta.url));
/** A long history takes a while to fetch, ms. */
const FETCH_TIMEOUT_MS = 60_000;

export interface ReplayReport {
  workflowId: string;
  workflowType: string;
  events: number;
  /** Whether today's code takes the same decisions. */
  same: boolean;
  /** Where it differs, in the SDK's words. */
  difference: string | null;
}

/**
 * Fetches the history of a run and replays it on today's workflow code, without doing anything. It needs no worker. Errors: NOT_FOUND,
 * TEMPORAL_UNAVAILABLE. Temporal's worker library is loaded here and only here, because it is large.
 */
export async function replayWorkflow(
  temporal: Client,
  config: DataConverterConfig,
  workflowId: string,
  runId?: string,
): Promise<ReplayReport> {
  const handle = temporal.workflow.getHandle(workflowId, runId);
  let history: Awaited<ReturnType<typeof handle.fetchHistory>>;
  try {
    history = await callTemporal(temporal, 'temporal.fetch-history', () => handle.fetchHistory(), FETCH_TIMEOUT_MS);
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw new AltaError('NOT_FOUND', `no run of ${workflowId} is kept`, { cause: error });
    throw error;
  }
  const events = history.events ?? [];
  const report = {
    workflowId,
    workflowType: events[0]?.workflowExecutionStartedEventAttributes?.workflowType?.name ?? 'unknown',
    events: events.length,
  };
  const { Worker } = await import('@temporalio/worker');
  try {
    await Worker.runReplayHistory({ workflowsPath: WORKFLOWS_PATH, dataConverter: dataConverter(config) }, history, workflowId);
    return { ...report, same: true, difference: null };
  } catch (error) {
    return { ...report, same: false, difference: error instanceof Error ? error.message : String(error) };
  }
}
