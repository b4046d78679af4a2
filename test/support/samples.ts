import { randomUUID } from 'node:crypto';
import type { CheckoutRequest } from '../../contract/checkout.ts';
import { checkoutSchema } from '../../contract/checkout.ts';
import type { AccountSnapshot } from '../../contract/projection.ts';

/** An account with every contractual field filled; invented names only. */
export function sampleAccount(overrides: Partial<AccountSnapshot> = {}): AccountSnapshot {
  return {
    id: randomUUID(),
    version: 3,
    status: 'provisioned',
    slug: 'casa-luna',
    email: 'luna@example.com',
    businessName: 'Casa Luna',
    planKey: 'growth',
    country: 'AR',
    phone: '11 5555 0100',
    phoneFull: '+54 11 5555 0100',
    billingEmail: 'pagos@example.com',
    customDomain: 'casaluna.example.com',
    personaType: 'legal',
    legalName: 'Casa Luna SRL',
    fiscalId: '30-00000000-7',
    fiscalIdType: 'CUIT',
    fiscalCategory: 'responsable-inscripto',
    fiscalAddress: 'Calle Falsa 123',
    subdivisionCode: 'AR-C',
    backendClusterId: 'north',
    held: false,
    mpConnected: true,
    mpTokenPresent: true,
    monthlyFee: '25000.00',
    currency: 'ARS',
    planEntitlements: { limits: { products: 500, staff: 3 }, features: ['coupons'] },
    addons: [],
    overrides: [],
    settings: null,
    billingPeriod: 'monthly',
    templateKey: 'classic',
    paletteKey: 'sand',
    ...overrides,
  };
}

/** One transparent pixel. */
export const PIXEL_PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==';

let counter = 0;

/** The body of a complete checkout, unlike every other of this run. */
export function sampleCheckout(overrides: Partial<Record<keyof CheckoutRequest, unknown>> = {}): CheckoutRequest {
  counter += 1;
  const unique = `${process.pid.toString(36)}-${counter}-${randomUUID().slice(0, 8)}`;
  return checkoutSchema.parse({
    slug: `tienda-${unique}`,
    email: `owner-${unique}@example.com`,
    businessName: `Tienda ${unique}`,
    planKey: 'growth',
    country: 'AR',
    phone: '11 5555 0100',
    phoneFull: '+54 11 5555 0100',
    billingEmail: `pagos-${unique}@example.com`,
    personaType: 'legal',
    legalName: 'Tienda de Prueba SRL',
    fiscalId: '30-00000000-7',
    fiscalIdType: 'CUIT',
    fiscalCategory: 'responsable-inscripto',
    fiscalAddress: 'Calle Falsa 123',
    subdivisionCode: 'AR-C',
    logo: { contentType: 'image/png', base64: PIXEL_PNG },
    catalog: [
      { sku: 'mate-01', name: 'Mate de calabaza', price: '15000.00', stock: 12 },
      { sku: 'yerba-01', name: 'Yerba orgánica 1 kg', price: '6200.50', stock: 40 },
    ],
    ...overrides,
  });
}

const HALF_A_YEAR_MS = 180 * 86_400_000;

/** What Mercado Pago gives for a merchant who agrees, as the wizard leaves it: unlike every other, and no good at the simulator. */
export const sampleMpCredentials = () => ({
  accessToken: `APP_USR-${randomUUID()}`,
  refreshToken: `TG-${randomUUID()}`,
  publicKey: `APP_USR-public-${randomUUID()}`,
  expiresAt: new Date(Date.now() + HALF_A_YEAR_MS),
  mpUserId: '200000001',
});
