import { createServer, type AddressInfo } from 'node:net';
import { messageOf } from './wait.ts';

/**
 * Free TCP ports of 127.0.0.1, for servers that cannot choose one themselves. All are held while they are looked for, so
 * that no two are the same; between this call and their use another process may take one, so starts are tried again.
 */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen(0, '127.0.0.1', resolve);
      });
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

/** A free port that nobody else gets until `release`: for a server that starts much later than its address has to be known. */
export async function holdPort(): Promise<{ port: number; release: () => Promise<void> }> {
  const server = createServer().unref();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return { port, release: () => new Promise((resolve) => server.close(() => resolve())) };
}

/** True for what a server says whose port was taken meanwhile. */
export const isPortClash = (text: string): boolean =>
  /EADDRINUSE|address already in use|could not bind|could not create any TCP/i.test(text);

/** Runs a start that picks ports, again when a port was taken meanwhile; at most three times. */
export async function withFreePorts<T>(count: number, start: (ports: number[]) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start(await freePorts(count));
    } catch (error) {
      if (attempt === 3 || !isPortClash(messageOf(error))) throw error;
    }
  }
}
