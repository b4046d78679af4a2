import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface FrontDoor {
  url: string;
  close(): Promise<void>;
}

/**
 * A TCP balancer in front of the API processes: each connection goes to the next of `targets()`, which are asked for anew every time; one
 * that refuses is passed over. It ends a connection as the process behind it did, so that a kill is seen as one.
 */
export async function openFrontDoor(targets: () => readonly string[]): Promise<FrontDoor> {
  const sockets = new Set<Socket>();
  let turn = 0;
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const forward = (near: Socket, left: string[]): void => {
    const target = left.shift();
    if (target === undefined) {
      near.resetAndDestroy();
      return;
    }
    const { hostname, port } = new URL(target);
    const far = connect(Number(port), hostname);
    keep(far);
    let through = false;
    far.on('connect', () => {
      through = true;
      near.pipe(far).pipe(near);
    });
    far.on('close', () => {
      if (through) near.destroy();
      else forward(near, left);
    });
    near.on('close', () => far.destroy());
  };
  const server = createServer((near) => {
    keep(near);
    turn += 1;
    const all = targets();
    forward(
      near,
      all.map((_, index) => all[(turn + index) % all.length] ?? ''),
    );
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
