import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { compareMoney, moneyText, toMicros } from '../../contract/money.ts';

test('amounts compare by value, not by their text', () => {
  expect(compareMoney('100', '100.00')).toBe(0);
  expect(compareMoney('99.99', '100')).toBeLessThan(0);
  expect(compareMoney('1000', '999.999999')).toBeGreaterThan(0);
});

test('an amount that is not a plain decimal is refused', () => {
  for (const bad of ['', '1e3', '0x10', ' 1', '1.', '.5', 'NaN', '1,5', '١']) expect(() => toMicros(bad)).toThrow(RangeError);
});

test('cents survive the way through a number', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 99_999_999_99 }), (cents) => {
      const text = `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
      expect(compareMoney(moneyText(Number(text)), text)).toBe(0);
    }),
  );
});
