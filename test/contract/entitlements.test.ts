import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { calculateEntitlements, type ActiveAddon, type Entitlements } from '../../contract/entitlements.ts';

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
