import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DATA_DIR, PROJECT_ROOT } from './paths.ts';
import type { Supervisor } from './processes.ts';

/** What the workflows' bundle is made from; a change of any of it makes a new one. */
const SOURCES = [
  'workflows',
  'contract',
  'worker/bundle.ts',
  'adapters/temporal/failure-converter.cjs',
  'worker/build-bundle.ts',
  'package-lock.json',
];

const KEPT = 5;

function filesBelow(path: string): string[] {
  const found = readdirSync(path, { withFileTypes: true, recursive: true });
  return found
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

function fingerprint(): string {
  const hash = createHash('sha256');
  for (const source of SOURCES) {
    const path = join(PROJECT_ROOT, source);
    const files = source.includes('.') ? [path] : filesBelow(path);
    for (const file of files)
      hash
        .update(`${file.slice(PROJECT_ROOT.length)}\0`)
        .update(readFileSync(file))
        .update('\0');
  }
  return hash.digest('hex').slice(0, 24);
}

/**
 * The workflows as one file, for `ALTA_WORKFLOW_BUNDLE`: built beside the rest of the start, once for each state of the sources, so
 * that neither the next start nor a restarted worker builds it again.
 */
export async function provideBundle(supervisor: Supervisor): Promise<string> {
  const dir = join(DATA_DIR, 'bundles');
  const file = join(dir, `${fingerprint()}.js`);
  if (existsSync(file)) return file;
  mkdirSync(dir, { recursive: true });
  const builder = join(PROJECT_ROOT, 'worker', 'build-bundle.ts');
  await supervisor.run({ name: 'bundle', command: process.execPath, args: [builder, file], marker: builder, cwd: PROJECT_ROOT });
  removeOld(dir);
  return file;
}

/** Keeps the newest few: another stack may still restart its worker on an older one. */
function removeOld(dir: string): void {
  const byAge = readdirSync(dir)
    .map((name) => ({ path: join(dir, name), at: statSync(join(dir, name)).mtimeMs }))
    .sort((a, b) => b.at - a.at);
  for (const { path } of byAge.slice(KEPT)) rmSync(path, { force: true });
}
