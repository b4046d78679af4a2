import { proxyActivities, setWorkflowOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { ConfirmOrderInput, ConfirmOrderResult } from '../contract/shop.ts';
import { pinned } from './versioning.ts';

const { 'confirm-order': confirm } = proxyActivities<Activities>({
  startToCloseTimeout: '30 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes' },
  summary: "read a buyer's payment back and confirm its order",
});

/** Confirms the order that a buyer's payment pays. It is tried until Mercado Pago and the cluster have answered. */
export async function confirmOrder(input: ConfirmOrderInput): Promise<ConfirmOrderResult> {
  return confirm(input);
}

setWorkflowOptions(pinned, confirmOrder);
