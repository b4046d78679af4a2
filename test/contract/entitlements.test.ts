import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  calculateEntitlements,
  overLimits,
  type ActiveAddon,
  type EntitlementOverride,
  type Entitlements,
} from '../../contract/entitlements.ts';

const key = fc.constantFrom('products', 'staff', 'orders', 'storage_mb', '__proto__');
const plan: fc.Arbitrary<Entitlements> = fc.record({ limits: fc.dictionary(key, fc.nat(1_000)), features: fc.uniqueArray(key) });
const addon: fc.Arbitrary<ActiveAddon> = fc.record({
  key,
  quantity: fc.integer({ min: 1, max: 5 }),
  effect: fc.record({
    limits: fc.dictionary(
      key.filter((name) => name !== '__proto__'),
      fc.nat(100),
    ),
    features: fc.uniqueArray(key),
  }),
});

test('P-123: an add-on adds its units times its quantity and joins its features', () => {
  const result = calculateEntitlements({ limits: { products: 100 }, features: ['coupons'] }, [
    { key: 'extra', quantity: 3, effect: { limits: { products: 50, staff: 1 }, features: ['reports'] } },
  ]);
  expect(result).toEqual({ limits: { products: 250, staff: 3 }, features: ['coupons', 'reports'] });
});

test('P-123: the order of add-ons does not matter', () => {
  fc.assert(
    fc.property(plan, fc.array(addon, { maxLength: 5 }), (base, addons) => {
      expect(JSON.stringify(calculateEntitlements(base, [...addons].reverse()))).toBe(JSON.stringify(calculateEntitlements(base, addons)));
    }),
  );
});

test('P-123: an add-on never takes anything away', () => {
  fc.assert(
    fc.property(plan, fc.array(addon, { maxLength: 4 }), addon, (base, addons, more) => {
      const before = calculateEntitlements(base, addons);
      const after = calculateEntitlements(base, [...addons, more]);
      for (const [name, limit] of Object.entries(before.limits))
        expect(Object.getOwnPropertyDescriptor(after.limits, name)?.value).toBeGreaterThanOrEqual(limit);
      for (const feature of before.features) expect(after.features).toContain(feature);
    }),
  );
});

const override: fc.Arbitrary<EntitlementOverride> = fc.oneof(
  fc.record({ kind: fc.constant('limit' as const), key, value: fc.nat(2_000) }),
  fc.record({ kind: fc.constant('feature' as const), key, value: fc.nat(1) }),
);

test('P-123: with overrides too, no order matters and an add-on takes nothing away', () => {
  const all = fc.record({
    base: plan,
    addons: fc.array(addon, { maxLength: 4 }),
    more: addon,
    overrides: fc.array(override, { maxLength: 5 }),
  });
  fc.assert(
    fc.property(all, ({ base, addons, more, overrides }) => {
      const before = calculateEntitlements(base, addons, overrides);
      expect(JSON.stringify(calculateEntitlements(base, [...addons].reverse(), [...overrides].reverse()))).toBe(JSON.stringify(before));
      const after = calculateEntitlements(base, [...addons, more], overrides);
      for (const [name, limit] of Object.entries(before.limits))
        expect(Object.getOwnPropertyDescriptor(after.limits, name)?.value).toBeGreaterThanOrEqual(limit);
      for (const feature of before.features) expect(after.features).toContain(feature);
    }),
  );
});

test('P-123: an override counts whatever plan and add-ons say; of two of one key the larger', () => {
  const result = calculateEntitlements(
    { limits: { products: 100, staff: 1 }, features: ['checkout', 'coupons'] },
    [{ key: 'extra', quantity: 2, effect: { limits: { products: 50 }, features: [] } }],
    [
      { kind: 'limit', key: 'products', value: 120 },
      { kind: 'limit', key: 'staff', value: 9 },
      { kind: 'limit', key: 'staff', value: 3 },
      { kind: 'feature', key: 'coupons', value: 0 },
      { kind: 'feature', key: 'api', value: 1 },
    ],
  );
  expect(result).toEqual({ limits: { products: 120, staff: 9 }, features: ['api', 'checkout'] });
});

test('a store is over exactly the limits of which it has more than it may; what nobody counts or limits is left out', () => {
  const entitlements = { limits: { staff: 2, products: 10, storage_mb: 5, orders: 0 }, features: [] };
  expect(overLimits(entitlements, { products: 11, staff: 2, orders: 1, pages: 99 })).toEqual([
    { limit: 'orders', used: 1, allowed: 0 },
    { limit: 'products', used: 11, allowed: 10 },
  ]);
  expect(overLimits(entitlements, {})).toEqual([]);
  fc.assert(
    fc.property(plan, fc.dictionary(key, fc.nat(2_000)), fc.array(addon, { maxLength: 3 }), (base, used, addons) => {
      // More add-ons never put a store over a limit that it kept before.
      const before = overLimits(calculateEntitlements(base, []), used).map(({ limit }) => limit);
      const after = overLimits(calculateEntitlements(base, addons), used).map(({ limit }) => limit);
      expect(after.filter((limit) => Object.hasOwn(base.limits, limit) && !before.includes(limit))).toEqual([]);
    }),
  );
});
