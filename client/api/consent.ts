import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { answerAuthorization } from '../../adapters/admin-db/index.ts';
import { AltaError } from '../../contract/errors.ts';
import { askForConsent, type ConsentAsk } from '../../adapters/ask-consent.ts';
import type { ApiDeps } from './deps.ts';
import { invalidInput } from './errors.ts';
import { operatorGate } from './operators.ts';

const text = z.string().min(1).max(1_000);
const answerSchema = z.object({
  state: z.string().regex(/^[A-Za-z0-9_-]{43}$/, 'is not one of ours'),
  code: text.optional(),
  error: text.optional(),
});
const askSchema = z.object({ accountId: z.uuid() });

const PAGE = {
  taken: 'Gracias: Mercado Pago se está conectando con tu tienda. / Obrigado: o Mercado Pago está sendo conectado à sua loja.\n',
  declined: 'Mercado Pago no se conectó: no diste la autorización. / O Mercado Pago não foi conectado: você não autorizou.\n',
};

/**
 * A seller's consent (OAuth with PKCE and state). `POST /accounts/:accountId/mercadopago/link` makes a link for a caller with an
 * operator's token, such as the platform's own dashboard. `GET /oauth/mercadopago` is where Mercado Pago sends the seller back to: the
 * code is sealed and stored, and a worker exchanges it, so that this page needs neither Mercado Pago nor Temporal.
 * Errors: UNAUTHORIZED, INPUT_INVALID (names the field), ACCOUNT_NOT_FOUND, CONFIG_INVALID.
 */
export function consentRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { db, vault, config, log } = deps;
  const operatorOf = config.ALTA_OPERATOR_TOKENS === undefined ? undefined : operatorGate(config.ALTA_OPERATOR_TOKENS);

  app.get(
    '/oauth/mercadopago',
    { schema: { summary: 'Where a seller comes back to from Mercado Pago', tags: ['credentials'] } },
    async (request, reply) => {
      void reply.header('cache-control', 'no-store').header('referrer-policy', 'no-referrer').type('text/plain; charset=utf-8');
      const parsed = answerSchema.safeParse(request.query);
      if (!parsed.success) throw invalidInput(parsed.error);
      const { state, code, error } = parsed.data;
      if (code === undefined) {
        if (error === undefined) throw new AltaError('INPUT_INVALID', 'code: is missing', { details: { field: 'code' } });
        return PAGE.declined;
      }
      const accountId = await answerAuthorization(db, vault, { state, code });
      log.info({ accountId }, 'a seller agreed; the code waits for its exchange');
      return PAGE.taken;
    },
  );

  if (operatorOf === undefined) return;
  app.post(
    '/accounts/:accountId/mercadopago/link',
    { schema: { summary: 'Makes a link on which a seller agrees', tags: ['credentials'] } },
    async (request, reply): Promise<ConsentAsk> => {
      const requestedBy = operatorOf(request, reply);
      const parsed = askSchema.safeParse(request.params);
      if (!parsed.success) throw invalidInput(parsed.error);
      void reply.header('cache-control', 'no-store').code(201);
      return askForConsent({ db, vault, config }, { accountId: parsed.data.accountId, requestedBy });
    },
  );
}
