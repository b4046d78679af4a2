import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a cluster, or the gateway in front of it, says while it quotes the key that it was called with. */
export type Manner = 'html-502' | 'html-200' | 'json-401';

export interface TalkativeCluster {
  readonly url: string;
  /** How many calls it answered. */
  readonly calls: number;
  manner: Manner;
  close(): Promise<void>;
}

const ANSWERS: Record<Manner, (quote: string) => { status: number; type: string; body: string }> = {
  'html-502': (quote) => ({ status: 502, type: 'text/html', body: `<html><h1>502 Bad Gateway</h1><pre>${quote}</pre></html>` }),
  'html-200': (quote) => ({ status: 200, type: 'text/html', body: `<html><h1>Welcome</h1><pre>${quote}</pre></html>` }),
  'json-401': (quote) => ({
    status: 401,
    type: 'application/json',
    body: JSON.stringify({ code: 'PGRST301', message: `bad key: ${quote}`, details: quote, hint: quote }),
  }),
};

/** A server that answers every call with a refusal in which the caller's key stands, as careless gateways do. */
export async function startTalkativeCluster(): Promise<TalkativeCluster> {
  const quote = ({ headers }: IncomingMessage): string =>
    `apikey: ${String(headers['apikey'])} authorization: ${headers.authorization ?? ''}`;
  let calls = 0;
  let manner: Manner = 'html-502';
  const server = createServer((request, response) => {
    calls += 1;
    const { status, type, body } = ANSWERS[manner](quote(request));
    request.resume().on('end', () => response.writeHead(status, { 'content-type': type }).end(body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get calls() {
      return calls;
    },
    get manner() {
      return manner;
    },
    set manner(next) {
      manner = next;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
