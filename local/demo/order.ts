import { randomBytes } from 'node:crypto';
import type { AdminDb } from '../../adapters/admin-db/index.ts';
import { saveMpCredentials } from '../../adapters/admin-db/index.ts';
import { effect } from '../../adapters/effect.ts';
import { createMercadoPago } from '../../adapters/mercadopago/index.ts';
import type { Vault } from '../../adapters/vault/index.ts';
import type { CheckoutAnswer, CheckoutRequest } from '../../contract/checkout.ts';
import { AltaError } from '../../contract/errors.ts';
import { createControl } from '../mercadopago/control.ts';
import type { Stack } from '../stack.ts';

/** A form as a customer sends it: what has a default may be left out. */
export type OrderForm = Partial<CheckoutRequest> & Pick<CheckoutRequest, 'slug' | 'email' | 'businessName' | 'planKey' | 'country'>;

/** One pixel, as PNG. */
const LOGO = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';

/** An invented order under a slug and an e-mail that no earlier one had. */
export function inventOrder(): OrderForm {
  const mark = `${Date.now().toString(36)}${randomBytes(4).toString('hex')}`;
  return {
    slug: `demo-${mark}`,
    email: `owner-${mark}@example.com`,
    businessName: 'Café del Centro',
    planKey: 'growth',
    country: 'AR',
    phone: '+54 11 5555 0100',
    templateKey: 'modern',
    paletteKey: 'ocean',
    logo: { contentType: 'image/png', base64: LOGO },
    catalog: [
      { sku: 'CAFE-250', name: 'Café molido 250 g', price: '8500.00', stock: 40 },
      { sku: 'TAZA-1', name: 'Taza', price: '12000.00', stock: 12 },
    ],
  };
}

/** Sends the form to `POST /onboarding/checkout`. Throws INPUT_INVALID with the API's answer when it is refused. */
export function placeOrder(apiUrl: string, form: OrderForm): Promise<CheckoutAnswer> {
  return effect('demo.checkout', async () => {
    const response = await fetch(new URL('/onboarding/checkout', apiUrl), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(form),
      signal: AbortSignal.timeout(15_000),
    });
    const text = await response.text();
    if (!response.ok) throw new AltaError('INPUT_INVALID', `the API answered the checkout with ${response.status}: ${text.slice(0, 500)}`);
    return JSON.parse(text) as CheckoutAnswer;
  });
}

/** The owner connects its Mercado Pago account: consent, code, tokens, and into the vault. */
export async function connectMercadoPago(stack: Stack, db: AdminDb, vault: Vault, accountId: string): Promise<void> {
  const { url, accessToken, clientId, clientSecret } = stack.mercadoPago;
  const redirectUri = `${stack.apiUrl}/oauth/mercadopago`;
  const { code } = await effect('demo.consent', () => createControl(url).issueCode({ redirectUri }));
  const grant = await createMercadoPago({ baseUrl: url, accessToken, clientId, clientSecret }).exchangeCode({ code, redirectUri });
  const { publicKey } = grant;
  if (publicKey === null) throw new AltaError('MP_BAD_ANSWER', 'the token answer has no public key');
  await saveMpCredentials(db, vault, accountId, { ...grant, publicKey });
}

/** Pays the order; Mercado Pago then sends its signed webhook to the API. Returns the payment's id. */
export async function payOrder(stack: Stack, preferenceId: string): Promise<string> {
  const { paymentId } = await effect('demo.pay', () => createControl(stack.mercadoPago.url).pay(preferenceId));
  return paymentId;
}
