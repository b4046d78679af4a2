import { z } from 'zod';

/** What a tenant may do: numeric limits and named features. */
export const entitlementsSchema = z.strictObject({
  limits: z.record(z.string().min(1).max(60), z.number().int().nonnegative()),
  features: z.array(z.string().min(1).max(60)),
});
export type Entitlements = z.infer<typeof entitlementsSchema>;

/** What one add-on gives, for each unit bought: limits add up, features join. */
export const addonEffectSchema = z.strictObject({
  limits: z.record(z.string().min(1).max(60), z.number().int().nonnegative()).default({}),
  features: z.array(z.string().min(1).max(60)).default([]),
});

export interface ActiveAddon {
  key: string;
  quantity: number;
  effect: z.input<typeof addonEffectSchema>;
}

/**
 * Plan entitlements plus the effect of the active add-ons (P-123): the only place where entitlements are computed.
 * Pure, free of order, and monotone: an add-on never takes anything away. Keys and features come out sorted, so that equal
 * entitlements are equal JSON.
 */
export function calculateEntitlements(plan: Entitlements, addons: readonly ActiveAddon[]): Entitlements {
  const limits = new Map(Object.entries(plan.limits));
  const features = new Set(plan.features);
  for (const addon of addons) {
    const effect = addonEffectSchema.parse(addon.effect);
    for (const [key, units] of Object.entries(effect.limits)) {
      limits.set(key, (limits.get(key) ?? 0) + units * addon.quantity);
    }
    for (const feature of effect.features) features.add(feature);
  }
  const byKey = (a: [string, number], b: [string, number]): number => (a[0] < b[0] ? -1 : 1);
  return { limits: Object.fromEntries([...limits].sort(byKey)), features: [...features].sort() };
}
