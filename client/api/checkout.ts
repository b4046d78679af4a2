import { createHash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { findSameForm, loadPlan, openDraft, planPrice, reserveSlug, saveOnboarding } from '../../adapters/admin-db/index.ts';
import { checkoutSchema, type CheckoutAnswer, type CheckoutRequest } from '../../contract/checkout.ts';
import type { ApiDeps } from './deps.ts';
import { invalidInput } from './errors.ts';
import { refuseUnreadable } from './readable.ts';

/** Longest checkout body, bytes: a logo of 256 KiB in base64 and a catalogue. */
export const CHECKOUT_BODY_LIMIT = 1024 * 1024;

/**
 * Opens an onboarding (P-100): writes the draft, reserves its slug and answers with the payment link. Sending it again with the
 * `accountId` of the answer corrects the draft; the same form without it, of a customer whom no answer reached, goes on with its draft.
 * The same order gets the same preference.
 * Errors: INPUT_INVALID (names the field), PLAN_NOT_FOUND, SLUG_TAKEN, ACCOUNT_STATE_INVALID, MP_*; after an MP failure
 * the draft stands and the customer sends the form again.
 */
export async function checkout({ db, mp, config }: ApiDeps, request: CheckoutRequest): Promise<CheckoutAnswer> {
  const { accountId, amount, currency } = await db.tx('admin-db.checkout', async (tx) => {
    const plan = await loadPlan(tx, request.planKey);
    const before = request.accountId ?? (await findSameForm(tx, request));
    const draft = await openDraft(tx, before === null ? request : { ...request, accountId: before }, plan);
    await reserveSlug(tx, request.slug, draft.accountId, config.SLUG_RESERVATION_SECONDS);
    await saveOnboarding(tx, draft.accountId, request);
    return { ...draft, amount: planPrice(plan, request.billingPeriod), currency: plan.currency };
  });
  const order = {
    title: `${request.planKey} (${request.billingPeriod})`,
    amount,
    currency,
    externalReference: accountId,
    notificationUrl: new URL('/webhooks/mercadopago', config.PUBLIC_URL).href,
  };
  const preference = await mp.createPreference({ ...order, idempotencyKey: orderKey(order) });
  return { accountId, slug: request.slug, preferenceId: preference.id, initPoint: preference.initPoint, amount, currency };
}

/** The same order asks for the same preference, a changed one for another. */
const orderKey = (order: object): string => createHash('sha256').update(JSON.stringify(order)).digest('hex').slice(0, 40);

export function checkoutRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const docs = {
    summary: 'Opens an onboarding',
    tags: ['onboarding'],
    body: z.toJSONSchema(checkoutSchema, { io: 'input', unrepresentable: 'any' }),
  };
  app.post('/onboarding/checkout', { bodyLimit: CHECKOUT_BODY_LIMIT, schema: docs }, async (request, reply) => {
    const parsed = checkoutSchema.safeParse(request.body ?? {});
    if (!parsed.success) throw invalidInput(parsed.error);
    refuseUnreadable(parsed.data);
    const answer = await checkout(deps, parsed.data);
    return reply.code(201).send(answer);
  });
}
