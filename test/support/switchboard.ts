import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** A TCP line in front of a real server, which a test can cut: connections are refused and open ones are reset. */
export interface Switchboard {
  readonly url: string;
  down(): Promise<void>;
  /** Half-open: connections stay and are taken, what is sent is lost, and nothing comes back. */
  hush(): void;
  /** Tries that met with this silence since `hush`: new connections, and what was sent on old ones. */
  lost(): number;
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
  const callers = new Map<Socket, Socket | undefined>();
  let silent = false;
  let most = 0;
  let lost = 0;
  const swallow = (near: Socket, far?: Socket): void => {
    if (far !== undefined) near.unpipe(far);
    far?.unpipe(near).resume();
    near.on('data', () => (lost += 1));
  };
  const server = createServer((near) => {
    const far = silent ? undefined : connect(Number(port), hostname);
    callers.set(near, far);
    most = Math.max(most, callers.size);
    for (const socket of far === undefined ? [near] : [near, far]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        callers.delete(near);
        near.destroy();
        far?.destroy();
      });
    }
    if (far === undefined) {
      lost += 1;
      swallow(near);
    } else near.pipe(far).pipe(near);
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
      lost = 0;
      for (const [near, far] of callers) swallow(near, far);
    },
    lost: () => lost,
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
