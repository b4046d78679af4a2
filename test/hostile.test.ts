import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { storeReadyMail } from '../adapters/mailer/owner-mail.ts';
import { accountCommandSchema } from '../contract/account-commands.ts';
import { accountEventSchema } from '../contract/account.ts';
import { checkoutSchema } from '../contract/checkout.ts';
import { shopCheckoutSchema } from '../contract/shop.ts';
import { slugSchema } from '../contract/slug.ts';
import { openFrontDoor, type FrontDoor } from './support/front-door.ts';
import { sampleCheckout } from './support/samples.ts';

/**
 * Hostile and mistaken input on every entry point: it is refused with a 4xx that names the field, or it is stored to the letter; nothing
 * else changes, and nobody waits for it.
 */
let door: FrontDoor;
beforeAll(async () => {
  door = await openFrontDoor();
}, 120_000);
afterAll(() => door.close());

const LONG = 'a'.repeat(50_000);
const TABLES = ['nv_accounts', 'slug_reservations', 'nv_onboarding', 'webhook_inbox', 'outbox', 'mp_authorizations'];
/** Every row of the tables that a visitor's request may lead to. */
const written = async (): Promise<unknown> =>
  Object.fromEntries(
    await Promise.all(
      TABLES.map(async (table) => [
        table,
        await door.sql(`select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)::text), '[]') as rows from ${table} t`),
      ]),
    ),
  );

/** What is sent raw, so that a name that occurs twice or a number of any size gets there as written. */
const raw = (change: string): string => JSON.stringify(sampleCheckout()).replace(/\}$/, `,${change}}`);

describe('checkout', () => {
  const refused: [string, string, object][] = [
    ['SQL in a slug', 'slug', { slug: "a' or 1=1" }],
    ['SQL that ends a statement', 'slug', { slug: "x'; drop table nv_accounts; --" }],
    ['a reserved slug', 'slug', { slug: 'admin' }],
    ['a slug of look-alike letters', 'slug', { slug: 'аpple-store' }],
    ['a slug that is written right to left', 'slug', { slug: 'abc\u202ecba' }],
    ['a slug with a letter of no width', 'slug', { slug: 'tien\u200bda' }],
    ['a slug in punycode', 'slug', { slug: 'xn--tienda-abc' }],
    ['a slug that leaves its folder', 'slug', { slug: '../../etc/passwd' }],
    ['a slug of 50,000 letters', 'slug', { slug: `${LONG}!` }],
    ['an e-mail of 50,000 letters', 'email', { email: `${LONG}!` }],
    ['an e-mail of 50,000 dots', 'email', { email: `a@${'a.'.repeat(25_000)}` }],
    ['an e-mail of 255 characters', 'email', { email: `${'a'.repeat(243)}@example.com` }],
    ['an e-mail with a second header', 'email', { email: 'a@example.com\r\nBcc: b@example.com' }],
    ['a name with NUL', 'businessName', { businessName: 'Casa\u0000Luna' }],
    ['an address with NUL', 'fiscalAddress', { fiscalAddress: 'Calle\u0000 1' }],
    ['a name with half a letter', 'businessName', { businessName: 'Casa \ud800 Luna' }],
    ['a name that is a list', 'businessName', { businessName: ['Casa'] }],
    ['a name that is an object', 'businessName', { businessName: { $ne: null } }],
    ['a negative price', 'catalog.0.price', { catalog: [{ sku: 'a', name: 'A', price: '-1.00' }] }],
    ['a price that is no number', 'catalog.0.price', { catalog: [{ sku: 'a', name: 'A', price: 'NaN' }] }],
    ['a price in scientific form', 'catalog.0.price', { catalog: [{ sku: 'a', name: 'A', price: '1e3' }] }],
    ['a negative stock', 'catalog.0.stock', { catalog: [{ sku: 'a', name: 'A', price: '1.00', stock: -1 }] }],
    ['an article that leaves its folder', 'catalog.0.sku', { catalog: [{ sku: '../../x', name: 'A', price: '1.00' }] }],
    ['a template that leaves its folder', 'templateKey', { templateKey: '../../../etc/passwd' }],
    [
      'a logo by address',
      'logo.url',
      { logo: { contentType: 'image/png', base64: 'AAAA', url: 'http://169.254.169.254/latest/meta-data' } },
    ],
    ['a logo whose bytes are an address', 'logo.base64', { logo: { contentType: 'image/png', base64: 'http://[::1]/x.png' } }],
    ['a logo that is an address', 'logo', { logo: 'file:///etc/passwd' }],
    ['a logo that runs scripts', 'logo.contentType', { logo: { contentType: 'image/svg+xml', base64: 'AAAA' } }],
    ['a domain of 50,000 letters', 'customDomain', { customDomain: `${LONG}.com` }],
    ['a domain that is an address inside', 'customDomain', { customDomain: '[::1]' }],
    ['a domain in numbers', 'customDomain', { customDomain: '2130706433' }],
    ['an account that is no id', 'accountId', { accountId: '1 or 1=1' }],
    ['an add-on less than none', 'addons.0.quantity', { addons: [{ key: 'extra-products', quantity: -1 }] }],
  ];
  test.each(refused)('P-101 P-756: %s is refused by the name of its field, and nothing changes', async (_name, field, change) => {
    const before = await written();
    const { status, body } = await door.post('/onboarding/checkout', { ...sampleCheckout(), ...change });
    expect({ status, field: body['field'], code: body['code'] }).toEqual({ status: 400, field, code: 'INPUT_INVALID' });
    expect(JSON.stringify(body).length).toBeLessThan(2_000);
    expect(await written()).toEqual(before);
  });

  test.each([
    ['__proto__', '"__proto__":{"admin":true}'],
    ['constructor.prototype', '"constructor":{"prototype":{"admin":true}}'],
    ['a number beyond 2^53 for a name', '"phone":9007199254740993'],
    ['a price that is infinite', '"catalog":[{"sku":"a","name":"A","price":1e999}]'],
  ])('P-756: a body with %s is refused, and no object learns of it', async (_name, change) => {
    const before = await written();
    expect((await door.post('/onboarding/checkout', raw(change))).status).toBe(400);
    expect(({} as Record<string, unknown>)['admin']).toBeUndefined();
    expect(await written()).toEqual(before);
  });

  test('P-756: a body of 5,000 nested lists is refused', async () => {
    const { status } = await door.post('/onboarding/checkout', raw(`"catalog":${'['.repeat(5_000)}${']'.repeat(5_000)}`));
    expect(status).toBe(400);
  });

  test.each([
    ['markup', '<script>alert(1)</script>'],
    ['a formula', '=HYPERLINK("http://example.com")'],
    ['SQL', `Robert'); drop table nv_accounts;--`],
    ['line ends', 'Casa\r\nLuna\r\nBcc: x@example.com'],
    ['a format of a log line', '%s %d ${jndi:ldap://x} \u001b[31m'],
    ['letters right to left', 'متجر \u202eanuL'],
  ])('P-756: a name that is %s is stored to the letter', async (_name, businessName) => {
    const checkout = sampleCheckout({ businessName });
    expect((await door.post('/onboarding/checkout', checkout)).status).toBe(201);
    const rows = await door.sql<{ business_name: string }>('select business_name from nv_accounts where slug = $1', [checkout.slug]);
    expect(rows).toEqual([{ business_name: businessName }]);
  });

  test('P-756: a mail about such a name has one line as its subject', () => {
    const name = 'Casa\r\nBcc: x@example.com';
    expect(storeReadyMail({ locale: 'es-AR', name, store: 'https://s.example.com', link: 'https://l.example.com' }).subject).not.toMatch(
      /[\r\n]/,
    );
  });

  test('P-756: another tenant’s account is not taken over by naming its id', async () => {
    const mine = sampleCheckout();
    const { body } = await door.post('/onboarding/checkout', mine);
    const before = await door.sql('select * from nv_accounts where id = $1', [body['accountId']]);
    await door.sql(`update nv_accounts set status = 'paid' where id = $1`, [body['accountId']]);
    const { status } = await door.post('/onboarding/checkout', { ...sampleCheckout(), accountId: body['accountId'] });
    expect(status).toBe(409);
    const [now] = await door.sql<object>('select * from nv_accounts where id = $1', [body['accountId']]);
    expect({ ...now, status: null, version: null, updated_at: null }).toEqual({
      ...(before[0] as object),
      status: null,
      version: null,
      updated_at: null,
    });
    expect((await door.post('/onboarding/checkout', { ...sampleCheckout(), accountId: randomUUID() })).status).toBe(404);
  });
});

describe('what comes in by address', () => {
  test.each([
    ['/webhooks/mercadopago?data.id=1&data.id=2&type=payment', 400],
    ['/webhooks/mercadopago?data.id[]=1&type=payment', 400],
    ["/webhooks/mercadopago?data.id=1'%20or%201=1&type=payment", 400],
    ['/webhooks/mercadopago?data.id=..%2F..%2Fusers&type=payment', 400],
    ['/webhooks/mercadopago?data.id=1%00&type=payment', 400],
    [`/webhooks/mercadopago?data.id=${'9'.repeat(5_000)}&type=payment`, 400],
    ['/webhooks/mercadopago?data.id=-1&type=payment', 401],
    ['/webhooks/mercadopago?data.id=9007199254740993&type=payment', 401],
    ['/webhooks/mercadopago?__proto__=1&data.id=1&type=payment', 401],
  ])('P-104 P-756: POST %s writes nothing (%d)', async (path, status) => {
    const before = await written();
    const answer = await door.post(path, { data: { id: '1' }, __proto__: { type: 'payment' } });
    expect(answer.status === status || (answer.status === 400 && status === 401)).toBe(true);
    expect(await written()).toEqual(before);
  });

  test.each([
    ['state', '/oauth/mercadopago?code=x'],
    ['state', `/oauth/mercadopago?code=x&state=${'a'.repeat(44)}`],
    ['state', '/oauth/mercadopago?code=x&state=a&state=b'],
    ['state', `/oauth/mercadopago?code=x&state=${encodeURIComponent("' or 1=1 --")}`],
    ['code', `/oauth/mercadopago?state=${'a'.repeat(43)}`],
    ['code', `/oauth/mercadopago?state=${'a'.repeat(43)}&code=${'c'.repeat(1_001)}`],
    ['code', `/oauth/mercadopago?state=${'a'.repeat(43)}&code=a&code=b`],
  ])('P-615 P-756: a consent whose %s is wrong changes nothing: %s', async (field, path) => {
    const before = await written();
    const response = await fetch(`${door.url}${path}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'INPUT_INVALID', field });
    expect(await written()).toEqual(before);
  });

  test.each(['..%2f..%2fetc', '%00', "x'%20or%201=1", encodeURIComponent('tien\u200bda'), 'a'.repeat(5_000), '__proto__', '%ff'])(
    'P-137 P-756: no store is called %s',
    async (slug) => {
      const { status } = await fetch(`${door.url}/stores/${slug}`);
      expect([400, 404, 414]).toContain(status);
    },
  );
});

describe('what is said inside', () => {
  const who = { actor: 'ana', reason: 'x' };
  test.each([
    ['no such action', { action: 'drop', ...who }],
    ['an action of the prototype', { action: 'constructor', ...who }],
    ['nobody', { action: 'cancel', actor: ' ', reason: 'x' }],
    ['a field too many', { action: 'cancel', ...who, force: true }],
    ['a limit less than none', { action: 'set-override', ...who, kind: 'limit', key: 'products', value: -1 }],
    ['a limit that is no number', { action: 'set-override', ...who, kind: 'limit', key: 'products', value: Number.NaN }],
    ['a limit beyond 2^53', { action: 'set-override', ...who, kind: 'limit', key: 'products', value: 2 ** 53 }],
    ['a date that is none', { action: 'set-due-dates', ...who, paidUntil: '2026-13-45' }],
    ['a slug of SQL', { action: 'change-account', ...who, fields: { slug: "x'; drop" } }],
    ['a reason of 50,000 letters', { action: 'cancel', actor: 'ana', reason: LONG }],
  ])('P-302 P-756: a command with %s is refused', (_name, command) => {
    expect(accountCommandSchema.safeParse(command).success).toBe(false);
  });

  const event = { eventKey: 'k', type: 'account.updated', version: 1, aspects: ['client'] };
  test.each([
    ['a version that is negative', { version: -1 }],
    ['a version that is no number', { version: Number.NaN }],
    ['a version beyond 2^53', { version: 2 ** 53 + 2 }],
    ['an aspect of the prototype', { aspects: ['__proto__'] }],
    ['an aspect of nobody', { aspects: ['passwords'] }],
    ['a key of 50,000 letters', { eventKey: LONG }],
  ])('P-226 P-756: an event with %s is unreadable', (_name, change) => {
    expect(accountEventSchema.safeParse(event).success).toBe(true);
    expect(accountEventSchema.safeParse({ ...event, ...change }).success).toBe(false);
  });

  test.each([
    ['nothing ordered', { items: [] }],
    ['less than one', { items: [{ sku: 'a', quantity: -1 }] }],
    ['a part of one', { items: [{ sku: 'a', quantity: 0.5 }] }],
    ['no number', { items: [{ sku: 'a', quantity: Number.NaN }] }],
    ['a price of the buyer’s own', { items: [{ sku: 'a', quantity: 1, price: '0.01' }] }],
    ['a list for a name', { items: [{ sku: ['a'], quantity: 1 }] }],
    ['an e-mail with a header', { items: [{ sku: 'a', quantity: 1 }], buyerEmail: 'a@example.com\r\nBcc: b@example.com' }],
  ])('P-511 P-756: a buyer’s order with %s is refused', (_name, order) => {
    expect(shopCheckoutSchema.safeParse({ items: [{ sku: 'a', quantity: 1 }] }).success).toBe(true);
    expect(shopCheckoutSchema.safeParse(order).success).toBe(false);
  });

  test('P-756: nobody waits for a text that was made to be slow to read', () => {
    const slow = [
      `${LONG}!`,
      `${'a-'.repeat(25_000)}!`,
      `${'a.'.repeat(25_000)}@`,
      '-'.repeat(50_000),
      `${' '.repeat(50_000)}x`,
      `${'0'.repeat(50_000)}.`,
    ];
    const began = process.cpuUsage();
    for (const text of slow) {
      expect(slugSchema.safeParse(text).success).toBe(false);
      for (const field of ['email', 'customDomain', 'planKey', 'billingEmail'])
        expect(checkoutSchema.safeParse({ ...sampleCheckout(), [field]: text }).success).toBe(false);
    }
    // Backtracking over 50,000 letters takes minutes of a processor; a linear look takes a moment.
    expect(process.cpuUsage(began).user).toBeLessThan(20_000_000);
  });
});
