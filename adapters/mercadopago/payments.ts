import { AltaError } from '../../contract/errors.ts';
import { toMicros } from '../../contract/money.ts';
import { effect } from '../effect.ts';
import { badAnswer } from './errors.ts';
import type { Send } from './http.ts';
import {
  type Payment,
  type PaymentSearch,
  type Preference,
  type Refund,
  paymentSchema,
  preferenceSchema,
  refundSchema,
  refundsSchema,
  searchSchema,
} from './schemas.ts';

export interface PaymentQuery {
  externalReference?: string;
  /** Bounds of `date_last_updated`; either may be left open. */
  since?: Date;
  until?: Date;
  offset?: number;
  /** At most 50. */
  limit?: number;
}

export interface PreferenceRequest {
  title: string;
  /** Decimal text. */
  amount: string;
  currency: string;
  externalReference: string;
  notificationUrl: string;
  /** Where the buyer is led after paying. */
  backUrl?: string;
  idempotencyKey: string;
}

export interface RefundRequest {
  /** Decimal text; left out, everything that is left of the payment. */
  amount?: string;
  /** The id of the refund's intent, stored before the call: the same key never refunds twice. */
  idempotencyKey: string;
}

/** Guards the path: an id is digits, nothing else reaches the URL. */
function idPath(id: string): string {
  if (!/^\d{1,20}$/.test(id)) throw new AltaError('INPUT_INVALID', 'a Mercado Pago id has 1 to 20 digits');
  return id;
}

/** Mercado Pago wants a JSON number: whole cents below 10^12 survive the way through one exactly. */
function amountNumber(amount: string): number {
  const fine = /^\d{1,12}(\.\d{1,6})?$/.test(amount) && toMicros(amount) > 0n && toMicros(amount) % 10_000n === 0n;
  if (!fine) throw new AltaError('INPUT_INVALID', 'an amount is positive decimal text with at most two decimals');
  return Number(amount);
}

/** Payments, preferences and refunds of one Mercado Pago account. */
export function paymentCalls(send: Send, token: string) {
  return {
    /** Reads one payment, which is what decides (law 1). PAYMENT_NOT_FOUND only on Mercado Pago's own documented 404. */
    async getPayment(id: string, signal?: AbortSignal): Promise<Payment> {
      const path = `/v1/payments/${idPath(id)}`;
      const call = {
        name: 'get payment',
        writes: false,
        notFound: 'PAYMENT_NOT_FOUND',
        method: 'GET',
        path,
        token,
        schema: paymentSchema,
        signal,
      } as const;
      const payment = await effect('mercadopago.get-payment', () => send(call));
      if (payment.id !== id) throw badAnswer(call, 'another payment than the one asked for');
      return payment;
    },

    /** One page of payments, oldest change first. Hits are summaries: read each payment before acting on it. */
    async searchPayments(query: PaymentQuery, signal?: AbortSignal): Promise<PaymentSearch> {
      const ranged = query.since !== undefined || query.until !== undefined;
      const params = {
        external_reference: query.externalReference,
        sort: 'date_last_updated',
        criteria: 'asc',
        // A range needs both bounds; NOW is Mercado Pago's own anchor.
        ...(ranged
          ? {
              range: 'date_last_updated',
              begin_date: (query.since ?? new Date(0)).toISOString(),
              end_date: query.until?.toISOString() ?? 'NOW',
            }
          : {}),
        offset: String(query.offset ?? 0),
        limit: String(Math.min(query.limit ?? 50, 50)),
      };
      const call = {
        name: 'search payments',
        writes: false,
        method: 'GET',
        path: '/v1/payments/search',
        query: params,
        token,
        schema: searchSchema,
        signal,
      } as const;
      return effect('mercadopago.search-payments', () => send(call));
    },

    /** Makes the payment link of one order. */
    async createPreference(request: PreferenceRequest, signal?: AbortSignal): Promise<Preference> {
      const body = {
        items: [{ title: request.title, quantity: 1, unit_price: amountNumber(request.amount), currency_id: request.currency }],
        external_reference: request.externalReference,
        notification_url: request.notificationUrl,
        ...(request.backUrl === undefined
          ? {}
          : { back_urls: { success: request.backUrl, pending: request.backUrl, failure: request.backUrl } }),
      };
      const { idempotencyKey } = request;
      const call = {
        name: 'create preference',
        writes: true,
        method: 'POST',
        path: '/checkout/preferences',
        body,
        token,
        idempotencyKey,
        schema: preferenceSchema,
        signal,
      } as const;
      return effect('mercadopago.create-preference', () => send(call));
    },

    /**
     * Gives money back. Repeating it with the same key is safe for as long as Mercado Pago keeps keys, which is unknown: read the
     * payment before issuing it anew. A result `in_process` or `rejected` is not money back yet.
     */
    async refundPayment(id: string, request: RefundRequest, signal?: AbortSignal): Promise<Refund> {
      const path = `/v1/payments/${idPath(id)}/refunds`;
      const body = request.amount === undefined ? {} : { amount: amountNumber(request.amount) };
      const { idempotencyKey } = request;
      if (idempotencyKey.trim() === '') throw new AltaError('INPUT_INVALID', 'a refund needs an idempotency key');
      const call = {
        name: 'refund payment',
        writes: true,
        notFound: 'PAYMENT_NOT_FOUND',
        method: 'POST',
        path,
        body,
        token,
        idempotencyKey,
        schema: refundSchema,
        signal,
      } as const;
      return effect('mercadopago.refund-payment', () => send(call));
    },

    /** Every refund of a payment, whoever asked for it. */
    async listRefunds(paymentId: string, signal?: AbortSignal): Promise<Refund[]> {
      const path = `/v1/payments/${idPath(paymentId)}/refunds`;
      const call = {
        name: 'list refunds',
        writes: false,
        notFound: 'PAYMENT_NOT_FOUND',
        method: 'GET',
        path,
        token,
        schema: refundsSchema,
        signal,
      } as const;
      return effect('mercadopago.list-refunds', () => send(call));
    },

    /** Reads one refund, to see whether an `in_process` one has ended. */
    async getRefund(paymentId: string, refundId: string, signal?: AbortSignal): Promise<Refund> {
      const path = `/v1/payments/${idPath(paymentId)}/refunds/${idPath(refundId)}`;
      const call = { name: 'get refund', writes: false, method: 'GET', path, token, schema: refundSchema, signal } as const;
      return effect('mercadopago.get-refund', () => send(call));
    },
  };
}
