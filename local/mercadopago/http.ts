import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { FaultDesk } from './faults.ts';
import type { Store } from './store.ts';
import { type FaultKind, type Operation, Refused } from './types.ts';

export interface Request {
  method: string;
  url: URL;
  params: Record<string, string>;
  headers: IncomingMessage['headers'];
  body: unknown;
}

export interface Answer {
  status: number;
  body: unknown;
  headers?: Record<string, string>;
  /** The stored answer of an earlier call with the same idempotency key. */
  repeated?: boolean;
}

export interface Route {
  method: string;
  /** Segments; `:name` takes one of them. */
  path: string;
  /** Left out for control routes: no fault reaches them and the ledger does not show them. */
  operation?: Operation;
  handle(request: Request): Answer | Promise<Answer>;
}

function match(path: string, pathname: string): Record<string, string> | null {
  const want = path.split('/');
  const have = pathname.split('/');
  if (want.length !== have.length) return null;
  const params: Record<string, string> = {};
  for (const [index, segment] of want.entries()) {
    const given = have[index] ?? '';
    if (segment.startsWith(':') && given !== '') params[segment.slice(1)] = decodeURIComponent(given);
    else if (segment !== given) return null;
  }
  return params;
}

async function readBody(incoming: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of incoming) {
    size += (chunk as Buffer).length;
    if (size > 1024 * 1024) throw new Refused(413, 'payload_too_large', 'the body is too large');
    chunks.push(chunk as Buffer);
  }
  const text = Buffer.concat(chunks).toString('utf8');
  if (text === '') return undefined;
  if (incoming.headers['content-type']?.startsWith('application/x-www-form-urlencoded') === true) {
    return Object.fromEntries(new URLSearchParams(text));
  }
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Refused(400, 'bad_request', 'the body is not JSON');
  }
}

const refusalBody = ({ status, error, message, code }: Refused): object => ({
  message,
  error,
  status,
  cause: code === null ? [] : [{ code, description: message, data: null }],
});

async function handle(route: Route, request: Request): Promise<Answer> {
  try {
    return await route.handle(request);
  } catch (error) {
    if (error instanceof Refused) return { status: error.status, body: refusalBody(error) };
    process.emitWarning(error instanceof Error ? error : String(error));
    return { status: 500, body: { message: 'internal error', error: 'internal_error', status: 500, cause: [] } };
  }
}

export function send(outgoing: ServerResponse, answer: Answer): void {
  const html = typeof answer.body === 'string';
  const text = html ? (answer.body as string) : JSON.stringify(answer.body);
  outgoing.writeHead(answer.status, {
    'content-type': html ? 'text/html; charset=utf-8' : 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    ...answer.headers,
  });
  outgoing.end(text);
}

/** Serves the routes; each call of an operation passes the fault desk and ends as one entry of the ledger. */
export function serve(routes: readonly Route[], store: Store, faults: FaultDesk): Server {
  const server = createServer((incoming, outgoing) => {
    exchange(incoming, outgoing).catch(() => outgoing.destroy());
  });
  server.keepAliveTimeout = 30_000;

  async function exchange(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const method = incoming.method ?? 'GET';
    const url = new URL(incoming.url ?? '/', 'http://simulator');
    const found = routes.flatMap((route) => {
      const params = route.method === method ? match(route.path, url.pathname) : null;
      return params === null ? [] : [{ route, params }];
    })[0];
    let body: unknown;
    try {
      body = await readBody(incoming);
    } catch (error) {
      if (error instanceof Refused) send(outgoing, { status: error.status, body: refusalBody(error) });
      else outgoing.destroy();
      return;
    }
    if (found === undefined) {
      send(outgoing, { status: 404, body: refusalBody(new Refused(404, 'not_found', 'resource not found')) });
      return;
    }
    const { route, params } = found;
    const request = { method, url, params, headers: incoming.headers, body };
    if (route.operation === undefined) {
      send(outgoing, await handle(route, request));
      return;
    }
    const { operation } = route;
    const key = incoming.headers['x-idempotency-key'];
    const record = (status: number | null, fault: FaultKind | null, repeated = false): void => {
      const idempotencyKey = typeof key === 'string' ? key : null;
      store.record({ kind: 'call', operation, method, path: url.pathname, status, fault, idempotencyKey, repeated });
    };
    await faults.around(operation, outgoing, () => handle(route, request), record);
  }
  return server;
}

/** Listens and tells the address. */
export async function listen(server: Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return `http://${host}:${(server.address() as AddressInfo).port}`;
}
