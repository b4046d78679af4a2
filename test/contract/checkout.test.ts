import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { checkoutSchema } from '../../contract/checkout.ts';
import { onboardingInputSchema } from '../../contract/onboarding.ts';
import { slugSchema } from '../../contract/slug.ts';
import { sampleCheckout } from '../support/samples.ts';

test.each(['ab', '-abc', 'abc-', 'a b c', 'admin', 'ñandú', 'a'.repeat(41), '..', "x'; drop table", 'аpi-store'])(
  'P-100: %j is no slug',
  (slug) => {
    expect(slugSchema.safeParse(slug).success).toBe(false);
  },
);

test('P-100: a slug is folded to its plain form before it is compared', () => {
  expect(slugSchema.parse('  Casa-Luna ')).toBe('casa-luna');
  expect(slugSchema.parse('ｃａｓａ')).toBe('casa');
  fc.assert(
    fc.property(fc.string(), (text) => {
      const parsed = slugSchema.safeParse(text);
      if (parsed.success) expect(slugSchema.parse(parsed.data)).toBe(parsed.data);
    }),
  );
});

test('P-101: an unknown field, a country without a locale and a price that is no decimal are refused by name', () => {
  const body = sampleCheckout();
  const faultsOf = (change: object): string[] =>
    checkoutSchema.safeParse({ ...body, ...change }).error?.issues.map(({ path, code }) => `${path.join('.')}:${code}`) ?? [];
  expect(faultsOf({ planKye: 'growth' })).toEqual([':unrecognized_keys']);
  expect(faultsOf({ country: 'US' })[0]).toMatch(/^country:/);
  expect(faultsOf({ catalog: [{ sku: 'a', name: 'A', price: 15.5 }] })[0]).toMatch(/^catalog\.0\.price:/);
  expect(faultsOf({ logo: { contentType: 'image/svg+xml', base64: 'AAAA' } })[0]).toMatch(/^logo\.contentType:/);
});

test('P-115: the input of an onboarding holds ids and rules only; anything else is refused', () => {
  const ids = { accountId: '6f2b4a10-7a55-4f3e-9d3c-0b54c2a2f111', jobId: '6f2b4a10-7a55-4f3e-9d3c-0b54c2a2f112', paymentId: '123' };
  expect(onboardingInputSchema.parse(ids).policy).toMatchObject({
    retryAttempts: 15,
    retryInitialMs: 1_000,
    retryMaxMs: 60_000,
    onExhausted: 'park',
  });
  expect(onboardingInputSchema.safeParse({ ...ids, accessToken: 'x' }).success).toBe(false);
  expect(onboardingInputSchema.safeParse({ ...ids, paymentId: '1; drop' }).success).toBe(false);
});
