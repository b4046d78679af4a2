import { meters } from './meters.ts';

/** Seconds; the target is an answer within some 10 ms, the limit is 5 s. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What the API counts. `route` is the pattern of the route, never the path that was asked for. */
export function apiMetrics() {
  const { registry, counter, histogram } = meters(BUCKETS);
  const webhookAcks = counter(
    'alta_webhook_acks_total',
    'Answered notifications, by HTTP status and reason: accepted, repeated, ignored, or why they were refused.',
    'status',
    'reason',
  );
  const webhookAckSeconds = histogram(
    'alta_webhook_ack_seconds',
    'Time from a notification’s arrival to its answer, by HTTP status.',
    'status',
  );
  const httpSeconds = histogram(
    'alta_http_request_seconds',
    'Time to answer a request, by method, route and HTTP status.',
    'method',
    'route',
    'status',
  );
  const notConfigured = counter(
    'alta_checkout_mp_not_configured_total',
    'Checkouts of buyers that failed because neither cluster nor Admin DB held the merchant’s Mercado Pago credentials (P-607).',
  );
  for (const reason of ['accepted', 'repeated', 'ignored']) webhookAcks.inc({ status: '200', reason }, 0);
  return { registry, webhookAcks, webhookAckSeconds, httpSeconds, notConfigured };
}
export type ApiMetrics = ReturnType<typeof apiMetrics>;
