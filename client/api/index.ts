import helmet from '@fastify/helmet';
import rateLimit from '@fastify/rate-limit';
import swagger from '@fastify/swagger';
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import { AltaError } from '../../contract/errors.ts';
import { checkoutRoutes } from './checkout.ts';
import { codecRoutes } from './codec.ts';
import { consentRoutes } from './consent.ts';
import type { ApiDeps } from './deps.ts';
import { answerError } from './errors.ts';
import { healthRoutes } from './health.ts';
import { measureHttp } from './metrics.ts';
import { shopRoutes } from './shop.ts';
import { storeRoutes } from './stores.ts';
import { webhookRoutes } from './webhook.ts';

export type { ApiDeps } from './deps.ts';

/** Time to receive a whole request, ms: Mercado Pago gives up after 22 s, on retries after 5 s. */
const REQUEST_TIMEOUT_MS = 15_000;
/** Time to receive the headers, ms. */
const HEADERS_TIMEOUT_MS = 5_000;
/** Longest silence on an open connection, ms. */
const CONNECTION_TIMEOUT_MS = 30_000;
/** How long an idle connection is kept for the next request, ms: longer than usual load balancers keep theirs (60 s). */
const KEEP_ALIVE_MS = 65_000;
/** Longest body of any route that sets no limit of its own, bytes. */
const BODY_LIMIT = 64 * 1024;
/** Requests a minute from one address, webhooks and probes excepted. */
const RATE_PER_MINUTE = 300;

/**
 * The public HTTP interface: webhooks, checkout, a seller's consent, stores by slug, probes and `/openapi.json`. Nothing else is public (P-615):
 * operators use the CLI or the typed client; the codec endpoint lets nobody else in. Every refusal is an `ErrorAnswer` with a code of the error table.
 */
export async function buildApi(deps: ApiDeps): Promise<FastifyInstance> {
  const log: FastifyBaseLogger = deps.log;
  const app = fastify({
    loggerInstance: log,
    logController: new LogController({ disableRequestLogging: true }),
    requestTimeout: REQUEST_TIMEOUT_MS,
    connectionTimeout: CONNECTION_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: HEADERS_TIMEOUT_MS },
    bodyLimit: BODY_LIMIT,
    routerOptions: { maxParamLength: 300 },
    forceCloseConnections: 'idle',
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  });
  // Bodies are checked by the contract's zod schemas in the handlers; the routes' JSON schemas are documentation.
  app.setValidatorCompiler(() => (value: unknown) => ({ value }));
  app.setErrorHandler(answerError(deps.log));
  app.setNotFoundHandler(() => {
    throw new AltaError('NOT_FOUND', 'no such route');
  });

  if (deps.apiMetrics !== undefined) measureHttp(app, deps.apiMetrics);
  await app.register(helmet);
  await app.register(rateLimit, { max: deps.ratePerMinute ?? RATE_PER_MINUTE, timeWindow: 60_000 });
  await app.register(swagger, { openapi: { openapi: '3.1.0', info: { title: 'Alta', version: '1' } } });
  await app.register((routes, _options, done) => {
    webhookRoutes(routes, deps);
    done();
  });
  await app.register((routes) => codecRoutes(routes, deps));
  await app.register((routes, _options, done) => {
    checkoutRoutes(routes, deps);
    consentRoutes(routes, deps);
    storeRoutes(routes, deps);
    shopRoutes(routes, deps);
    healthRoutes(routes, deps);
    done();
  });
  app.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
  return app;
}
