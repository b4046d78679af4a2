import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Plans that once failed, one a file; `npm test` runs them for ever. */
const SEEDS = fileURLToPath(new URL('../seeds', import.meta.url));

/** Keeps a plan in a folder of the seeds, once for each `identity`; gives the file. */
export function keepSeed(folder: string, prefix: string, identity: unknown, plan: object): string {
  const hash = createHash('sha256').update(JSON.stringify(identity)).digest('hex').slice(0, 8);
  const directory = join(SEEDS, folder);
  mkdirSync(directory, { recursive: true });
  const file = join(directory, `${prefix}${hash}.json`);
  writeFileSync(file, `${JSON.stringify(plan, null, 2)}\n`);
  return file;
}

/** Every plan of a folder of the seeds, by the name of its file, in order. */
export function keptSeeds(folder: string): [name: string, plan: unknown][] {
  const directory = join(SEEDS, folder);
  if (!existsSync(directory)) return [];
  return readdirSync(directory)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => [name, JSON.parse(readFileSync(join(directory, name), 'utf8'))]);
}
