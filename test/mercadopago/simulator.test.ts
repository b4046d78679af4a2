import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createMercadoPago, parseNotification, verifySignature } from '../../adapters/mercadopago/index.ts';
import { createControl } from '../../local/mercadopago/control.ts';
import { type Simulator, startMercadoPago } from '../../local/mercadopago/index.ts';

interface Received {
  query: Record<string, string>;
  headers: IncomingHttpHeaders;
  body: string;
}

let dir: string;
let sim: Simulator;
let receiver: Server;
let notificationUrl: string;
let received: Received[] = [];
/** Statuses of the next answers; 200 once they are used up. */
let answers: number[] = [];

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'alta-mp-'));
  sim = await startMercadoPago({ webhookRetryMs: [5, 5, 5], dataFile: join(dir, 'shared.jsonl') });
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const url = new URL(request.url ?? '/', 'http://receiver');
      received.push({ query: Object.fromEntries(url.searchParams), headers: request.headers, body: Buffer.concat(chunks).toString() });
      response.writeHead(answers.shift() ?? 200).end('{}');
    });
  }).listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  notificationUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/webhooks/mercadopago?tenant=1`;
});
beforeEach(() => {
  received = [];
  answers = [];
});
afterAll(async () => {
  await sim.close();
  receiver.closeAllConnections();
  receiver.close();
  await rm(dir, { recursive: true, force: true });
});

const verify = ({ query, headers }: Received, secret = sim.webhookSecret) =>
  verifySignature({
    xSignature: headers['x-signature'],
    xRequestId: headers['x-request-id'],
    dataId: query['data.id'],
    secrets: [{ id: 'k', secret }],
    now: new Date(),
    maxAgeMs: 864_000_000,
    maxFutureMs: 600_000,
  });

const pay = (over = {}) => sim.control.pay(null, { amount: '10', notificationUrl, ...over });

test('P-104: paying sends a signed webhook to the notification_url, in the documented form', async () => {
  const { paymentId } = await pay();
  await sim.control.setStatus(paymentId, 'refunded');
  await sim.control.idle();
  expect(received).toHaveLength(2);
  for (const one of received) {
    expect(verify(one)).toMatchObject({ ok: true, variant: 'verbatim' });
    expect(parseNotification(one)).toMatchObject({ kind: 'payment', dataId: paymentId, attempt: 0, userId: sim.collectorId });
    expect(one.query).toMatchObject({ tenant: '1', type: 'payment' });
    expect(one.headers).toMatchObject({ 'user-agent': 'MercadoPago WebHook v1.0 payment', 'x-socket-timeout': '22000' });
  }
  expect(new Set(received.map((one) => parseNotification(one).deliveryKey)).size).toBe(2);
});

test('P-104: signatures of every kind that the API has to tell apart', async () => {
  const { paymentId } = await pay({ notify: false });
  const kinds: [Parameters<typeof sim.control.deliver>[0], object][] = [
    [{ tsUnit: 'ms' }, { ok: true }],
    [{ withoutRequestId: true }, { ok: true }],
    [{ forged: true }, { reason: 'mismatch' }],
    [{ secret: 'another' }, { reason: 'mismatch' }],
    [{ ageMs: 11 * 86_400_000 }, { reason: 'too-old' }],
    [{ ageMs: -3_600_000 }, { reason: 'in-future' }],
    [{ withoutDataId: true }, { reason: 'data-id-missing' }],
    [{ legacy: true }, { reason: 'signature-missing' }],
  ];
  for (const [options, want] of kinds) {
    received = [];
    await sim.control.deliver({ paymentId, ...options });
    expect(verify(received[0] as Received)).toMatchObject(want);
  }
  await sim.control.deliver({ paymentIds: ['ABC'], url: notificationUrl, topic: 'order', signLowercase: true });
  expect(verify(received.at(-1) as Received)).toMatchObject({ ok: true, variant: 'lowercase' });
  await sim.control.deliver({ paymentId, bodyDataId: '1' });
  expect(parseNotification(received.at(-1) as Received)).toMatchObject({ kind: 'invalid', reason: 'data-id-mismatch' });
});

test('100 copies come at once; they share a notification id unless asked to differ', async () => {
  const { paymentId } = await pay({ notify: false });
  const reports = await sim.control.deliver({ paymentId, copies: 100 });
  expect(reports.map(({ status }) => status)).toEqual(Array(100).fill(200));
  expect(new Set(received.map((one) => parseNotification(one).deliveryKey)).size).toBe(1);
  received = [];
  await sim.control.deliver({ paymentId, copies: 20, distinct: true, shuffle: true });
  expect(new Set(received.map((one) => parseNotification(one).deliveryKey)).size).toBe(20);
});

test('what is not answered with 200 or 201 is sent again with its first ts, until the timetable ends', async () => {
  answers = [500, 503, 201];
  const { paymentId } = await pay();
  await sim.control.idle();
  expect(received.map(({ headers }) => headers['x-retry'])).toEqual(['0', '1', '2']);
  expect(new Set(received.map(({ headers }) => headers['x-signature'])).size).toBe(1);
  received = [];
  answers = [401, 401, 401, 401, 401];
  await sim.control.deliver({ paymentId });
  await sim.control.idle();
  expect(received).toHaveLength(4);
  const webhooks = (await sim.control.ledger({ kind: 'webhook' })).filter(
    (entry) => entry.kind === 'webhook' && entry.paymentId === paymentId,
  );
  expect(webhooks).toHaveLength(7);
});

test('a closed simulator drops planned repeats', async () => {
  const short = await startMercadoPago({ webhookRetryMs: [3_600_000] });
  answers = [500];
  const { paymentId } = await short.control.pay(null, { amount: '1', notify: false, notificationUrl });
  await short.control.deliver({ paymentId });
  await short.close();
  expect(received).toHaveLength(1);
});

/** Starts the simulator as its own process and waits for its line. */
async function run(dataFile: string): Promise<{ child: ChildProcess; url: string; accessToken: string }> {
  const child = spawn(process.execPath, ['local/mercadopago/main.ts', '--data-file', dataFile], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, ...(JSON.parse(line) as { url: string; accessToken: string }) };
}

test('as a process it tells its address, ends cleanly on SIGTERM and knows its payments after SIGKILL', async () => {
  const file = join(dir, 'process', 'mp.jsonl');
  const first = await run(file);
  const client = (at: { url: string; accessToken: string }) => createMercadoPago({ baseUrl: at.url, accessToken: at.accessToken });
  const link = await client(first).createPreference({
    title: 'Plan',
    amount: '99.90',
    currency: 'ARS',
    externalReference: 'a',
    notificationUrl,
    idempotencyKey: 'k',
  });
  const { paymentId } = await createControl(first.url).pay(link.id, { notify: false });
  await client(first).refundPayment(paymentId, { amount: '9.90', idempotencyKey: 'r' });
  first.child.kill('SIGKILL');
  await once(first.child, 'exit');

  const second = await run(file);
  expect(await client(second).getPayment(paymentId)).toMatchObject({ amount: '99.9', amountRefunded: '9.9' });
  await client(second).refundPayment(paymentId, { amount: '9.90', idempotencyKey: 'r' });
  expect((await client(second).getPayment(paymentId)).amountRefunded).toBe('9.9');
  const control = createControl(second.url);
  expect(Number((await control.pay(link.id, { notify: false })).paymentId)).toBeGreaterThan(Number(paymentId));
  const seqs = (await control.ledger()).map(({ seq }) => seq);
  expect(seqs).toEqual(seqs.map((_seq, index) => index + 1));
  second.child.kill('SIGTERM');
  expect(await once(second.child, 'exit')).toEqual([0, null]);
});
