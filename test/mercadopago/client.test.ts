import { createHash, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createMercadoPago, type MercadoPago } from '../../adapters/mercadopago/index.ts';
import { type AltaError, isAltaError } from '../../contract/errors.ts';
import type { Fault } from '../../local/mercadopago/control.ts';
import { type Simulator, startMercadoPago } from '../../local/mercadopago/index.ts';

let sim: Simulator;
let mp: MercadoPago;
let preferenceId: string;

const connect = (over: { accessToken?: string; timeoutMs?: number; baseUrl?: string } = {}): MercadoPago =>
  createMercadoPago({
    baseUrl: sim.url,
    accessToken: sim.accessToken,
    clientId: sim.clientId,
    clientSecret: sim.clientSecret,
    timeoutMs: 5_000,
    ...over,
  });

const order = () => ({
  title: 'Plan growth',
  amount: '1500.50',
  currency: 'ARS',
  externalReference: randomUUID(),
  notificationUrl: 'http://127.0.0.1:9/webhooks/mercadopago',
  idempotencyKey: randomUUID(),
});

beforeAll(async () => {
  sim = await startMercadoPago();
  mp = connect();
  preferenceId = (await mp.createPreference(order())).id;
});
afterEach(() => sim.control.faults.clear());
afterAll(() => sim.close());

/** A server that says one thing to everybody; it goes down with the tests, whatever they find. */
const strangers: Server[] = [];
async function stranger(say: () => string): Promise<string> {
  const server = createServer((_request, response) => response.end(say())).listen(0, '127.0.0.1');
  strangers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}
afterAll(() => {
  for (const server of strangers) {
    server.close();
    server.closeAllConnections();
  }
});

const pay = async (over = {}): Promise<string> => (await sim.control.pay(preferenceId, { notify: false, ...over })).paymentId;

async function failure(act: Promise<unknown>): Promise<AltaError> {
  const error: unknown = await act.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!isAltaError(error)) throw new Error(`expected an AltaError, got ${String(error)}`);
  return error;
}

/** How many requests an act makes, by the other side's own count. */
async function callsDuring(act: () => Promise<unknown>): Promise<number> {
  const after = (await sim.control.ledger()).at(-1)?.seq ?? 0;
  await act();
  return (await sim.control.ledger({ after, kind: 'call' })).length;
}

describe('preferences and payments', () => {
  test('P-100: a preference carries reference and amount, and the same key makes it once', async () => {
    const request = order();
    const made = await mp.createPreference(request);
    expect(made.initPoint).toContain(made.id);
    expect(await mp.createPreference(request)).toEqual(made);
    const [kept, ...others] = (await sim.control.preferences()).filter((one) => one.external_reference === request.externalReference);
    expect(others).toEqual([]);
    expect(kept).toMatchObject({
      notification_url: request.notificationUrl,
      items: [{ title: 'Plan growth', quantity: 1, unit_price: 1500.5, currency_id: 'ARS' }],
    });
    expect((await fetch(made.initPoint)).status).toBe(200);
  });

  test('P-105: a payment is read whole, ids and amounts as text', async () => {
    const id = await pay();
    expect(await mp.getPayment(id)).toMatchObject({
      id,
      status: 'approved',
      statusDetail: 'accredited',
      amount: '1500.5',
      amountRefunded: '0',
      currency: 'ARS',
      collectorId: sim.collectorId,
      liveMode: false,
    });
  });

  test('P-105: ids beyond 2^53 and amounts as text survive; an answer about another payment is refused', async () => {
    const body = { ...(await sim.control.pay(preferenceId, { notify: false })), transaction_amount: '24.50', external_reference: '' };
    await sim.control.faults.add({ operation: 'payment.get', kind: 'json', body });
    expect(await mp.getPayment(String(body.id))).toMatchObject({ amount: '24.50', externalReference: null });
    await sim.control.faults.add({ operation: 'payment.get', kind: 'json', body });
    expect((await failure(mp.getPayment('7'))).code).toBe('MP_BAD_ANSWER');
    const text = JSON.stringify({ ...body, id: 0 }).replace('"id":0', '"id":12345678901234567891');
    const other = await stranger(() => text);
    expect((await connect({ baseUrl: other }).getPayment('12345678901234567891')).id).toBe('12345678901234567891');
  });

  test('a payment whose webhook never came is found by its reference and by time', async () => {
    const since = new Date();
    const reference = randomUUID();
    const id = await pay({ externalReference: reference });
    expect(await mp.searchPayments({ externalReference: reference })).toMatchObject({
      total: 1,
      hits: [{ id, status: 'approved', externalReference: reference }],
    });
    expect((await mp.searchPayments({ since })).hits.map((hit) => hit.id)).toContain(id);
    expect((await mp.searchPayments({ until: new Date(since.getTime() - 60_000) })).total).toBe(0);
    expect((await mp.searchPayments({ since, offset: 50 })).hits).toEqual([]);
  });

  test('an unknown payment, a foreign one and a wrong token are told apart', async () => {
    expect((await failure(mp.getPayment('1'))).code).toBe('PAYMENT_NOT_FOUND');
    const foreign = await failure(mp.getPayment(await pay({ owner: '555' })));
    expect(foreign).toMatchObject({ code: 'MP_UNAUTHORIZED', details: { status: 403, mpCode: '4' } });
    expect(await failure(connect({ accessToken: 'wrong' }).getPayment('1'))).toMatchObject({
      code: 'MP_UNAUTHORIZED',
      details: { status: 401 },
    });
  });

  test('nothing but digits reaches a path, nothing but money an amount', async () => {
    const calls = await callsDuring(async () => {
      for (const id of ['', '1/refunds', '../users/me', '1?x=1', '1'.repeat(21)])
        expect((await failure(mp.getPayment(id))).code).toBe('INPUT_INVALID');
      for (const amount of ['0', '0.00', '-1', '1e3', '1.234', 'NaN'])
        expect((await failure(mp.createPreference({ ...order(), amount }))).code).toBe('INPUT_INVALID');
      expect((await failure(mp.refundPayment('1', { idempotencyKey: ' ' }))).code).toBe('INPUT_INVALID');
    });
    expect(calls).toBe(0);
  });
});

describe('every way an answer goes wrong has its code, and costs one request', () => {
  const rows: [string, Omit<Fault, 'operation'>, object][] = [
    [
      '429 with Retry-After',
      { kind: 'status', status: 429, retryAfterSeconds: 7 },
      { code: 'MP_RATE_LIMITED', retryAfterMs: 7_000, retryable: true },
    ],
    ['429 without', { kind: 'status', status: 429 }, { code: 'MP_RATE_LIMITED', retryAfterMs: undefined }],
    ['429 that asks for a month', { kind: 'status', status: 429, retryAfterSeconds: 2_592_000 }, { retryAfterMs: 3_600_000 }],
    ['429 in HTML', { kind: 'html', status: 429, retryAfterSeconds: 1 }, { code: 'MP_RATE_LIMITED', retryAfterMs: 1_000 }],
    ['500', { kind: 'status', status: 500 }, { code: 'MP_UNAVAILABLE', retryable: true }],
    ['503 with Retry-After', { kind: 'status', status: 503, retryAfterSeconds: 2 }, { code: 'MP_UNAVAILABLE', retryAfterMs: 2_000 }],
    ['502 in HTML', { kind: 'html' }, { code: 'MP_UNAVAILABLE' }],
    ['408', { kind: 'status', status: 408 }, { code: 'MP_UNAVAILABLE' }],
    ['400', { kind: 'status', status: 400 }, { code: 'MP_REJECTED', retryable: false }],
    ['403 in HTML, of something in between', { kind: 'html', status: 403 }, { code: 'MP_BAD_ANSWER', retryable: true }],
    ['404 in HTML, of something in between', { kind: 'html', status: 404 }, { code: 'MP_BAD_ANSWER' }],
    ["404 of a gateway's own", { kind: 'json', status: 404, body: { message: 'no Route matched' } }, { code: 'MP_BAD_ANSWER' }],
    ['200 and no JSON', { kind: 'not-json' }, { code: 'MP_BAD_ANSWER' }],
    ['200 and HTML', { kind: 'html', status: 200 }, { code: 'MP_BAD_ANSWER' }],
    ['200 and an empty object', { kind: 'json', body: {} }, { code: 'MP_BAD_ANSWER' }],
    ['200 and a list', { kind: 'json', body: [] }, { code: 'MP_BAD_ANSWER' }],
    ['200 and more than we read', { kind: 'huge' }, { code: 'MP_BAD_ANSWER', message: expect.stringContaining('more than 4194304 bytes') }],
    ['a redirect', { kind: 'redirect' }, { code: 'MP_BAD_ANSWER', details: { status: 302 } }],
    ['a dropped connection', { kind: 'refuse' }, { code: 'MP_UNAVAILABLE' }],
    ['a cut body', { kind: 'cut' }, { code: 'MP_UNAVAILABLE' }],
    ['no answer in time', { kind: 'hang' }, { code: 'MP_UNAVAILABLE' }],
    ['half a body in time', { kind: 'hang-body' }, { code: 'MP_UNAVAILABLE' }],
  ];
  test.each(rows)('%s', async (_name, fault, want) => {
    const id = await pay();
    await sim.control.faults.add({ operation: 'payment.get', ...fault });
    const hurried = connect({ timeoutMs: fault.kind.startsWith('hang') ? 1_000 : 5_000 });
    const calls = await callsDuring(async () => {
      const error = await failure(hurried.getPayment(id));
      expect(error).toMatchObject(want);
      expect(error.details['mayHaveActed'] ?? false).toBe(false);
      expect(JSON.stringify([error.message, error.details])).not.toMatch(/injected|html|Bearer|token/i);
    });
    expect(calls).toBe(1);
    expect((await mp.getPayment(id)).id).toBe(id);
  });

  test('a redirect is not followed, so the token goes nowhere else', async () => {
    let visited = false;
    const location = await stranger(() => {
      visited = true;
      return '{}';
    });
    await sim.control.faults.add({ operation: 'users.me', kind: 'redirect', location });
    expect((await failure(mp.me(sim.accessToken))).code).toBe('MP_BAD_ANSWER');
    expect(visited).toBe(false);
  });

  test('nobody listening is MP_UNAVAILABLE', async () => {
    const gone = await startMercadoPago();
    await gone.close();
    expect(await failure(connect({ baseUrl: gone.url }).getPayment('1'))).toMatchObject({
      code: 'MP_UNAVAILABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});

test.each(['hang', 'hang-body'] as const)("the caller's signal ends a call (%s) with the caller's own reason", async (kind) => {
  const id = await pay();
  await sim.control.faults.add({ operation: 'payment.get', kind });
  const caller = new AbortController();
  const reason = new Error('the activity was cancelled');
  const after = (await sim.control.ledger()).at(-1)?.seq ?? 0;
  const call = mp.getPayment(id, caller.signal).catch((error: unknown) => error);
  while ((await sim.control.ledger({ after, operation: 'payment.get' })).length === 0);
  caller.abort(reason);
  expect(await call).toBe(reason);
  const calls = await callsDuring(async () => expect(await mp.getPayment(id, caller.signal).catch((error: unknown) => error)).toBe(reason));
  expect(calls).toBe(0);
});

describe('refunds', () => {
  const effects = async (id: string): Promise<number> =>
    (await sim.control.ledger({ kind: 'effect' })).filter(
      (entry) => entry.kind === 'effect' && entry.what === 'refund.approved' && entry.reference === id,
    ).length;

  test('the same key refunds once, also when the first answer was lost', async () => {
    for (const kind of ['lost', 'cut'] as const) {
      const id = await pay();
      const idempotencyKey = randomUUID();
      await sim.control.faults.add({ operation: 'refund.create', kind });
      expect(await failure(mp.refundPayment(id, { idempotencyKey }))).toMatchObject({
        code: 'MP_UNAVAILABLE',
        details: { mayHaveActed: true },
      });
      const refund = await mp.refundPayment(id, { idempotencyKey });
      expect(refund).toMatchObject({ paymentId: id, amount: '1500.5', status: 'approved' });
      expect(await effects(id)).toBe(1);
      expect(await mp.getRefund(id, refund.id)).toEqual(refund);
      expect(await mp.getPayment(id)).toMatchObject({ status: 'refunded', amountRefunded: '1500.5' });
    }
  });

  test('parts never add up to more than was captured', async () => {
    const id = await pay();
    await mp.refundPayment(id, { amount: '500.25', idempotencyKey: randomUUID() });
    expect(await mp.getPayment(id)).toMatchObject({ status: 'approved', statusDetail: 'partially_refunded', amountRefunded: '500.25' });
    expect(await failure(mp.refundPayment(id, { amount: '1000.26', idempotencyKey: randomUUID() }))).toMatchObject({
      code: 'MP_REJECTED',
      details: { mpCode: '2063' },
    });
    expect((await mp.refundPayment(id, { idempotencyKey: randomUUID() })).amount).toBe('1000.25');
    expect((await failure(mp.refundPayment(id, { idempotencyKey: randomUUID() }))).code).toBe('MP_REJECTED');
    expect((await mp.getPayment(id)).amountRefunded).toBe('1500.5');
  });

  test('keys of calls at once do not mix', async () => {
    const ids = await Promise.all(Array.from({ length: 5 }, () => pay()));
    await Promise.all(ids.map((id) => mp.refundPayment(id, { idempotencyKey: `refund/${id}` })));
    const keys = (await sim.control.ledger({ operation: 'refund.create' })).map((entry) =>
      entry.kind === 'call' ? [entry.path, entry.idempotencyKey] : [],
    );
    for (const id of ids) expect(keys).toContainEqual([`/v1/payments/${id}/refunds`, `refund/${id}`]);
  });

  test('a refund in process is not money back', async () => {
    await sim.control.setRefundStatus('in_process');
    const id = await pay();
    expect((await mp.refundPayment(id, { idempotencyKey: randomUUID() })).status).toBe('in_process');
    expect((await mp.getPayment(id)).amountRefunded).toBe('0');
    await sim.control.setRefundStatus('approved');
  });
});

describe('seller consent', () => {
  const redirectUri = 'https://alta.example.com/oauth';

  test('a code works once, only with its redirect and its PKCE verifier', async () => {
    const verifier = randomUUID() + randomUUID();
    const codeChallenge = createHash('sha256').update(verifier).digest('base64url');
    const { code, sellerId } = await sim.control.issueCode({ redirectUri, codeChallenge });
    const wrong = { code: 'MP_REJECTED', details: { mpError: 'invalid_grant' } };
    expect(await failure(mp.exchangeCode({ code, redirectUri }))).toMatchObject(wrong);
    expect(await failure(mp.exchangeCode({ code, redirectUri: `${redirectUri}/`, codeVerifier: verifier }))).toMatchObject(wrong);
    const grant = await mp.exchangeCode({ code, redirectUri, codeVerifier: verifier });
    expect(grant).toMatchObject({ mpUserId: sellerId, liveMode: false });
    expect(Math.round((grant.expiresAt.getTime() - Date.now()) / 86_400_000)).toBe(180);
    expect(await mp.me(grant.accessToken)).toMatchObject({ id: sellerId, siteId: 'MLA' });
    expect(await failure(mp.exchangeCode({ code, redirectUri, codeVerifier: verifier }))).toMatchObject(wrong);
  });

  test('a refresh token works once, and a lost answer is not asked for again behind our back', async () => {
    const { code, sellerId } = await sim.control.issueCode({ redirectUri });
    const first = await mp.exchangeCode({ code, redirectUri });
    const second = await mp.refreshToken(first.refreshToken ?? '');
    expect(second).toMatchObject({ mpUserId: sellerId });
    expect(second.refreshToken).not.toBe(first.refreshToken);
    expect(await failure(mp.refreshToken(first.refreshToken ?? ''))).toMatchObject({
      code: 'MP_REJECTED',
      retryable: false,
      details: { mpError: 'invalid_grant' },
    });
    await sim.control.faults.add({ operation: 'oauth.token', kind: 'lost' });
    const calls = await callsDuring(async () => {
      expect(await failure(mp.refreshToken(second.refreshToken ?? ''))).toMatchObject({
        code: 'MP_UNAVAILABLE',
        details: { mayHaveActed: true },
      });
    });
    expect(calls).toBe(1);
    expect((await failure(mp.refreshToken(second.refreshToken ?? ''))).details).toMatchObject({ mpError: 'invalid_grant' });
    expect((await mp.me(second.accessToken)).id).toBe(sellerId);
    await sim.control.revoke(sellerId);
    expect((await failure(mp.me(second.accessToken))).code).toBe('MP_UNAUTHORIZED');
  });

  test('503 on a token request is one request; without an application none is made', async () => {
    await sim.control.faults.add({ operation: 'oauth.token', kind: 'status', status: 503, count: 4 });
    expect(await callsDuring(() => failure(mp.refreshToken('TG-x')))).toBe(1);
    const bare = createMercadoPago({ baseUrl: sim.url, accessToken: sim.accessToken });
    expect(await callsDuring(async () => expect((await failure(bare.refreshToken('TG-x'))).code).toBe('CONFIG_INVALID'))).toBe(0);
  });

  test('no token, code or secret is ever in the ledger', async () => {
    expect(JSON.stringify(await sim.control.ledger())).not.toMatch(/APP_USR-|TG-|TEST-simulated|client-secret/);
  });
});
