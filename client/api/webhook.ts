import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { type Accepted, acceptDeauthorization, acceptNotification, acceptOrderNotification } from '../../adapters/admin-db/index.ts';
import { now } from '../../adapters/clock.ts';
import { parseNotification, verifySignature } from '../../adapters/mercadopago/index.ts';
import { traced } from '../../adapters/trace.ts';
import { AltaError } from '../../contract/errors.ts';
import type { ApiDeps } from './deps.ts';
import { measureWebhooks } from './metrics.ts';

/** Longest webhook body, bytes. A real notification has some three hundred. */
export const WEBHOOK_BODY_LIMIT = 64 * 1024;
/** Where buyers' payments to one store are told of; only where the minimal shop is served. */
const STORE_PATH = '/stores/:accountId/webhooks/mercadopago';
const PATHS = ['/webhooks/mercadopago', '/onboarding/checkout/webhook'] as const;

/**
 * Takes in Mercado Pago's notifications (law 1): verify, write inbox and outbox in one statement, answer 200. The body is not
 * signed, so nothing in it is believed; the relay reads the payment back. Answers 401 to a bad signature and 400 to a
 * malformed notification, writing nothing; 503 while the Admin DB is away, so that Mercado Pago sends it again.
 * Legacy `topic` + `id` calls are unsigned and other topics are not ours: 200, so that they are not sent again.
 */
export function webhookRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { db, config, log } = deps;
  const answered = measureWebhooks(app, deps.apiMetrics);

  /** `accountId`: of the store that a buyer paid; without it the payment is the platform's own. */
  const receive = async (request: FastifyRequest, reply: FastifyReply, accountId?: string): Promise<{ status: string }> => {
    const notification = parseNotification({
      query: request.query as Record<string, unknown>,
      headers: request.headers,
      body: request.body,
    });
    if (notification.kind === 'ignored') {
      log.info({ topic: notification.topic, reason: notification.reason }, 'notification ignored');
      answered(request, 'ignored');
      return { status: 'ignored' };
    }
    if (notification.kind === 'invalid') throw new AltaError('NOTIFICATION_INVALID', notification.reason);
    const requestId = request.headers['x-request-id'];
    const verdict = verifySignature({
      xSignature: request.headers['x-signature'],
      xRequestId: requestId,
      dataId: notification.dataId,
      secrets: config.MP_WEBHOOK_SECRETS,
      now: now(),
      maxAgeMs: config.WEBHOOK_MAX_AGE_MS,
      maxFutureMs: config.WEBHOOK_MAX_FUTURE_MS,
    });
    if (!verdict.ok)
      throw new AltaError('SIGNATURE_INVALID', `signature refused: ${verdict.reason}`, { details: { reason: verdict.reason } });

    const delivery = {
      deliveryKey: notification.deliveryKey,
      action: notification.action,
      requestId: requestId === undefined ? null : String(requestId),
      secretId: verdict.secretId,
      skewMs: verdict.skewMs,
    };
    const accept = (): Promise<Accepted> => {
      if (notification.kind === 'deauthorized')
        return acceptDeauthorization(db, { ...delivery, topic: 'mp-connect', sellerId: notification.userId });
      const payment = { ...delivery, topic: 'payment', paymentId: notification.dataId };
      return accountId === undefined ? acceptNotification(db, payment) : acceptOrderNotification(db, { ...payment, accountId });
    };
    const { inboxId, first } = await accept();
    const about = notification.kind === 'deauthorized' ? { sellerId: notification.userId } : { paymentId: notification.dataId };
    log.info({ inboxId, ...about, first, action: notification.action, skewMs: verdict.skewMs }, 'notification accepted');
    void reply.code(200);
    const status = first ? 'accepted' : 'repeated';
    answered(request, status);
    return { status };
  };

  // The body is kept as bytes: its ids have up to 64 bits, and older calls are forms that only need a polite answer.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  for (const path of PATHS) {
    app.post(path, { bodyLimit: WEBHOOK_BODY_LIMIT, config: { rateLimit: false }, schema: webhookDocs }, (request, reply) =>
      traced(`POST ${path}`, () => receive(request, reply), {
        kind: 'server',
        attributes: { 'http.route': path, 'http.request.method': 'POST' },
      }),
    );
  }
  if (!config.ALTA_STOREFRONT) return;
  app.post<{ Params: { accountId: string } }>(
    STORE_PATH,
    { bodyLimit: WEBHOOK_BODY_LIMIT, config: { rateLimit: false }, schema: webhookDocs },
    (request, reply) => {
      const account = z.uuid().safeParse(request.params.accountId);
      if (!account.success) throw new AltaError('INPUT_INVALID', 'accountId: is not an id', { details: { field: 'accountId' } });
      return traced(`POST ${STORE_PATH}`, () => receive(request, reply, account.data), {
        kind: 'server',
        attributes: { 'http.route': STORE_PATH, 'http.request.method': 'POST' },
      });
    },
  );
}

const webhookDocs = {
  summary: 'Takes in a Mercado Pago notification',
  tags: ['webhooks'],
  querystring: { type: 'object', properties: { 'data.id': { type: 'string' }, type: { type: 'string' } } },
} as const;
