import { once } from 'node:events';
import { Agent, createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * How a network or a gateway fails a call.
 * Before the server hears of it: `reset` (the connection is cut), `no-answer` (half-open: it is taken, and nothing comes back), `429`, `500`,
 * `503`, `html-502`, `html-200` (somebody else answers).
 * After the server did it: `reset-after` (the answer is lost), `no-answer-after`, `cut-body` (half of it comes), `slow` (it comes slower than
 * anybody waits), `500-after` and `html-200-after` (a gateway puts its own answer in its place).
 */
export const NETWORK_FAULTS = [
  'reset',
  'no-answer',
  '429',
  '500',
  '503',
  'html-502',
  'html-200',
  'reset-after',
  'no-answer-after',
  'cut-body',
  'slow',
  '500-after',
  'html-200-after',
] as const;
export type NetworkFault = (typeof NETWORK_FAULTS)[number];

/** A call as the proxy sees it. */
export interface Call {
  method: string;
  /** Path and query. */
  path: string;
  body: string;
}

export interface FaultProxy {
  readonly url: string;
  close(): Promise<void>;
}

const HTML = '<html><body><h1>Bad Gateway</h1></body></html>';
const GATEWAY: Partial<Record<NetworkFault, [status: number, type: string, body: string]>> = {
  '429': [429, 'application/json', '{"message":"too many requests"}'],
  '500': [500, 'application/json', '{"message":"internal error"}'],
  '503': [503, 'text/plain', 'upstream connect error'],
  'html-502': [502, 'text/html', HTML],
  'html-200': [200, 'text/html', HTML],
  '500-after': [500, 'application/json', '{"message":"internal error"}'],
  'html-200-after': [200, 'text/html', HTML],
};

/** An HTTP proxy in front of `target`; `judge` says how a call fails, undefined lets it through. `heard` is told what the server answered. */
export async function openFaultProxy(
  target: string,
  judge: (call: Call) => NetworkFault | undefined,
  heard: (call: Call, answer: string) => void = () => undefined,
): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const server = createServer((near, answer) => {
    pass(near, answer).catch(() => near.socket.resetAndDestroy());
  });

  async function pass(near: IncomingMessage, answer: ServerResponse): Promise<void> {
    const body = await whole(near);
    const { method = 'GET', url: path = '/' } = near;
    const call = { method, path, body: body.toString('utf8') };
    const fault = judge(call);
    if (fault === 'reset') return void near.socket.resetAndDestroy();
    if (fault === 'no-answer') return;
    const instead = fault === undefined ? undefined : GATEWAY[fault];
    if (instead !== undefined && !fault?.endsWith('-after')) return sayInstead(answer, instead);
    const far = send({ hostname, port, agent, method, path, headers: near.headers });
    const came = once(far, 'response') as Promise<[IncomingMessage]>;
    far.end(body);
    const [response] = await came;
    const text = await whole(response);
    heard(call, text.toString('utf8'));
    if (fault === 'reset-after') return void near.socket.resetAndDestroy();
    if (fault === 'no-answer-after') return;
    if (instead !== undefined) return sayInstead(answer, instead);
    answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
    if (fault === undefined) return void answer.end(text);
    // Headers and less than was promised; of an answer without a body nothing can be cut but its connection.
    answer.write(text.subarray(0, Math.floor(text.length / 2)), () => {
      if (fault === 'cut-body') near.socket.resetAndDestroy();
    });
  }

  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}

async function whole(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

function sayInstead(answer: ServerResponse, [status, type, body]: [number, string, string]): void {
  answer.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
  answer.end(body);
}
