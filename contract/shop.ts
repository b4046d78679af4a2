import { z } from 'zod';

/** What a buyer orders at a store; prices are the shop's own. */
export const shopCheckoutSchema = z.strictObject({
  items: z
    .array(z.strictObject({ sku: z.string().trim().min(1).max(60), quantity: z.int().min(1).max(1_000) }))
    .min(1)
    .max(50)
    .refine((items) => new Set(items.map(({ sku }) => sku)).size === items.length, 'names an article twice'),
  buyerEmail: z.email().max(254).optional(),
});
export type ShopCheckout = z.infer<typeof shopCheckoutSchema>;

export interface ShopCheckoutAnswer {
  orderId: string;
  /** Where the buyer pays, to the merchant's own Mercado Pago account. */
  initPoint: string;
  /** Decimal text. */
  total: string;
  currency: string;
}

/** Input of `confirmOrder`: ids only. */
export const confirmOrderSchema = z.strictObject({ accountId: z.uuid(), paymentId: z.string().regex(/^\d{1,20}$/) });
export type ConfirmOrderInput = z.infer<typeof confirmOrderSchema>;

/**
 * What became of a buyer's payment: `confirmed` (or `same`: it was before), or why it confirms nothing. `ignored`: it is not approved, or
 * names no order of this store.
 */
export type ConfirmOrderOutcome = 'confirmed' | 'same' | 'paid_otherwise' | 'mismatch' | 'absent' | 'ignored';
export interface ConfirmOrderResult {
  outcome: ConfirmOrderOutcome;
  orderId: string | null;
}
