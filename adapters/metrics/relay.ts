import { OUTBOX_TARGETS } from '../../contract/outbox.ts';
import { meters } from './meters.ts';

/** Seconds; a delivery is a read at Mercado Pago, a few statements and one call to Temporal. */
const BUCKETS = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** How one delivery can come out; `lost`: it happened, but its claim had run out, so somebody else marks the row. */
export const DELIVERY_OUTCOMES = ['delivered', 'lost', 'release', 'retry', 'fail'] as const;
export type DeliveryOutcome = (typeof DELIVERY_OUTCOMES)[number];

/** What the relay counts of its own work. */
export function relayMetrics() {
  const { registry, counter, histogram } = meters(BUCKETS);
  const deliveries = counter(
    'alta_relay_deliveries_total',
    'Tried deliveries of outbox rows, by target and outcome: delivered, lost, release (pushback), retry, fail (dead letter).',
    'target',
    'outcome',
  );
  const deliverySeconds = histogram('alta_relay_delivery_seconds', 'Duration of one tried delivery, by target.', 'target');
  const claimFailures = counter(
    'alta_relay_claim_failures_total',
    'Times that the outbox could not be claimed from: the Admin DB was away.',
  );
  for (const target of OUTBOX_TARGETS) for (const outcome of DELIVERY_OUTCOMES) deliveries.inc({ target, outcome }, 0);
  return { registry, deliveries, deliverySeconds, claimFailures };
}
export type RelayMetrics = ReturnType<typeof relayMetrics>;
