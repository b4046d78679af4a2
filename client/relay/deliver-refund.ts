import { AltaError } from '../../contract/errors.ts';
import { refundEventSchema } from '../../contract/outbox.ts';
import { signalRefundChanged, startRefund } from '../operations/start-refund.ts';
import type { Deliver } from './deps.ts';

/**
 * Starts the workflow of a refund, or tells it that its row was changed. A second delivery finds the run, or starts one that reads the
 * ended row and ends.
 */
export const deliverRefund: Deliver = async (deps, row) => {
  const parsed = refundEventSchema.safeParse(row.payload);
  if (!parsed.success) throw new AltaError('INPUT_INVALID', `outbox ${row.eventKey}: not an event of a refund`);
  const { type, refundId, paymentId } = parsed.data;
  if (type === 'refund.changed') await signalRefundChanged(deps, paymentId);
  else if ((await startRefund(deps, { refundId, paymentId, accountId: row.accountId })) === 'closing')
    throw new AltaError('TEMPORAL_UNAVAILABLE', `payment ${paymentId}: an earlier run of its refund is just ending`, {
      retryAfterMs: 1_000,
    });
  return {};
};
