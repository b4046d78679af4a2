import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { DATA_DIR, PROJECT_ROOT } from '../../local/paths.ts';

/** Where suites leave what they measured; not part of the repository. */
export const FIGURES_DIR = join(DATA_DIR, 'proof');

/** Under which circumstances something was measured. */
export interface Circumstances {
  machine: string;
  /** Short hash; says so when files were changed. */
  commit: string;
  at: string;
}

const git = (...args: string[]): string => spawnSync('git', args, { cwd: PROJECT_ROOT, encoding: 'utf8' }).stdout.trim();

/** Machine, commit and time, as every published figure names them. Take them before the start: the load is part of it. */
export function circumstances(): Circumstances {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  const memory = Math.round(totalmem() / 2 ** 30);
  const dirty = git('status', '--porcelain') === '' ? '' : ' with uncommitted changes';
  return {
    machine: `${availableParallelism()} cores (${model}), ${memory} GiB, ${process.platform}, Node ${process.versions.node}; load before the start ${load}`,
    commit: `${git('rev-parse', '--short', 'HEAD')}${dirty}`,
    at: new Date().toISOString(),
  };
}

/** Keeps the figures of one suite for `npm run proof`. Returns the file. */
export function saveFigures(suite: string, figures: object): string {
  mkdirSync(FIGURES_DIR, { recursive: true });
  const file = join(FIGURES_DIR, `${suite}.json`);
  writeFileSync(file, `${JSON.stringify(figures, null, 2)}\n`);
  return file;
}

/** What a suite left; undefined when it never ran here. */
export function readFigures(suite: string): unknown {
  try {
    return JSON.parse(readFileSync(join(FIGURES_DIR, `${suite}.json`), 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
