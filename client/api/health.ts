import type { FastifyInstance } from 'fastify';
import { adminDbAnswers, readinessOf } from '../../adapters/probes.ts';
import type { ApiDeps } from './deps.ts';

/**
 * `/livez`: the process runs; `/healthz` is its older name. `/readyz`: it can take payments, which needs the Admin DB and nothing else:
 * a webhook is answered while Temporal, the clusters and Mercado Pago are down (law 1). It answers as the other processes' probes do.
 */
export function healthRoutes(app: FastifyInstance, { db }: ApiDeps): void {
  const options = { schema: { hide: true }, config: { rateLimit: false as const } };
  for (const path of ['/livez', '/healthz']) app.get(path, options, () => ({ live: true }));

  app.get('/readyz', options, async (_request, reply) => {
    const found = await readinessOf([adminDbAnswers(db)]);
    return reply.code(found.ready ? 200 : 503).send(found);
  });
}
