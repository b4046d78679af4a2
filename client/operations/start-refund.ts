import { WorkflowIdReusePolicy, type Client } from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import { REFUND_WORKFLOW, refundWorkflowId, taskQueue } from '../../contract/ids.ts';
import { SIGNAL_REFUND_CHANGED, type RefundInput } from '../../contract/refund.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import { signalOpenRun, startOrLook } from './runs.ts';

export interface RefundStartDeps {
  temporal: Client;
  config: Pick<Config, 'ALTA_QUEUE_PREFIX' | 'ALTA_REFUND_POLICY'>;
}

/**
 * Starts the workflow of one refund: one payment, one workflow. `running`: for this very intent; `closing`: a run of an earlier intent
 * has not quite ended. Throws TEMPORAL_UNAVAILABLE or INTERNAL.
 */
export async function startRefund(
  { temporal, config }: RefundStartDeps,
  { refundId, paymentId, accountId }: { refundId: string; paymentId: string; accountId: string | null },
): Promise<'started' | 'running' | 'closing'> {
  const workflowId = refundWorkflowId(paymentId);
  const input: RefundInput = { refundId, paymentId, policy: config.ALTA_REFUND_POLICY };
  const found = await startOrLook(temporal, 'refund', REFUND_WORKFLOW, {
    workflowId,
    taskQueue: taskQueue('provisioning', config.ALTA_QUEUE_PREFIX),
    args: [input],
    // A payment may be asked about again; that never two intents are open is the Admin DB's to hold.
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    typedSearchAttributes: [
      { key: SEARCH_ATTRIBUTES.state, value: 'Running' },
      ...(accountId === null ? [] : [{ key: SEARCH_ATTRIBUTES.account, value: accountId }]),
    ],
    memo: { refundId },
    staticSummary: 'gives the money of one payment back, at most once',
  });
  if (found === null) return 'started';
  return found.status.name === 'RUNNING' && found.memo?.['refundId'] === refundId ? 'running' : 'closing';
}

/** Has a running refund look at its row again. False when none is open. Throws TEMPORAL_UNAVAILABLE or INTERNAL. */
export const signalRefundChanged = ({ temporal }: Pick<RefundStartDeps, 'temporal'>, paymentId: string): Promise<boolean> =>
  signalOpenRun(temporal, refundWorkflowId(paymentId), SIGNAL_REFUND_CHANGED);
