import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import {
  checkClusterSchema,
  createAdminUser,
  createClusterRouter,
  publishClient,
  putAssets,
  readStore,
  type ClusterSecrets,
} from '../../adapters/cluster/index.ts';
import { withSignal } from '../../adapters/signal.ts';
import { clusterAt, sampleStore } from '../support/cluster-process.ts';

/** A plain HTTP server that answers what the test says, as gateways, proxies and wrong addresses do. */
let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let requests: IncomingMessage[];

beforeEach(async () => {
  requests = [];
  server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, 'close');
});

const { account, context } = sampleStore();
const reply = (status: number, body: string, headers: Record<string, string> = {}): void => {
  answer = (_request, response) => void response.writeHead(status, headers).end(body);
};
const json = { 'content-type': 'application/json' };
const page = '<html><body><h1>502 Bad Gateway</h1></body></html>';
const read = async (timeoutMs?: number) => readStore(await clusterAt(url, 'sb_secret_x', undefined, timeoutMs), account.id);
const create = async (timeoutMs?: number) =>
  createAdminUser(await clusterAt(url, 'sb_secret_x', undefined, timeoutMs), { ...context, email: account.email });

test('P-119: the HTML page of a gateway is "unreachable", in the data API and in Auth', async () => {
  reply(502, page, { 'content-type': 'text/html' });
  await expect(read()).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE', retryable: true, details: { status: 502 } });
  await expect(create()).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
});

test.each([
  ['an empty body', ''],
  ['an empty list', '[]'],
])('P-119: 404 with %s is not success', async (_name, body) => {
  reply(404, body, json);
  await expect(read()).rejects.toMatchObject({ code: 'CLUSTER_BAD_ANSWER' });
  const cluster = await clusterAt(url, 'sb_secret_x');
  await expect(publishClient(cluster, { accountId: account.id, version: 1 })).rejects.toMatchObject({ code: 'CLUSTER_BAD_ANSWER' });
});

test('P-119: 200 with something else than our answer is not success', async () => {
  for (const body of ['{}', '[]', '"fine"', '{"outcome":"written"}']) {
    reply(200, body, json);
    await expect(publishClient(await clusterAt(url, 'sb_secret_x'), { accountId: account.id, version: 1 })).rejects.toMatchObject({
      code: 'CLUSTER_BAD_ANSWER',
    });
  }
  reply(200, page, { 'content-type': 'text/html' });
  await expect(read()).rejects.toMatchObject({ code: 'CLUSTER_BAD_ANSWER', retryable: true });
});

test.each([
  ['JSON', '{"code":"over_request_rate_limit","message":"slow down"}', json],
  ['a page', page, { 'content-type': 'text/html' }],
])('P-119: 429 with %s carries the wait that was asked for', async (_name, body, headers) => {
  reply(429, body, { ...headers, 'retry-after': '7' });
  for (const act of [read, create]) await expect(act()).rejects.toMatchObject({ code: 'CLUSTER_RATE_LIMITED', retryAfterMs: 7_000 });
});

test('P-119: a refused key is permanent', async () => {
  reply(401, '{"message":"Invalid API key","hint":"Double check"}', json);
  for (const act of [read, create]) await expect(act()).rejects.toMatchObject({ code: 'CLUSTER_UNAUTHORIZED', retryable: false });
});

test('P-119: a cluster that takes no connection is unreachable, and says why', async () => {
  const dead = createServer().listen(0, '127.0.0.1');
  await once(dead, 'listening');
  const { port } = dead.address() as AddressInfo;
  dead.close();
  await once(dead, 'close');
  const cluster = await clusterAt(`http://127.0.0.1:${port}`, 'sb_secret_x');
  await expect(readStore(cluster, account.id)).rejects.toMatchObject({
    code: 'CLUSTER_UNREACHABLE',
    message: expect.stringContaining('ECONNREFUSED'),
  });
  await expect(createAdminUser(cluster, { ...context, email: account.email })).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
  await expect(checkClusterSchema(cluster)).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
});

test('P-119: headers that never come and a body that never ends both run into the time limit', async () => {
  answer = () => undefined;
  await expect(read(200)).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE', message: expect.stringContaining('timed out') });
  await expect(create(200)).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
  answer = (_request, response) => void response.writeHead(200, json).write('{"outcome":');
  await expect(read(200)).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
});

test('P-119: a body that breaks off is a lost connection', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { ...json, 'content-length': '100' });
    response.write('{"outcome":', () => response.destroy());
  };
  await expect(read()).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
});

test('P-119: nothing is tried twice behind our back, and no redirect is followed with our key', async () => {
  reply(503, page);
  await expect(read()).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
  expect(requests).toHaveLength(1);
  reply(302, '', { location: `${url}/elsewhere` });
  await expect(read()).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
  expect(requests).toHaveLength(2);
});

test("P-117: the caller's signal cuts the call, and its own reason comes out", async () => {
  const stop = new AbortController();
  const reason = new Error('the activity was cancelled');
  answer = () => stop.abort(reason);
  await expect(withSignal(stop.signal, () => read())).rejects.toBe(reason);
  await expect(withSignal(stop.signal, () => create())).rejects.toBe(reason);
});

test('P-117: a logo that goes nowhere is not success', async () => {
  const cluster = await clusterAt(url, 'sb_secret_x');
  const logo = { contentType: 'image/png', bytes: Buffer.from('x'), sha256: 'a'.repeat(64) };
  const put = () => putAssets(cluster, { ...context, logo, catalog: [] });
  answer = (request, response) => {
    if (request.url?.startsWith('/rest/')) response.writeHead(200, json).end('{"outcome":"written","added":0,"products":0}');
    else if (request.url?.includes('/object/list/')) response.writeHead(200, json).end('[]');
    else response.writeHead(400, json).end('{"statusCode":"404","error":"Bucket not found","message":"Bucket not found"}');
  };
  await expect(put()).rejects.toMatchObject({ code: 'CLUSTER_SCHEMA_MISMATCH' });
});

test('P-509: a key that was replaced in mid-flight is read anew once, on the first 401, and the request goes on with it', async () => {
  let stored = 'sb_secret_old';
  let loads = 0;
  const load = (clusterId: string): Promise<ClusterSecrets> => {
    loads += 1;
    return Promise.resolve({ clusterId, url, serviceKey: stored, publishableKey: 'p', revision: loads });
  };
  const cluster = await createClusterRouter({ load }).get('north');
  let valid = 'sb_secret_old';
  answer = (request, response) => {
    const good = request.headers['apikey'] === valid && request.headers.authorization === `Bearer ${valid}`;
    response.writeHead(good ? 200 : 401, json).end(good ? 'null' : '{"message":"Invalid API key"}');
  };
  expect(await readStore(cluster, account.id)).toBeNull();
  valid = 'sb_secret_new';
  await expect(readStore(cluster, account.id)).rejects.toMatchObject({ code: 'CLUSTER_UNAUTHORIZED' });
  stored = 'sb_secret_new';
  expect(await readStore(cluster, account.id)).toBeNull();
  expect({ loads, requests: requests.length }).toEqual({ loads: 3, requests: 4 });
});
