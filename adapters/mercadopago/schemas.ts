import { z } from 'zod';
import { moneyText } from '../../contract/money.ts';

/** An id that may come as a number or as text (facts/mercadopago.md, section 1); kept as digits. */
const digits = z.union([z.number().int().nonnegative(), z.string().regex(/^\d{1,20}$/)]).transform(String);

/** An amount that may come as a number or as text; kept as plain decimal text. */
const money = z.union([z.number(), z.string()]).transform((value, ctx) => {
  try {
    return moneyText(value);
  } catch {
    ctx.addIssue({ code: 'custom', message: 'not a decimal amount' });
    return z.NEVER;
  }
});

const orNull = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? null);
const reference = z
  .string()
  .nullish()
  .transform((value) => (value === undefined || value === '' ? null : value));

/**
 * `GET /v1/payments/{id}`: only what decides about a sale. `status` stays open text, so that a new one is an unknown status and
 * not a broken answer. `live_mode` and `collector_id` have no default: without them nothing may be provisioned.
 */
export const paymentSchema = z
  .object({
    id: digits,
    status: z.string().min(1).max(60),
    status_detail: orNull(z.string().max(120)),
    transaction_amount: money,
    transaction_amount_refunded: orNull(money),
    currency_id: z.string().regex(/^[A-Z]{3}$/),
    collector_id: digits,
    external_reference: reference,
    live_mode: z.boolean(),
    date_approved: orNull(z.string()),
    date_last_updated: orNull(z.string()),
  })
  .transform((raw) => ({
    id: raw.id,
    /** `pending`, `approved`, `authorized`, `in_process`, `in_mediation`, `rejected`, `cancelled`, `refunded`, `charged_back`. */
    status: raw.status,
    statusDetail: raw.status_detail,
    /** Decimal text. */
    amount: raw.transaction_amount,
    amountRefunded: raw.transaction_amount_refunded ?? '0',
    currency: raw.currency_id,
    collectorId: raw.collector_id,
    externalReference: raw.external_reference,
    liveMode: raw.live_mode,
    /** ISO 8601 with an offset, as Mercado Pago wrote it. */
    dateApproved: raw.date_approved,
    dateLastUpdated: raw.date_last_updated,
  }));
export type Payment = z.output<typeof paymentSchema>;

/** `GET /v1/payments/search`: its results are summaries, so a hit is only a hint that a payment should be read. */
export const searchSchema = z
  .object({
    paging: z.object({ total: z.number().int().nonnegative() }),
    results: z.array(z.object({ id: digits, status: z.string(), external_reference: reference, date_last_updated: orNull(z.string()) })),
  })
  .transform(({ paging, results }) => ({
    total: paging.total,
    hits: results.map((hit) => ({
      id: hit.id,
      status: hit.status,
      externalReference: hit.external_reference,
      dateLastUpdated: hit.date_last_updated,
    })),
  }));
export type PaymentSearch = z.output<typeof searchSchema>;

/** `POST /checkout/preferences`. */
export const preferenceSchema = z
  .object({ id: z.string().min(1).max(120), init_point: z.url({ protocol: /^https?$/ }) })
  .transform((raw) => ({ id: raw.id, initPoint: raw.init_point }));
export type Preference = z.output<typeof preferenceSchema>;

/** `POST` and `GET /v1/payments/{id}/refunds`. `in_process` is not yet money back. */
export const refundSchema = z
  .object({ id: digits, payment_id: digits, amount: money, status: z.string().min(1).max(60) })
  .transform((raw) => ({ id: raw.id, paymentId: raw.payment_id, amount: raw.amount, status: raw.status }));
export const refundsSchema = z.array(refundSchema);
export type Refund = z.output<typeof refundSchema>;

/** `POST /oauth/token`. `refresh_token` is there only with the scope `offline_access`; it works once. */
export const tokenSchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.number().int().positive(),
  user_id: digits,
  refresh_token: orNull(z.string().min(1)),
  public_key: orNull(z.string().min(1)),
  live_mode: orNull(z.boolean()),
  scope: orNull(z.string()),
});

/** `GET /users/me`. */
export const userSchema = z
  .object({ id: digits, nickname: orNull(z.string()), site_id: orNull(z.string()), country_id: orNull(z.string()) })
  .transform((raw) => ({ id: raw.id, nickname: raw.nickname, siteId: raw.site_id, countryId: raw.country_id }));
export type MpUser = z.output<typeof userSchema>;

/** The documented form of a refusal; `error` may be null, `status` text, `cause` empty (facts/mercadopago.md, section 4). */
export const refusalSchema = z.object({
  message: z.string().nullish(),
  error: z.string().nullish(),
  status: z.union([z.number(), z.string()]).nullish(),
  code: z.union([z.number(), z.string()]).nullish(),
  cause: z
    .array(z.object({ code: z.union([z.number(), z.string()]).nullish() }))
    .nullish()
    .catch(null),
});
