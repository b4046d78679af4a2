import { request as httpRequest } from 'node:http';
import { CHECKOUT_BODY_LIMIT } from '../client/api/checkout.ts';
import { WEBHOOK_BODY_LIMIT } from '../client/api/webhook.ts';
import { openFrontDoor, type FrontDoor } from './support/front-door.ts';
import { sampleCheckout } from './support/samples.ts';

let door: FrontDoor;

beforeAll(async () => {
  door = await openFrontDoor();
});
afterAll(() => door.close());

const written = async (): Promise<{ inbox: number; outbox: number }> => {
  const [row] = await door.sql<{ inbox: number; outbox: number }>(
    'select (select count(*) from webhook_inbox)::int as inbox, (select count(*) from outbox)::int as outbox',
  );
  return row!;
};

/** Sends one notification of a payment that nobody knows; only its form matters here. */
const notify = async (options: Parameters<FrontDoor['simulator']['control']['deliver']>[0] = {}): Promise<number | null> => {
  const [report] = await door.simulator.control.deliver({ paymentId: '770001', url: door.webhookUrl, retry: false, ...options });
  return report!.status;
};

describe('notifications', () => {
  test('P-103 P-104 a signed notification is one inbox row and one outbox row, and is answered with no Temporal anywhere', async () => {
    const before = await written();
    expect(await notify({ paymentId: '770100' })).toBe(200);
    expect(await written()).toEqual({ inbox: before.inbox + 1, outbox: before.outbox + 1 });
    const [row] = await door.sql(
      'select i.topic, i.secret_id, o.target, o.payload from webhook_inbox i join outbox o on o.payload ->> $1 = i.id::text where i.payment_id = $2',
      ['inboxId', '770100'],
    );
    expect(row).toMatchObject({
      topic: 'payment',
      secret_id: 's1',
      target: 'onboarding',
      payload: { type: 'payment.notified', paymentId: '770100' },
    });
  });

  test('P-103 the path that the requirements name takes the same notifications', async () => {
    expect(await notify({ url: `${door.url}/onboarding/checkout/webhook` })).toBe(200);
  });

  test.each([
    ['seconds', { tsUnit: 's' as const }],
    ['milliseconds', { tsUnit: 'ms' as const }],
    ['no x-request-id', { withoutRequestId: true }],
    ['the older of two secrets', { secret: 'the-older-secret' }],
    ['a genuine retry that comes nine days later', { ageMs: 9 * 86_400_000 }],
  ])('P-104 accepted: %s', async (_name, options) => {
    expect(await notify(options)).toBe(200);
  });

  test.each([
    ['forged', 401, { forged: true }],
    ['a secret of nobody', 401, { secret: 'another-secret' }],
    ['stale: older than ten days', 401, { ageMs: 11 * 86_400_000 }],
    ['from the future', 401, { ageMs: -11 * 60_000 }],
    ['the body names another payment than the query', 400, { bodyDataId: '770002' }],
    ['no data.id', 400, { withoutDataId: true }],
  ])('P-104 refused, nothing written: %s', async (_name, status, options) => {
    const before = await written();
    expect(await notify(options)).toBe(status);
    expect(await written()).toEqual(before);
  });

  test('P-104 a refusal says which rule was broken, and shows no signature', async () => {
    const { status, body } = await door.post('/webhooks/mercadopago?data.id=770001&type=payment', {}, { 'x-signature': 'ts=1,v1=feed' });
    expect(status).toBe(401);
    expect(body).toMatchObject({ code: 'SIGNATURE_INVALID' });
    expect(JSON.stringify(body)).not.toContain('feed');
  });

  test('P-104 headers and query parts that come twice verify nothing', async () => {
    const before = await written();
    const twice = (headers: Record<string, string | string[]>, path: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const call = httpRequest(`${door.url}${path}`, { method: 'POST', headers }, (response) =>
          resolve(response.resume().statusCode ?? 0),
        );
        call.on('error', reject);
        call.end('{}');
      });
    const signature = `ts=${String(Math.floor(Date.now() / 1_000))},v1=${'a'.repeat(64)}`;
    expect(await twice({ 'x-signature': [signature, signature] }, '/webhooks/mercadopago?data.id=1&type=payment')).toBe(401);
    expect(await twice({ 'x-signature': signature, 'x-request-id': ['a', 'b'] }, '/webhooks/mercadopago?data.id=1&type=payment')).toBe(401);
    expect(await twice({ 'x-signature': signature }, '/webhooks/mercadopago?data.id=1&data.id=2&type=payment')).toBe(400);
    expect(await written()).toEqual(before);
  });

  test('P-111 unknown topics and legacy topic+id calls are answered 200 and ignored', async () => {
    const before = await written();
    expect(await notify({ topic: 'topic_merchant_order_wh' })).toBe(200);
    expect(await notify({ legacy: true })).toBe(200);
    const form = await door.post('/webhooks/mercadopago?topic=merchant_order&id=12', 'topic=merchant_order&id=12', {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(form.status).toBe(200);
    expect((await written()).outbox).toBe(before.outbox);
  });

  test('a body of more than 64 KiB is refused with 413 before it is read', async () => {
    const { status, body } = await door.post(
      '/webhooks/mercadopago?data.id=1&type=payment',
      JSON.stringify({ pad: 'x'.repeat(WEBHOOK_BODY_LIMIT) }),
    );
    expect(status).toBe(413);
    expect(body).toMatchObject({ code: 'BODY_TOO_LARGE' });
  });

  test('P-111 P-170 a hundred copies at once: each answered 200, one inbox row, one outbox row', async () => {
    const reports = await door.simulator.control.deliver({ paymentId: '770200', url: door.webhookUrl, copies: 100, retry: false });
    expect(reports.map(({ status }) => status)).toEqual(Array(100).fill(200));
    const inbox = await door.sql<{ deliveries: number }>('select deliveries from webhook_inbox where payment_id = $1', ['770200']);
    const outbox = await door.sql(`select 1 from outbox where payload ->> 'paymentId' = $1`, ['770200']);
    expect(inbox).toEqual([{ deliveries: 100 }]);
    expect(outbox).toHaveLength(1);
  });

  test('P-170 a refund that follows an approval of the same payment is never taken for a repeat', async () => {
    const order = await door.checkout();
    const { paymentId } = await door.simulator.control.pay(order.preferenceId);
    await door.simulator.control.setStatus(paymentId, 'refunded');
    await door.simulator.control.idle();
    expect(await door.sql('select 1 from webhook_inbox where payment_id = $1', [paymentId])).toHaveLength(2);
    expect(await door.sql(`select 1 from outbox where payload ->> 'paymentId' = $1 and status = 'pending'`, [paymentId])).toHaveLength(2);
  });

  test('P-111 while the Admin DB is away the answer is 503, so that Mercado Pago sends it again; then it is taken', async () => {
    await door.databaseLine.down();
    expect(await notify({ paymentId: '770300' })).toBe(503);
    const ready = await fetch(`${door.url}/readyz`);
    expect([ready.status, await ready.json()]).toEqual([503, { ready: false, reason: 'the Admin DB does not answer' }]);
    expect((await fetch(`${door.url}/healthz`)).status).toBe(200);
    await door.databaseLine.up();
    expect(await notify({ paymentId: '770300' })).toBe(200);
    expect((await fetch(`${door.url}/readyz`)).status).toBe(200);
  });
});

describe('checkout', () => {
  test('P-100 P-101 writes the draft, reserves the slug and answers with the link of a preference for this order', async () => {
    const request = sampleCheckout({ planKey: 'growth', billingPeriod: 'annual' });
    const { status, body } = await door.post('/onboarding/checkout', request);
    expect(status).toBe(201);
    const accountId = String(body['accountId']);
    const [account] = await door.sql(
      'select status, business_name, plan_key, country, order_currency, order_amount::float8 as amount from nv_accounts where id = $1',
      [accountId],
    );
    expect(account).toEqual({
      status: 'draft',
      business_name: request.businessName,
      plan_key: 'growth',
      country: 'AR',
      order_currency: 'ARS',
      amount: 350_000,
    });
    expect(await door.sql('select status, account_id from slug_reservations where slug = $1', [request.slug])).toEqual([
      { status: 'reserved', account_id: accountId },
    ]);
    expect(await door.sql('select 1 from nv_onboarding where account_id = $1', [accountId])).toHaveLength(1);
    const preference = (await door.simulator.control.preferences()).find(({ id }) => id === body['preferenceId']);
    expect(preference).toMatchObject({
      external_reference: accountId,
      notification_url: door.webhookUrl,
      items: [{ unit_price: 350_000, currency_id: 'ARS' }],
    });
    expect(String(body['initPoint'])).toMatch(/^http/);
  });

  test('P-100 the same order sent again is the same account and the same preference; a changed one gets another', async () => {
    const request = sampleCheckout();
    const first = (await door.post('/onboarding/checkout', request)).body;
    const again = (await door.post('/onboarding/checkout', { ...request, accountId: first['accountId'] })).body;
    expect(again).toEqual(first);
    const dearer = (await door.post('/onboarding/checkout', { ...request, planKey: 'enterprise', accountId: first['accountId'] })).body;
    expect(dearer['accountId']).toBe(first['accountId']);
    expect(dearer['preferenceId']).not.toBe(first['preferenceId']);
  });

  test('P-100 two customers cannot have one slug: 409 names the field and writes nothing', async () => {
    const { slug } = await door.checkout();
    const [before] = await door.sql<{ n: number }>('select count(*)::int as n from nv_accounts');
    const { status, body } = await door.post('/onboarding/checkout', sampleCheckout({ slug }));
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'SLUG_TAKEN', field: 'slug' });
    expect(await door.sql('select count(*)::int as n from nv_accounts')).toEqual([before]);
  });

  test.each([
    ['slug', { slug: 'NO spaces!' }],
    ['slug', { slug: 'www' }],
    ['email', { email: 'nobody' }],
    ['country', { country: 'XX' }],
    ['businessName', { businessName: '   ' }],
    ['catalog.0.price', { catalog: [{ sku: 'a', name: 'A', price: '1,5' }] }],
    ['logo.contentType', { logo: { contentType: 'text/html', base64: 'AAAA' } }],
    ['bussinessName', { bussinessName: 'a typo' }],
  ])('P-101 refused with 400 that names %s', async (field, change) => {
    const { status, body } = await door.post('/onboarding/checkout', { ...sampleCheckout(), ...change });
    expect(status).toBe(400);
    expect(body).toMatchObject({ code: 'INPUT_INVALID', field });
    expect(String(body['hint'])).not.toBe('');
  });

  test('P-101 a plan that is not on sale is refused by name', async () => {
    const { status, body } = await door.post('/onboarding/checkout', sampleCheckout({ planKey: 'no-such-plan' }));
    expect(status).toBe(409);
    expect(body).toMatchObject({ code: 'PLAN_NOT_FOUND' });
  });

  test.each(['__proto__', 'constructor'])('a body with %s is refused', async (key) => {
    const text = JSON.stringify(sampleCheckout()).replace('{', `{"${key}":{"prototype":{"polluted":true}},`);
    const { status } = await door.post('/onboarding/checkout', text);
    expect(status).toBe(400);
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  test.each([
    ['cut JSON', '{"slug":', 'application/json', 400],
    ['no JSON at all', 'slug=a', 'application/x-www-form-urlencoded', 400],
    ['an empty body', '', 'application/json', 400],
    ['a list', '[]', 'application/json', 400],
    ['too long', `"${'x'.repeat(CHECKOUT_BODY_LIMIT)}"`, 'application/json', 413],
  ])('a body that is %s is refused in the same form', async (_name, text, type, status) => {
    const answer = await door.post('/onboarding/checkout', text, { 'content-type': type });
    expect(answer.status).toBe(status);
    expect(answer.body).toMatchObject({
      code: expect.any(String) as string,
      message: expect.any(String) as string,
      hint: expect.any(String) as string,
    });
  });

  test('Mercado Pago away: 503 with Retry-After and no word of its insides; the draft stands', async () => {
    await door.simulator.control.faults.add({ operation: 'preference.create', kind: 'status', status: 500 });
    const request = sampleCheckout();
    const { status, body, headers } = await door.post('/onboarding/checkout', request);
    expect(status).toBe(503);
    expect(headers.get('retry-after')).not.toBeNull();
    expect(body).toMatchObject({ code: 'MP_UNAVAILABLE' });
    expect(await door.sql(`select status from nv_accounts where slug = $1`, [request.slug])).toEqual([{ status: 'draft' }]);
  });

  test('P-100 a customer whom no answer reached sends the form again and goes on with the same draft; another form does not get the name', async () => {
    await door.simulator.control.faults.add({ operation: 'preference.create', kind: 'status', status: 500 });
    const request = sampleCheckout();
    expect((await door.post('/onboarding/checkout', request)).status).toBe(503);
    const { status, body } = await door.post('/onboarding/checkout', request);
    expect(status).toBe(201);
    expect(await door.sql('select id, status from nv_accounts where slug = $1', [request.slug])).toEqual([
      { id: body['accountId'], status: 'draft' },
    ]);
    for (const change of [{ email: 'somebody@example.com' }, { businessName: `${request.businessName}.` }, { catalog: [] }]) {
      const other = await door.post('/onboarding/checkout', { ...request, ...change });
      expect(other).toMatchObject({ status: 409, body: { code: 'SLUG_TAKEN' } });
    }
    // Once it is paid nobody's form finds it.
    await door.sql(`update nv_accounts set status = 'paid' where id = $1`, [body['accountId']]);
    expect(await door.post('/onboarding/checkout', request)).toMatchObject({ status: 409, body: { code: 'SLUG_TAKEN' } });
  });
});

describe('the public interface', () => {
  test('P-615 nothing but the documented routes is public', async () => {
    const document = (await (await fetch(`${door.url}/openapi.json`)).json()) as { paths: Record<string, object> };
    expect(Object.keys(document.paths).sort()).toEqual([
      '/oauth/mercadopago',
      '/onboarding/checkout',
      '/onboarding/checkout/webhook',
      '/stores/{slug}',
      '/webhooks/mercadopago',
    ]);
    for (const path of ['/', '/onboardings', '/admin', '/stores']) {
      const response = await fetch(`${door.url}${path}`);
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ code: 'NOT_FOUND' });
    }
  });

  test('P-137 a slug without an open store is 404', async () => {
    const { slug } = await door.checkout();
    const response = await fetch(`${door.url}/stores/${slug}`);
    expect(response.status).toBe(404);
    expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  });
});
