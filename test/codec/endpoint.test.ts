import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { loadConfig } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { buildApi } from '../../client/api/index.ts';
import { payloadsOf, wholeHistory } from '../support/histories/files.ts';
import { canary, findLeaks } from '../support/leaks.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

const TOKEN = randomBytes(24).toString('base64url');
const UI = 'https://temporal.example.com';
const OPERATOR = `Basic ${Buffer.from(`ana:${TOKEN}`).toString('base64')}`;
interface Written {
  metadata?: Record<string, string>;
  data?: string;
}

let world: World;
let order: PlacedOrder;
const logged: string[] = [];
let sealed: Written[];

beforeAll(async () => {
  world = await startWorld({
    env: {
      ALTA_OPERATOR_TOKENS: `bea:${'b'.repeat(24)},ana:${TOKEN}`,
      TEMPORAL_UI_URL: `${UI}/some/path`,
      ALTA_CODEC_ORIGINS: 'https://ops.example.com',
    },
    log: createLogger('test', 'trace', { write: (line) => void logged.push(line) }),
  });
  order = await world.checkout();
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  const text = JSON.stringify(wholeHistory(await world.handle(order.accountId).fetchHistory()));
  sealed = [];
  JSON.parse(text, (_key, value: Written | null) => {
    if (typeof value === 'object' && value?.metadata?.['encoding'] !== undefined) sealed.push(value);
    return value;
  });
}, 120_000);
afterAll(() => world.close());

/** Asks as the Web UI does: `fetch` with JSON, the namespace in a header, credentials included. */
const ask = (payloads: unknown, headers: Record<string, string> = {}, path = '/codec/decode'): Promise<Response> =>
  fetch(`${world.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-namespace': 'default', origin: UI, authorization: OPERATOR, ...headers },
    body: JSON.stringify({ payloads }),
  });

test('P-615: opens every payload of a history for an operator, and lets what Temporal wrote in plain pass as it is', async () => {
  const plain = sealed.filter(({ metadata }) => metadata!['encoding'] !== Buffer.from('binary/encrypted').toString('base64'));
  expect(plain.length).toBeGreaterThan(0);
  const response = await ask(sealed);
  expect(response.status).toBe(200);
  expect(response.headers.get('access-control-allow-origin')).toBe(UI);
  expect(response.headers.get('access-control-allow-credentials')).toBe('true');
  expect(response.headers.get('cache-control')).toBe('no-store');
  const { payloads } = (await response.json()) as { payloads: Written[] };
  expect(payloads).toHaveLength(sealed.length);
  const said = payloadsOf(JSON.stringify(payloads)).join('\n');
  expect(said).toContain(`"accountId":"${order.accountId}"`);
  expect(said).toContain('makes one store out of one paid order');
  for (const payload of plain) expect(payloads).toContainEqual(payload);
  expect(payloads.map(({ metadata }) => Buffer.from(metadata!['encoding']!, 'base64').toString())).not.toContain('binary/encrypted');
  // The policy, the memo and whatever else was opened is in no line of the log; that it was opened is.
  const log = logged.join('');
  expect(log).toContain('payloads were opened for an operator');
  expect(log).toContain('"operator":"ana"');
  expect(log).not.toContain('makes one store out of one paid order');
  expect(await findLeaks([{ name: 'log', text: log }], [canary('token', TOKEN), canary('authorization', OPERATOR)])).toEqual([]);
});

test.each([
  ['nobody', ''],
  ['a wrong token', `Bearer ${'x'.repeat(32)}`],
  ["another operator's name", `Basic ${Buffer.from(`bea:${TOKEN}`).toString('base64')}`],
  ['a token that is not finished', `Bearer ${TOKEN.slice(0, -1)}`],
  ['something that is none', `Basic ${TOKEN}`],
])('P-615: %s gets 401, and a browser is asked for its name', async (_who, authorization) => {
  const response = await ask(sealed, { authorization });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toMatch(/^Basic /);
  expect(await response.json()).toMatchObject({ code: 'UNAUTHORIZED' });
});

test('P-615: a token alone passes as a bearer; a browser signs in at /codec', async () => {
  expect((await ask([], { authorization: `Bearer ${TOKEN}` })).status).toBe(200);
  const page = await fetch(`${world.url}/codec`, { headers: { authorization: OPERATOR } });
  expect([page.status, await page.text()]).toEqual([200, 'Signed in as ana. Go back to the Temporal Web UI.\n']);
  expect((await fetch(`${world.url}/codec`)).status).toBe(401);
});

test('P-615: there is no encode, and another namespace, a malformed body and one too long are refused', async () => {
  expect((await ask(sealed, {}, '/codec/encode')).status).toBe(404);
  expect((await ask(sealed, { 'x-namespace': 'other' })).status).toBe(400);
  expect((await ask(sealed, { 'x-namespace': '' })).status).toBe(400);
  expect((await ask('payloads')).status).toBe(400);
  expect((await ask([{ data: '%%%' }])).status).toBe(400);
  expect((await ask([{ data: 'A'.repeat(5 * 1024 * 1024) }])).status).toBe(413);
  expect((await ask([{}])).status).toBe(200);
});

test('a payload that does not open says why in its place, and the others open', async () => {
  const [first] = sealed.filter(({ metadata }) => metadata!['alta-key'] !== undefined);
  const broken = { ...first, data: Buffer.concat([Buffer.from(first!.data!, 'base64'), Buffer.from('x')]).toString('base64') };
  const foreign = { ...first, metadata: { ...first!.metadata, 'alta-key': Buffer.from('lost').toString('base64') } };
  const { payloads } = (await (await ask([broken, foreign, first])).json()) as { payloads: Written[] };
  const said = payloads.map(({ data }) => Buffer.from(data!, 'base64').toString());
  expect(said[0]).toContain('CODEC_TAMPERED');
  expect(said[1]).toContain('CODEC_KEY_UNKNOWN');
  expect(said[2]).toContain(order.accountId);
});

test.each([
  [UI, UI],
  ['https://ops.example.com', 'https://ops.example.com'],
  ['https://evil.example.com', null],
  [`${UI}.evil.example.com`, null],
  ['null', null],
])('P-615: a browser page of %s is allowed: %p', async (origin, allowed) => {
  const preflight = await fetch(`${world.url}/codec/decode`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type,x-namespace' },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get('access-control-allow-origin')).toBe(allowed);
  expect((await ask([], { origin })).headers.get('access-control-allow-origin')).toBe(allowed);
});

test('P-615: one address gets so many requests a minute, refused ones counted; without tokens there is no endpoint', async () => {
  const deps = { db: world.db, vault: world.vault, mp: world.mp, log: createLogger('test', 'silent') };
  const limited = await buildApi({ ...deps, config: world.config });
  const statuses: number[] = [];
  for (let sent = 0; sent < 605; sent += 1) {
    statuses.push((await limited.inject({ method: 'POST', url: '/codec/decode', payload: {} })).statusCode);
  }
  const counts = (status: number): number => statuses.filter((one) => one === status).length;
  expect([counts(401), counts(429)]).toEqual([600, 5]);
  await limited.close();

  const without = await buildApi({ ...deps, config: loadConfig({ ...world.env, ALTA_OPERATOR_TOKENS: '' }) });
  expect((await without.inject({ method: 'POST', url: '/codec/decode', payload: {} })).statusCode).toBe(404);
  await without.close();
});

test('P-617: a short token is refused at start, without being shown', () => {
  const start = (): unknown => loadConfig({ ...world.env, ALTA_OPERATOR_TOKENS: 'ana:too-short' });
  expect(start).toThrow(/ALTA_OPERATOR_TOKENS: a token has at least 20 characters/);
  expect(start).not.toThrow('too-short');
});
