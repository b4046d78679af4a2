import { eventually } from './eventually.ts';
import type { World } from './world.ts';

/** Changes a payment at Mercado Pago and waits until the run of its order was told. */
export async function reversePayment({ simulator, sql }: World, paymentId: string, status: string): Promise<void> {
  await simulator.control.setStatus(paymentId, status);
  await eventually(
    async () =>
      (
        await sql(
          `select 1 from webhook_inbox where payment_id = $1 and result like '%running onboarding was told' and payment_status = $2`,
          [paymentId, status],
        )
      ).length > 0,
    `a run that was told of ${status}`,
  );
}

/** Waits until every outbox row is delivered, dead or given up. */
export const drainedOutbox = ({ sql }: World): Promise<unknown> =>
  eventually(
    async () => (await sql(`select 1 from outbox where status in ('pending', 'processing')`)).length === 0,
    'a drained outbox',
    120_000,
  );
