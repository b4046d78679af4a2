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

export const OVERRIDE_KINDS = ['limit', 'feature'] as const;

/** What an operator set for one account: a limit as it shall be, or a feature given (1) or taken (0), whatever plan and add-ons say. */
export interface EntitlementOverride {
  kind: (typeof OVERRIDE_KINDS)[number];
  key: string;
  value: number;
}

/**
 * Plan entitlements plus the effect of the active add-ons, then the overrides (P-123): the only place where entitlements are
 * computed. Pure, free of order, and monotone: an add-on never takes anything away. Of two overrides of one key the larger value
 * counts. Keys and features come out sorted, so that equal entitlements are equal JSON.
 */
export function calculateEntitlements(
  plan: Entitlements,
  addons: readonly ActiveAddon[],
  overrides: readonly EntitlementOverride[] = [],
): Entitlements {
  const limits = new Map(Object.entries(plan.limits));
  const features = new Set(plan.features);
  for (const addon of addons) {
    const effect = addonEffectSchema.parse(addon.effect);
    for (const [key, units] of Object.entries(effect.limits)) {
      limits.set(key, (limits.get(key) ?? 0) + units * addon.quantity);
    }
    for (const feature of effect.features) features.add(feature);
  }
  for (const { kind, key, value } of [...overrides].sort((a, b) => a.value - b.value)) {
    if (kind === 'limit') limits.set(key, value);
    else if (value > 0) features.add(key);
    else features.delete(key);
  }
  const byKey = (a: [string, number], b: [string, number]): number => (a[0] < b[0] ? -1 : 1);
  return { limits: Object.fromEntries([...limits].sort(byKey)), features: [...features].sort() };
}

/** A limit that a store is over: it has more of something than it may. */
export interface OverLimit {
  limit: string;
  used: number;
  allowed: number;
}

/**
 * Which limits a store would be over with these entitlements, sorted by name. `used` holds what is counted of a store, by the name of
 * its limit; a limit that nobody counts is left out, and what has no limit is not limited.
 */
export function overLimits({ limits }: Entitlements, used: Readonly<Record<string, number>>): OverLimit[] {
  return Object.entries(limits)
    .flatMap(([limit, allowed]) => {
      const count = Object.hasOwn(used, limit) ? (used[limit] ?? 0) : 0;
      return count > allowed ? [{ limit, used: count, allowed }] : [];
    })
    .sort((a, b) => (a.limit < b.limit ? -1 : 1));
}

/**
 * What a change does that would leave a store over its limits (ALTA_DOWNGRADE_POLICY): `keep` lets it through, the store keeps what it
 * has and the answer names the limits; `refuse` refuses it with OVER_LIMITS. Nothing of a store is ever deleted because of a limit.
 */
export const DOWNGRADE_POLICIES = ['keep', 'refuse'] as const;
export type DowngradePolicy = (typeof DOWNGRADE_POLICIES)[number];
