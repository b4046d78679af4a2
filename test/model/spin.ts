import { execFile } from 'node:child_process';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Model } from './models.ts';

const run = promisify(execFile);

export interface Verdict {
  /** `unfinished`: the search was cut short, so nothing is known. */
  kind: 'holds' | 'broken' | 'unfinished';
  /** What was broken, as Spin says it. */
  why: string;
  states: number;
}

/** Deepest path that is followed, steps. A model that goes deeper is `unfinished`. */
const DEPTH = 400_000;

/**
 * Makes a checker of a model with these errors in it, and runs it in a folder of its own below `directory`. Throws when Spin or the
 * compiler does not take the model.
 */
export async function check(directory: string, model: Model, mutants: readonly string[]): Promise<Verdict> {
  const cwd = await mkdtemp(join(directory, `${model.name}-`));
  const file = join(import.meta.dirname, `${model.name}.pml`);
  await run('spin', ['-a', ...[...model.defines, ...mutants].map((name) => `-D${name}`), file], { cwd });
  const kind = model.liveness ? ['-DNFAIR=3'] : ['-DSAFETY', '-DNOCLAIM'];
  await run('gcc', ['-O2', '-w', '-DCOLLAPSE', '-DVECTORSZ=2048', ...kind, '-o', 'pan', 'pan.c'], { cwd });
  const { stdout } = await run(join(cwd, 'pan'), [...(model.liveness ? ['-a', '-f'] : []), `-m${String(DEPTH)}`], {
    cwd,
    maxBuffer: 64 * 1024 * 1024,
  });
  return read(stdout);
}

/** Reads what the checker prints at its end. */
function read(output: string): Verdict {
  const states = Number(/^\s*(\d+) states, stored/m.exec(output)?.[1] ?? 0);
  const errors = Number(/errors: (\d+)/.exec(output)?.[1] ?? Number.NaN);
  const why = /^pan:1: (.*?)(?: \(at depth \d+\))?$/m.exec(output)?.[1] ?? '';
  if (errors > 0) return { kind: 'broken', why, states };
  const whole = errors === 0 && states > 0 && !/max search depth too small|Search not completed/.test(output);
  return { kind: whole ? 'holds' : 'unfinished', why: whole ? '' : 'the search was cut short', states };
}
