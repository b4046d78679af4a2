import { z } from 'zod';
import { COUNTRY_CODES, type CountryCode } from './countries.ts';
import { looksEncoded, slugSchema } from './slug.ts';

const text = (max: number) => z.string().trim().min(1).max(max);
const optionalText = (max: number) => text(max).nullable().default(null);
const email = z.string().trim().toLowerCase().pipe(z.email().max(254));

export const TEMPLATE_KEYS = ['classic', 'modern'] as const;
export const PALETTE_KEYS = ['sand', 'ocean', 'night'] as const;
export const ASSET_TYPES = ['image/png', 'image/jpeg', 'image/webp'] as const;
/** Longest logo, in bytes. */
export const MAX_ASSET_BYTES = 256 * 1024;

const imageSchema = z.strictObject({
  contentType: z.enum(ASSET_TYPES),
  /** Standard base64. No URL is ever fetched for a customer. */
  base64: z.base64().max(Math.ceil((MAX_ASSET_BYTES * 4) / 3) + 4),
});

const productSchema = z.strictObject({
  sku: z
    .string()
    .trim()
    .regex(/^[A-Za-z0-9._-]{1,60}$/),
  name: text(200),
  price: z.string().regex(/^\d{1,12}(?:\.\d{1,2})?$/, 'write the price as decimal text, such as "1500.00"'),
  stock: z.int().nonnegative().max(1_000_000).default(0),
});

/** Body of `POST /onboarding/checkout` (P-100, P-101). Unknown fields are refused, so that a typo is seen. */
export const checkoutSchema = z.strictObject({
  /** Names a draft that the wizard made earlier; left out, a new account is opened. */
  accountId: z.uuid().optional(),
  slug: slugSchema.refine((slug) => !looksEncoded(slug), 'browsers would show another name; choose one without two hyphens there'),
  email,
  businessName: text(200),
  planKey: z.string().regex(/^[a-z0-9_-]{1,40}$/),
  billingPeriod: z.enum(['monthly', 'annual']).default('monthly'),
  country: z.enum(COUNTRY_CODES as [CountryCode, ...CountryCode[]]),
  phone: optionalText(40),
  phoneFull: optionalText(40),
  billingEmail: email.nullable().default(null),
  customDomain: z
    .string()
    .trim()
    .toLowerCase()
    .regex(/^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/)
    .nullable()
    .default(null),
  personaType: z.enum(['natural', 'legal']).nullable().default(null),
  legalName: optionalText(200),
  fiscalId: optionalText(40),
  fiscalIdType: optionalText(20),
  fiscalCategory: optionalText(60),
  fiscalAddress: optionalText(300),
  subdivisionCode: optionalText(10),
  templateKey: z.enum(TEMPLATE_KEYS).default('classic'),
  paletteKey: z.enum(PALETTE_KEYS).default('sand'),
  addons: z
    .array(z.strictObject({ key: z.string().regex(/^[a-z0-9_-]{1,40}$/), quantity: z.int().positive().max(100).default(1) }))
    .max(20)
    .default([]),
  logo: imageSchema.nullable().default(null),
  catalog: z.array(productSchema).max(200).default([]),
});
export type CheckoutRequest = z.infer<typeof checkoutSchema>;
export type CatalogProduct = z.infer<typeof productSchema>;

/** Answer of `POST /onboarding/checkout`. */
export interface CheckoutAnswer {
  accountId: string;
  slug: string;
  preferenceId: string;
  /** Where the customer pays. */
  initPoint: string;
  amount: string;
  currency: string;
}
