import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { Identity } from './certificates.ts';

/** Length and code of PostgreSQL's SSLRequest. */
const SSL_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/**
 * TLS in front of a PostgreSQL server, as a hosted one has it: answers the request for TLS, and refuses whoever starts without.
 * `plain` counts those.
 */
export async function openPostgresTls(
  databaseUrl: string,
  identity: Identity,
): Promise<{ url: string; plain: number; close(): Promise<void> }> {
  const target = new URL(databaseUrl);
  const port = Number(target.port);
  const sockets = new Set<Socket>();
  const secureContext = createSecureContext(identity);
  const gate = { url: '', plain: 0, close: () => Promise.resolve() };
  const server = createServer((near) => {
    sockets.add(near);
    near.on('error', () => near.destroy());
    near.once('data', (first: Buffer) => {
      if (!first.equals(SSL_REQUEST)) {
        gate.plain += 1;
        near.destroy();
        return;
      }
      near.write('S');
      const secured = new TLSSocket(near, { isServer: true, secureContext });
      const far = connect(port, target.hostname);
      sockets.add(far);
      for (const [one, other] of [
        [secured, far],
        [far, secured],
      ] as const) {
        one.on('error', () => other.destroy());
        one.on('close', () => other.destroy());
      }
      secured.pipe(far).pipe(secured);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  target.port = String((server.address() as AddressInfo).port);
  gate.url = target.href;
  gate.close = async () => {
    const closed = once(server, 'close');
    server.close();
    for (const socket of sockets) socket.destroy();
    await closed;
  };
  return gate;
}
