import { createSend } from './http.ts';
import { type OAuthApp, oauthCalls } from './oauth.ts';
import { paymentCalls } from './payments.ts';

export { consentLink, redirectUriOf, type ConsentLink } from './consent-link.ts';
export type { Notification, NotificationRequest } from './notification.ts';
export { parseNotification } from './notification.ts';
export type { CodeExchange, OAuthGrant } from './oauth.ts';
export { readPayment } from './read-payment.ts';
export type { PaymentQuery, PreferenceRequest, RefundRequest } from './payments.ts';
export type { MpUser, Payment, PaymentSearch, Preference, Refund } from './schemas.ts';
export type { SignatureCheck, SignatureFailure, SignatureRequest } from './signature.ts';
export { verifySignature } from './signature.ts';

export interface MercadoPagoOptions extends OAuthApp {
  baseUrl: string;
  /** Token of the platform's own account, which collects the onboarding payments. */
  accessToken: string;
  /** For one whole exchange, headers and body, in milliseconds. */
  timeoutMs?: number;
}

/**
 * A client for the parts of the Mercado Pago API that Alta uses. Errors: MP_UNAVAILABLE, MP_RATE_LIMITED (with `retryAfterMs`),
 * MP_UNAUTHORIZED, MP_BAD_ANSWER, MP_REJECTED (with `details.mpError`, `details.mpCode`), PAYMENT_NOT_FOUND, INPUT_INVALID. Nothing
 * is repeated here: Temporal and the relay repeat.
 */
export function createMercadoPago({ baseUrl, accessToken, clientId, clientSecret, timeoutMs = 10_000 }: MercadoPagoOptions) {
  const send = createSend(baseUrl, timeoutMs);
  return { ...paymentCalls(send, accessToken), ...oauthCalls(send, { clientId, clientSecret }) };
}
export type MercadoPago = ReturnType<typeof createMercadoPago>;
