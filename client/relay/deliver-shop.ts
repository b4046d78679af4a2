import { WorkflowIdReusePolicy } from '@temporalio/client';
import { AltaError } from '../../contract/errors.ts';
import { CONFIRM_ORDER_WORKFLOW, confirmOrderWorkflowId, taskQueue } from '../../contract/ids.ts';
import { orderNotifiedSchema } from '../../contract/outbox.ts';
import { SEARCH_ATTRIBUTES } from '../../contract/search-attributes.ts';
import type { ConfirmOrderInput } from '../../contract/shop.ts';
import { startOrLook } from '../operations/runs.ts';
import type { Deliver } from './deps.ts';

/** Starts the look at a buyer's payment; one that is under way must end first, since it may have read the payment before this news. */
export const deliverShop: Deliver = async ({ temporal, config }, row) => {
  const parsed = orderNotifiedSchema.safeParse(row.payload);
  if (!parsed.success) throw new AltaError('INPUT_INVALID', `outbox ${row.eventKey}: not a buyer's payment`);
  const { inboxId, accountId, paymentId } = parsed.data;
  const underWay = await startOrLook(temporal, 'confirm-order', CONFIRM_ORDER_WORKFLOW, {
    workflowId: confirmOrderWorkflowId(accountId, paymentId),
    taskQueue: taskQueue('accounts', config.ALTA_QUEUE_PREFIX),
    args: [{ accountId, paymentId } satisfies ConfirmOrderInput],
    workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
    typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.account, value: accountId }],
    staticSummary: "confirms a buyer's order",
  });
  if (underWay !== null)
    throw new AltaError('TEMPORAL_UNAVAILABLE', `payment ${paymentId}: an earlier look at it is under way`, { retryAfterMs: 2_000 });
  return { inbox: { inboxId, settlement: { status: 'processed', result: "the buyer's payment is looked at" } } };
};
