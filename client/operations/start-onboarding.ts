import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import { ONBOARDING_WORKFLOW, onboardingWorkflowId, taskQueue } from '../../contract/ids.ts';
import { SIGNAL_PAYMENT_CHANGED, type OnboardingInput, type PaymentChanged } from '../../contract/onboarding.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { signalOpenRun, startOrLook } from './runs.ts';

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
 * Starts the onboarding of an account, once (P-111): only a run that failed may be followed by another under the same id.
 * Throws TEMPORAL_UNAVAILABLE or INTERNAL.
 */
export async function startOnboarding(
  { temporal, config }: StartDeps,
  { accountId, jobId, paymentId }: { accountId: string; jobId: string; paymentId: string },
): Promise<StartOutcome> {
  const workflowId = onboardingWorkflowId(accountId);
  const input: OnboardingInput = { accountId, jobId, paymentId, policy: config.ALTA_ONBOARDING_POLICY };
  const found = await startOrLook(temporal, 'onboarding', ONBOARDING_WORKFLOW, {
    workflowId,
    taskQueue: taskQueue('provisioning', config.ALTA_QUEUE_PREFIX),
    args: [input],
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.state, value: 'Running' },
      { key: SEARCH_ATTRIBUTES.account, value: accountId },
    ],
    // Tells which job a run works for without asking a worker.
    memo: { jobId, paymentId },
    // A killed worker's run goes on after this long; local tries keep their task alive by themselves.
    workflowTaskTimeout: '5 seconds',
    staticSummary: 'makes one store out of one paid order',
  });
  if (found === null) return 'started';
  if (found.status.name === 'COMPLETED') return 'completed';
  return found.status.name === 'RUNNING' && found.memo?.['jobId'] === jobId ? 'running' : 'closing';
}

/** Tells a running onboarding to read its payment again. False when no run is open. Throws TEMPORAL_UNAVAILABLE or INTERNAL. */
export const signalPaymentChanged = (
  { temporal }: Pick<StartDeps, 'temporal'>,
  accountId: string,
  news: PaymentChanged,
): Promise<boolean> => signalOpenRun(temporal, onboardingWorkflowId(accountId), SIGNAL_PAYMENT_CHANGED, news);
