import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AdminDb } from '../../adapters/admin-db/index.ts';

/**
 * Probes of the relay process, as the worker's: `/livez` answers while the event loop turns, `/readyz` 200 only while the Admin DB
 * answers, else 503 (P-611). Temporal is not asked: rows wait for it in the outbox.
 */
export async function startRelayProbes(
  db: AdminDb,
  { host, port }: { host: string; port: number },
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url === '/livez') return answer(200, { live: true });
    if (request.url !== '/readyz') return answer(404, { code: 'NOT_FOUND' });
    db.query({ name: 'admin-db.ready', text: 'select 1' }).then(
      () => answer(200, { ready: true, reason: null }),
      () => answer(503, { ready: false, reason: 'the Admin DB does not answer' }),
    );
    return undefined;
  });
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  return { server, port: (server.address() as AddressInfo).port };
}
