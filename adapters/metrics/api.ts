import { Counter, Histogram, Registry } from 'prom-client';

/** Seconds; the target is an answer within some 10 ms, the limit is 5 s. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What the API counts. `route` is the pattern of the route, never the path that was asked for. */
export function apiMetrics() {
  const registry = new Registry();
  const registers = [registry];
  const webhookAcks = new Counter({
    name: 'alta_webhook_acks_total',
    help: 'Answered notifications, by HTTP status and reason: accepted, repeated, ignored, or why they were refused.',
    labelNames: ['status', 'reason'] as const,
    registers,
  });
  const webhookAckSeconds = new Histogram({
    name: 'alta_webhook_ack_seconds',
    help: 'Time from a notification’s arrival to its answer, by HTTP status.',
    labelNames: ['status'] as const,
    buckets: BUCKETS,
    registers,
  });
  const httpSeconds = new Histogram({
    name: 'alta_http_request_seconds',
    help: 'Time to answer a request, by method, route and HTTP status.',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: BUCKETS,
    registers,
  });
  for (const reason of ['accepted', 'repeated', 'ignored']) webhookAcks.inc({ status: '200', reason }, 0);
  return { registry, webhookAcks, webhookAckSeconds, httpSeconds };
}
export type ApiMetrics = ReturnType<typeof apiMetrics>;
