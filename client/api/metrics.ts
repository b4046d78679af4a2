import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ApiMetrics } from '../../adapters/metrics/index.ts';
import { toAltaError } from './errors.ts';

/** Counts every answer of the API by its route's pattern; what matches no route is one series, whatever was asked for. */
export function measureHttp(app: FastifyInstance, metrics: ApiMetrics): void {
  app.addHook('onResponse', (request, reply, done) => {
    const labels = { method: request.method, route: request.routeOptions.url ?? 'none', status: String(reply.statusCode) };
    metrics.httpSeconds.observe(labels, reply.elapsedTime / 1_000);
    done();
  });
}

/**
 * Counts the answers to notifications, with the reason of each. Returns what a handler calls with its own word for a success; a
 * refusal is told by its code, and by the check that failed where the code has several.
 */
export function measureWebhooks(
  routes: FastifyInstance,
  metrics: ApiMetrics | undefined,
): (request: FastifyRequest, reason: string) => void {
  if (metrics === undefined) return () => undefined;
  const reasons = new WeakMap<FastifyRequest, string>();
  routes.addHook('onError', (request, _reply, error, done) => {
    const { code, details } = toAltaError(error);
    const reason = details['reason'];
    reasons.set(request, typeof reason === 'string' ? `${code}:${reason}` : code);
    done();
  });
  routes.addHook('onResponse', (request, reply, done) => {
    const status = String(reply.statusCode);
    metrics.webhookAcks.inc({ status, reason: reasons.get(request) ?? 'none' });
    metrics.webhookAckSeconds.observe({ status }, reply.elapsedTime / 1_000);
    done();
  });
  return (request, reason) => void reasons.set(request, reason);
}
