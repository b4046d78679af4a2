import { accessSync, constants, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { homedir } from 'node:os';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { AltaError } from '../contract/errors.ts';
import { effect } from '../adapters/effect.ts';
import { readTemporalProfile } from '../adapters/temporal/index.ts';
import { isHolder, takeLock } from './lock.ts';
import { isCancelled, type Supervisor } from './processes.ts';
import { waitUntil } from './wait.ts';

/** The newest release of Temporal's command line tool that `go install` can build (later ones replace modules). */
const CLI_VERSION = 'v1.5.1';
const CLI_MODULE = `github.com/temporalio/cli/cmd/temporal@${CLI_VERSION}`;
const BUILD_LIMIT_MS = 20 * 60_000;

type Env = Record<string, string | undefined>;

/** Where Temporal comes from; the first that applies is taken. */
export type TemporalSource =
  | { kind: 'address'; address: string }
  | { kind: 'path'; binary: string }
  | { kind: 'cache'; binary: string }
  | { kind: 'build'; go: string; cacheDir: string }
  | { kind: 'download'; cacheDir: string };

function findOnPath(name: string, path: string): string | undefined {
  const names = process.platform === 'win32' ? [`${name}.exe`, name] : [name];
  const candidates = path
    .split(delimiter)
    .filter((dir) => dir !== '')
    .flatMap((dir) => names.map((file) => join(dir, file)));
  return candidates.find((file) => {
    try {
      accessSync(file, constants.X_OK);
      return statSync(file).isFile();
    } catch {
      return false;
    }
  });
}

/** The user's cache directory for this version of Temporal. */
function temporalCacheDir(env: Env): string {
  return join(env['XDG_CACHE_HOME'] || join(env['HOME'] || homedir(), '.cache'), 'alta', 'temporal', CLI_VERSION);
}

/**
 * Says where Temporal comes from, in this order: a server named by TEMPORAL_ADDRESS or by a profile, `temporal` on PATH, a binary built or
 * downloaded earlier, a build by Go where Go is installed, the SDK's own download. Looks only, and starts nothing.
 */
export function findTemporal(env: Env = process.env): TemporalSource {
  if (env['TEMPORAL_ADDRESS'] || env['TEMPORAL_CONFIG_FILE'] || env['TEMPORAL_PROFILE'])
    return { kind: 'address', address: readTemporalProfile(env).connection.address };
  const path = env['PATH'] ?? '';
  const onPath = findOnPath('temporal', path);
  if (onPath !== undefined) return { kind: 'path', binary: onPath };
  const cacheDir = temporalCacheDir(env);
  const cached = findOnPath('temporal', cacheDir);
  if (cached !== undefined) return { kind: 'cache', binary: cached };
  const go = findOnPath('go', path);
  return go === undefined ? { kind: 'download', cacheDir } : { kind: 'build', go, cacheDir };
}

/**
 * The path of Temporal's binary, built or downloaded into the user's cache when there is none; `note` is told what takes long.
 * Of two starts at once, one builds and the other waits. Throws TEMPORAL_UNAVAILABLE that names every way out.
 */
export async function provideTemporal(
  source: Exclude<TemporalSource, { kind: 'address' }>,
  supervisor: Supervisor,
  note: (text: string) => void,
): Promise<string> {
  if (source.kind === 'path' || source.kind === 'cache') return source.binary;
  const { cacheDir } = source;
  const binary = join(cacheDir, 'temporal');
  mkdirSync(cacheDir, { recursive: true });
  const lock = await waitUntil(
    'another start to finish building Temporal',
    () => {
      const taken = takeLock(join(cacheDir, 'lock'));
      if (!isHolder(taken)) return taken;
      note(`waiting for process ${taken.pid}, which is building Temporal's dev server`);
      return undefined;
    },
    { timeoutMs: BUILD_LIMIT_MS, everyMs: 500 },
  );
  try {
    if (existsSync(binary)) return binary;
    if (source.kind === 'build')
      await build(source, binary, supervisor, note).catch((error: unknown) => {
        if (isCancelled(error)) throw error;
        return download(cacheDir, binary, note);
      });
    else await download(cacheDir, binary, note);
    return binary;
  } finally {
    lock.release();
  }
}

async function build(
  { go, cacheDir }: { go: string; cacheDir: string },
  binary: string,
  supervisor: Supervisor,
  note: (text: string) => void,
): Promise<void> {
  note("building Temporal's dev server once, about 3 minutes");
  const draft = join(cacheDir, `build-${process.pid}`);
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft, { recursive: true });
  try {
    await supervisor.run({
      name: 'temporal-build',
      command: go,
      args: ['install', CLI_MODULE],
      marker: CLI_MODULE,
      env: { GOBIN: draft },
      cwd: draft,
    });
    renameSync(join(draft, 'temporal'), binary);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}

/** The SDK downloads while it starts a server of its own; that one is ended at once and its file is kept. */
async function download(cacheDir: string, binary: string, note: (text: string) => void): Promise<void> {
  note("downloading Temporal's dev server once, about 100 MB");
  const draft = join(cacheDir, `download-${process.pid}`);
  mkdirSync(draft, { recursive: true });
  try {
    const server = await effect('temporal.download', () =>
      TestWorkflowEnvironment.createLocal({ server: { executable: { type: 'cached-download', downloadDir: draft } } }),
    );
    await server.teardown();
    const [file] = readdirSync(draft).filter((name) => statSync(join(draft, name)).isFile());
    if (file === undefined) throw new AltaError('TEMPORAL_UNAVAILABLE', 'the download left no file');
    renameSync(join(draft, file), binary);
  } catch (error) {
    throw new AltaError(
      'TEMPORAL_UNAVAILABLE',
      'no Temporal server: there is none on PATH, it could be neither built by Go nor downloaded. Put `temporal` on PATH ' +
        '(https://docs.temporal.io/cli), install Go, or set TEMPORAL_ADDRESS to a server that runs',
      { cause: error },
    );
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
}
