import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isAltaError } from '../../contract/errors.ts';
import { ACCOUNT_FIELDS, aspectsOf, type AccountEventPayload } from '../../contract/account-events.ts';
import { ACTIVE_STATUSES, CLIENT_CONTRACT, FIELD_COLUMNS, projectClient, projectEntitlements } from '../../contract/projection.ts';
import { seedBundle } from '../../contract/seeds.ts';
import { sampleAccount } from '../support/samples.ts';

test('P-040 to P-059 P-060: every contractual field of the requirements is in the one mapping, once a column', () => {
  const ids = new Set(CLIENT_CONTRACT.map(({ id }) => id));
  const written = [
    'P-040',
    'P-041',
    'P-042',
    'P-043',
    'P-047',
    'P-049',
    'P-050',
    'P-051',
    'P-052',
    'P-053',
    'P-054',
    'P-055',
    'P-056',
    'P-057',
    'P-058',
    'P-059',
  ];
  expect([...ids].sort()).toEqual(written);
  const columns = CLIENT_CONTRACT.map(({ column }) => column);
  expect(new Set(columns).size).toBe(columns.length);
  expect(Object.keys(projectClient(sampleAccount())).sort()).toEqual([...columns].sort());
});

test('P-060 P-077 P-212: the events cover every column that may change later, and an event names no column that it does not cover', () => {
  expect(Object.keys(FIELD_COLUMNS)).toEqual([...ACCOUNT_FIELDS]);
  const byUpdate = CLIENT_CONTRACT.filter(({ told }) => told.includes('account.updated')).map(({ column }) => column);
  expect(Object.values(FIELD_COLUMNS).flat().sort()).toEqual(byUpdate.sort());
  for (const { told } of CLIENT_CONTRACT) {
    for (const type of told) {
      expect(aspectsOf({ type, fields: ['plan'], aspects: ['client'] } as unknown as AccountEventPayload)).toContain('client');
    }
  }
  const never = CLIENT_CONTRACT.filter(({ told }) => told.length === 0).map(({ column }) => column);
  expect(never.sort()).toEqual(['connection_type', 'nv_account_id', 'template_key']);
});

test('P-001 P-040 to P-059: the row holds what the Admin DB says, field by field', () => {
  const account = sampleAccount();
  expect(projectClient(account)).toEqual({
    nv_account_id: account.id,
    slug: 'casa-luna',
    name: 'Casa Luna',
    email_admin: 'luna@example.com',
    plan: 'growth',
    plan_key: 'growth',
    monthly_fee: '25000.00',
    billing_period: 'monthly',
    is_active: true,
    country: 'AR',
    locale: 'es-AR',
    timezone: 'America/Argentina/Buenos_Aires',
    phone: '11 5555 0100',
    phone_full: '+54 11 5555 0100',
    billing_email: 'pagos@example.com',
    persona_type: 'legal',
    legal_name: 'Casa Luna SRL',
    fiscal_id: '30-00000000-7',
    fiscal_id_type: 'CUIT',
    fiscal_category: 'responsable-inscripto',
    fiscal_address: 'Calle Falsa 123',
    subdivision_code: 'AR-C',
    custom_domain: 'casaluna.example.com',
    connection_type: 'mercadopago',
    template_key: 'classic',
  });
});

test('P-043: a store is active exactly for provisioned, approved and live', () => {
  const states = [
    'draft',
    'paid',
    'provisioning',
    'provisioned',
    'approved',
    'live',
    'provision_failed',
    'suspended',
    'cancelled',
    'deleted',
  ];
  expect(states.filter((status) => projectClient(sampleAccount({ status })).is_active)).toEqual([...ACTIVE_STATUSES]);
});

test.each([
  ['AR', 'es-AR', 'America/Argentina/Buenos_Aires'],
  ['BR', 'pt-BR', 'America/Sao_Paulo'],
  ['CL', 'es-CL', 'America/Santiago'],
  ['CO', 'es-CO', 'America/Bogota'],
  ['MX', 'es-MX', 'America/Mexico_City'],
  ['PE', 'es-PE', 'America/Lima'],
  ['UY', 'es-UY', 'America/Montevideo'],
])('P-050: country %s gives %s and %s', (country, locale, timezone) => {
  expect(projectClient(sampleAccount({ country }))).toMatchObject({ country, locale, timezone });
});

test('P-122: a missing plan and an unknown country are named errors, never a default', () => {
  const codeOf = (act: () => unknown): string | undefined => {
    try {
      act();
    } catch (error) {
      return isAltaError(error) ? error.code : String(error);
    }
    return undefined;
  };
  expect(codeOf(() => projectClient(sampleAccount({ monthlyFee: null })))).toBe('PLAN_NOT_FOUND');
  expect(codeOf(() => projectEntitlements(sampleAccount({ planEntitlements: null })))).toBe('PLAN_NOT_FOUND');
  for (const country of ['US', '', 'ar', '__proto__', 'constructor'])
    expect(codeOf(() => projectClient(sampleAccount({ country })))).toBe('COUNTRY_UNSUPPORTED');
});

test('law 3: the projection is pure: equal accounts give equal rows and the account is not changed', () => {
  fc.assert(
    fc.property(fc.record({ businessName: fc.string(), phone: fc.option(fc.string(), { nil: null }), version: fc.nat() }), (some) => {
      const account = Object.freeze(sampleAccount(some));
      expect(projectClient(account)).toEqual(projectClient({ ...account }));
    }),
  );
});

test('P-131: the seed bundle is pure, speaks the language of the country, and names every item once', () => {
  const bundle = seedBundle(sampleAccount(), 'a/logo.png');
  expect(seedBundle(sampleAccount(), 'a/logo.png').pages).toEqual(bundle.pages);
  expect(bundle.pages[0]).toMatchObject({ slug: 'home', title: 'Inicio' });
  expect(seedBundle(sampleAccount({ country: 'BR' }), null).pages[0]).toMatchObject({ title: 'Início' });
  const keys = Object.values(bundle).flatMap((items) => (items as { seed_key: string }[]).map(({ seed_key }) => seed_key));
  expect(new Set(keys).size).toBe(keys.length);
  expect(bundle.palettes.filter(({ is_default }) => is_default).map(({ name }) => name)).toEqual(['sand']);
});
