import {
  type Client,
  WorkflowExecutionAlreadyStartedError,
  WorkflowIdConflictPolicy,
  WorkflowIdReusePolicy,
  WorkflowNotFoundError,
} from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import { ONBOARDING_WORKFLOW, onboardingWorkflowId, taskQueue } from '../../contract/ids.ts';
import { SIGNAL_PAYMENT_CHANGED, type OnboardingInput, type PaymentChanged } from '../../contract/onboarding.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { callTemporal } from '../temporal.ts';

export interface StartDeps {
  temporal: Client;
  config: Pick<Config, 'ALTA_QUEUE_PREFIX' | 'ALTA_ONBOARDING_POLICY'>;
}

/**
 * What a start found: `started` now; `running` for this very job; `completed` before; `closing`: a run of an earlier job has not
 * quite ended, look again soon.
 */
export type StartOutcome = 'started' | 'running' | 'completed' | 'closing';

/**
 * Starts the onboarding of an account, once (P-111): only a run that failed may be followed by another under the same id. An
 * "already started" is never believed before it was looked at. Throws TEMPORAL_UNAVAILABLE or INTERNAL.
 */
export async function startOnboarding(
  { temporal, config }: StartDeps,
  { accountId, jobId, paymentId }: { accountId: string; jobId: string; paymentId: string },
): Promise<StartOutcome> {
  const workflowId = onboardingWorkflowId(accountId);
  const input: OnboardingInput = { accountId, jobId, paymentId, policy: config.ALTA_ONBOARDING_POLICY };
  try {
    await callTemporal(temporal, 'temporal.start-onboarding', () =>
      temporal.workflow.start(ONBOARDING_WORKFLOW, {
        workflowId,
        taskQueue: taskQueue('provisioning', config.ALTA_QUEUE_PREFIX),
        args: [input],
        workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
        workflowIdConflictPolicy: WorkflowIdConflictPolicy.FAIL,
        typedSearchAttributes: [
          { key: SEARCH_ATTRIBUTES.state, value: 'Running' },
          { key: SEARCH_ATTRIBUTES.account, value: accountId },
        ],
        // Tells which job a run works for without asking a worker.
        memo: { jobId, paymentId },
        // A killed worker's run goes on after this long; local tries keep their task alive by themselves.
        workflowTaskTimeout: '5 seconds',
        staticSummary: 'makes one store out of one paid order',
      }),
    );
    return 'started';
  } catch (error) {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
  }
  const found = await callTemporal(temporal, 'temporal.describe-onboarding', () => temporal.workflow.getHandle(workflowId).describe());
  if (found.status.name === 'COMPLETED') return 'completed';
  return found.status.name === 'RUNNING' && found.memo?.['jobId'] === jobId ? 'running' : 'closing';
}

/** Tells a running onboarding to read its payment again. False when no run is open. Throws TEMPORAL_UNAVAILABLE or INTERNAL. */
export async function signalPaymentChanged(
  { temporal }: Pick<StartDeps, 'temporal'>,
  accountId: string,
  news: PaymentChanged,
): Promise<boolean> {
  try {
    await callTemporal(temporal, 'temporal.signal-payment-changed', () =>
      temporal.workflow.getHandle(onboardingWorkflowId(accountId)).signal(SIGNAL_PAYMENT_CHANGED, news),
    );
    return true;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}

/** Whether a run is open under this id. Throws TEMPORAL_UNAVAILABLE or INTERNAL. */
export async function isRunning(temporal: Client, workflowId: string): Promise<boolean> {
  try {
    const { status } = await callTemporal(temporal, 'temporal.describe-onboarding', () =>
      temporal.workflow.getHandle(workflowId).describe(),
    );
    return status.name === 'RUNNING';
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return false;
    throw error;
  }
}
