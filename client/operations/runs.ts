import {
  type Client,
  type WorkflowExecutionDescription,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowNotFoundError,
  type WorkflowStartOptions,
} from '@temporalio/client';
import { callTemporal } from '../temporal.ts';

/**
 * Starts a run under its business id, or gives what stands there in its stead: an "already started" is never believed before it was
 * looked at. Null: it was started now. `name` is what its calls are called, such as `onboarding`. Throws TEMPORAL_UNAVAILABLE or INTERNAL.
 */
export async function startOrLook(
  temporal: Client,
  name: string,
  workflow: string,
  options: WorkflowStartOptions,
): Promise<WorkflowExecutionDescription | null> {
  try {
    await callTemporal(temporal, `temporal.start-${name}`, () =>
      temporal.workflow.start(workflow, { ...options, workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL }),
    );
    return null;
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  return callTemporal(temporal, `temporal.describe-${name}`, () => temporal.workflow.getHandle(options.workflowId).describe());
}

/** Sends a signal to the open run under an id. False when none is open. Throws TEMPORAL_UNAVAILABLE or INTERNAL. */
export const signalOpenRun = (temporal: Client, workflowId: string, signal: string, ...args: unknown[]): Promise<boolean> =>
  unlessMissing(async () => {
    await callTemporal(temporal, `temporal.signal-${signal}`, () => temporal.workflow.getHandle(workflowId).signal(signal, ...args));
    return true;
  });

/** Whether a run is open under this id. Throws TEMPORAL_UNAVAILABLE or INTERNAL. */
export const isRunning = (temporal: Client, workflowId: string): Promise<boolean> =>
  unlessMissing(async () => {
    const { status } = await callTemporal(temporal, 'temporal.describe-onboarding', () =>
      temporal.workflow.getHandle(workflowId).describe(),
    );
    return status.name === 'RUNNING';
  });

async function unlessMissing(act: () => Promise<boolean>): Promise<boolean> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
