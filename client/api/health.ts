import type { FastifyInstance } from 'fastify';
import type { ApiDeps } from './deps.ts';

/**
 * `/healthz`: the process runs. `/readyz`: it can take payments, which needs the Admin DB and nothing else: a webhook is
 * answered while Temporal, the clusters and Mercado Pago are down.
 */
export function healthRoutes(app: FastifyInstance, { db }: ApiDeps): void {
  app.get('/healthz', { schema: { hide: true }, config: { rateLimit: false } }, () => ({ status: 'ok' }));

  app.get('/readyz', { schema: { hide: true }, config: { rateLimit: false } }, async () => {
    await db.query({ name: 'admin-db.ready', text: 'select 1', values: [] });
    return { status: 'ready' };
  });
}
