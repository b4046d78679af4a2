import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';

/** A server that takes every connection and never says a word: what an overloaded or half-dead one looks like. */
export interface Tarpit {
  readonly port: number;
  readonly url: string;
  /** Connections that are open now and have asked something. */
  held(): number;
  close(): Promise<void>;
}

/** Opens one. `greeting` is what a client hears at first, for protocols in which the server speaks first. */
export async function openTarpit(greeting = ''): Promise<Tarpit> {
  const sockets = new Set<Socket>();
  const asked = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    if (greeting !== '') socket.write(greeting);
    socket.on('data', () => asked.add(socket));
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      asked.delete(socket);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    held: () => asked.size,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.resetAndDestroy();
      }),
  };
}
