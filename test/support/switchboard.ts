import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP line in front of a real server, which a test can cut: connections are refused and open ones are reset. */
export interface Switchboard {
  readonly url: string;
  down(): Promise<void>;
  /** Connections are taken and nothing comes back, as from a half-dead server. */
  hush(): void;
  /** Ends `down` and `hush`. */
  up(): Promise<void>;
  /** Connections that were open at the same time, at the most, since the last time that it was asked. */
  most(): number;
  close(): Promise<void>;
}

/** Opens a line to `target` (an http URL on this machine). Its own URL stays the same over `down` and `up`. */
export async function openLine(target: string): Promise<Switchboard> {
  const { hostname, port } = new URL(target);
  const sockets = new Set<Socket>();
  const callers = new Set<Socket>();
  let silent = false;
  let most = 0;
  const server = createServer((near) => {
    callers.add(near);
    near.on('close', () => callers.delete(near));
    most = Math.max(most, callers.size);
    if (silent) {
      sockets.add(near);
      near.on('error', () => near.destroy());
      near.on('close', () => sockets.delete(near));
      near.resume();
      return;
    }
    const far = connect(Number(port), hostname);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  const listen = async (on: number): Promise<void> => {
    server.listen(on, '127.0.0.1');
    await once(server, 'listening');
  };
  await listen(0);
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the line has no port');
  const stop = (): Promise<void> =>
    new Promise((resolve) => {
      if (!server.listening) return resolve();
      server.close(() => resolve());
      for (const socket of sockets) socket.resetAndDestroy();
      return undefined;
    });
  return {
    url: `http://127.0.0.1:${address.port}`,
    down: stop,
    hush: () => {
      silent = true;
      for (const socket of sockets) socket.resetAndDestroy();
    },
    up: async () => {
      // Who was left without an answer asks anew.
      if (silent) for (const socket of sockets) socket.resetAndDestroy();
      silent = false;
      if (!server.listening) await listen(address.port);
    },
    most: () => {
      const seen = most;
      most = callers.size;
      return seen;
    },
    close: stop,
  };
}
