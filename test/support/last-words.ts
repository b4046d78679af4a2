import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

const field = (kind: string, text: string): string => `${kind}${text}\0`;
const FIELDS = Buffer.from(
  `${field('S', 'FATAL')}${field('V', 'FATAL')}${field('C', '57P01')}${field('M', 'terminating connection due to administrator command')}\0`,
);
const HEAD = Buffer.from('E\0\0\0\0');
HEAD.writeInt32BE(FIELDS.length + 4, 1);
/** What a PostgreSQL that shuts down tells each connection. */
const FATAL = Buffer.concat([HEAD, FIELDS]);
/** The server waits for the next statement, in no transaction. */
const READY = Buffer.from('Z\0\0\0\x05I');

export interface LastWords {
  readonly url: string;
  /** Connections that were ended so. */
  ended(): number;
  close(): Promise<void>;
}

/**
 * A line to a real PostgreSQL that shuts down at the worst moment: the `count` first connections are ended in the very packet that says that
 * they are ready.
 */
export async function openLastWords(postgresUrl: string, count: number): Promise<LastWords> {
  const target = new URL(postgresUrl);
  const sockets = new Set<Socket>();
  let ended = 0;
  const server = createServer((near) => {
    const far = connect(Number(target.port), target.hostname);
    const doomed = ended < count;
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => {
        sockets.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far);
    far.on('data', (bytes: Buffer) => {
      if (!doomed || !bytes.subarray(-READY.length).equals(READY)) return void near.write(bytes);
      ended += 1;
      return void near.end(Buffer.concat([bytes, FATAL]));
    });
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const url = new URL(postgresUrl);
  url.port = String((server.address() as AddressInfo).port);
  return {
    url: url.href,
    ended: () => ended,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
