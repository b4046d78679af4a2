import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../local/paths.ts';
import { renderProof } from './report.ts';
import type { Suite } from './suite.ts';
import { SUITES } from './suites.ts';

const REPORT = join(PROJECT_ROOT, 'docs', 'proof.md');
/** So long a suite that was told to end may take for it, ms. */
const GRACE_MS = 60_000;

const note = (text: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

/** Runs one suite to its end or to its bound; true when it ended well. */
async function run({ title, args, minutes }: Suite): Promise<boolean> {
  if (args === undefined) return true;
  note(title);
  // In a group of its own: a suite that does not end is ended with everything that it started.
  const child = spawn('npm', [...args], { cwd: PROJECT_ROOT, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  const { pid } = child;
  const signal = (name: NodeJS.Signals): void => {
    try {
      if (pid !== undefined) process.kill(-pid, name);
    } catch {
      // Gone already.
    }
  };
  const late = setTimeout(() => {
    note(`${title}: not done after ${String(minutes)} minutes`);
    signal('SIGTERM');
  }, minutes * 60_000);
  const stuck = setTimeout(() => signal('SIGKILL'), minutes * 60_000 + GRACE_MS);
  const [code] = (await once(child, 'exit')) as [number | null];
  clearTimeout(late);
  clearTimeout(stuck);
  note(`${title}: ${code === 0 ? 'done' : `exit ${String(code)}`}`);
  return code === 0;
}

/**
 * `npm run proof`: runs every suite that fits, one after another, and writes `docs/proof.md` from what they and longer runs before left
 * in `.alta/proof`. `-- report` only writes; `-- <file> ...` runs these. Exit 1 when a suite did not end well.
 */
async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => name !== 'report' && !SUITES.some(({ file }) => file === name));
  if (unknown.length > 0)
    throw new Error(`no suite is called ${unknown.join(', ')}; there are ${SUITES.map(({ file }) => file).join(', ')}`);
  const wanted = SUITES.filter(({ file }) => asked.length === 0 || asked.includes(file));
  for (const suite of wanted) if (!(await run(suite))) process.exitCode = 1;
  writeFileSync(REPORT, renderProof());
  note(`written to ${REPORT}`);
}

await main();
