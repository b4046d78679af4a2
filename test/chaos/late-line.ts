import { once } from 'node:events';
import { Agent, createServer, request as send, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What a line saw on the wire: the clusters' own words, not Alta's. */
export interface LineTally {
  /** Writes that the cluster refused because it holds a newer version. */
  stale: number;
  /** Writes that the cluster had already. */
  same: number;
  /** Writes that were held until their caller had given up. */
  held: number;
  /** Of all writes, those that the cluster did although nobody heard of it any more. */
  unheard: number;
}

export interface LateLine {
  url: string;
  readonly tally: LineTally;
  /** Holds no more writes; those that are held are sent on at once. */
  calm(): void;
  close(): Promise<void>;
}

export interface LateLineOptions {
  /** Whether to hold the next write. */
  hold: () => boolean;
  /** How long a held write lies on the wire, ms: longer than the caller waits. */
  holdMs: number;
}

/**
 * An HTTP line in front of a cluster that delivers some writes late: the caller has given up and tried again, and the first try still
 * arrives, as from a process that froze or over a network that held a packet. Everything else passes as it is.
 */
export async function openLateLine(target: string, { hold, holdMs }: LateLineOptions): Promise<LateLine> {
  const { hostname, port } = new URL(target);
  const agent = new Agent({ keepAlive: true });
  const tally: LineTally = { stale: 0, same: 0, held: 0, unheard: 0 };
  const calmed = new AbortController();

  async function pass(near: IncomingMessage, answer: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of near) chunks.push(chunk as Buffer);
    const isWrite = near.method === 'POST' && near.url?.startsWith('/rest/v1/rpc/') === true;
    if (isWrite && !calmed.signal.aborted && hold()) {
      tally.held += 1;
      await pause(holdMs, undefined, { signal: calmed.signal }).catch(() => undefined);
    }
    const far = send({ hostname, port, agent, method: near.method, path: near.url, headers: near.headers });
    far.on('error', () => answer.destroy());
    far.on('response', (response) => {
      const body: Buffer[] = [];
      response.on('error', () => answer.destroy());
      response.on('data', (chunk: Buffer) => body.push(chunk));
      response.on('end', () => {
        const bytes = Buffer.concat(body);
        if (isWrite) note(bytes.toString('utf8'), answer.destroyed);
        if (answer.destroyed) return;
        answer.writeHead(response.statusCode ?? 502, response.rawHeaders);
        answer.end(bytes);
      });
    });
    far.end(Buffer.concat(chunks));
  }

  function note(text: string, unheard: boolean): void {
    const outcome = /"outcome\\?":\s*\\?"(\w+)/.exec(text)?.[1];
    if (outcome === 'stale') tally.stale += 1;
    if (outcome === 'same') tally.same += 1;
    if (outcome !== undefined && unheard) tally.unheard += 1;
  }

  const server = createServer((near, answer) => {
    pass(near, answer).catch(() => answer.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    tally,
    calm: () => calmed.abort(),
    async close() {
      calmed.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
      agent.destroy();
    },
  };
}
