import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../../local/paths.ts';
import { circumstances, saveFigures } from '../proof/figures.ts';
import { plant } from './apply.ts';
import { copyTree } from './copy.ts';
import { MUTANTS, type Mutant } from './list.ts';
import { runTests, type Ran } from './run-tests.ts';

/**
 * `npm run mutants [-- <part of a name> ...]`: puts each deliberate bug into a copy of the tree, runs the tests that have to see it, and
 * expects every one of them to fail. First they run without a bug and have to pass. Writes `.alta/proof/mutants.json`. Ends with 1 when a
 * bug survived, or when a test could not tell.
 */
interface Verdict {
  name: string;
  law: string;
  file: string;
  verdict: 'killed' | 'survived' | 'no verdict';
  killers: { file: string; name: string; failed: string[] }[];
  seconds: number;
}

const where = circumstances();
const wanted = process.argv.slice(2);
const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
if (chosen.length === 0) {
  console.error(`no such mutant; there are:\n${MUTANTS.map(({ name }) => `  ${name}`).join('\n')}`);
  process.exit(2);
}

function judge(mutant: Mutant, root: string): Verdict {
  const began = Date.now();
  const heal = plant(mutant, root);
  let ran: Ran;
  try {
    ran = runTests(root, mutant.killers);
  } finally {
    heal();
  }
  const killers = mutant.killers.map((killer) => ({ ...killer, failed: ran.failed(killer) }));
  const verdict = ran.broken !== null ? 'no verdict' : killers.every(({ failed }) => failed.length > 0) ? 'killed' : 'survived';
  if (ran.broken !== null) console.error(ran.broken);
  const { name, law, file } = mutant;
  return { name, law, file, verdict, killers, seconds: Math.round((Date.now() - began) / 1_000) };
}

const root = mkdtempSync(join(tmpdir(), 'alta-mutants-'));
try {
  copyTree(PROJECT_ROOT, root);
  const sound = runTests(
    root,
    chosen.flatMap(({ killers }) => killers),
  );
  const wrong = chosen
    .flatMap(({ killers }) => killers)
    .filter((killer) => sound.failed(killer).length > 0 || sound.passed(killer).length === 0);
  if (sound.broken !== null || wrong.length > 0) {
    console.error(sound.broken ?? `without any bug these do not pass:\n${wrong.map(({ file, name }) => `  ${file}: ${name}`).join('\n')}`);
    process.exitCode = 1;
  } else {
    const verdicts: Verdict[] = [];
    for (const mutant of chosen) {
      const verdict = judge(mutant, root);
      verdicts.push(verdict);
      console.log(`${verdict.verdict.padEnd(10)} ${verdict.name} (${verdict.law}), ${String(verdict.seconds)} s`);
    }
    const killed = verdicts.filter(({ verdict }) => verdict === 'killed').length;
    // A part of the list says nothing of the rest.
    if (wanted.length === 0) saveFigures('mutants', { ...where, killed, of: verdicts.length, mutants: verdicts });
    console.log(`${String(killed)} of ${String(verdicts.length)} deliberate bugs were caught`);
    if (killed < verdicts.length) process.exitCode = 1;
  }
} finally {
  rmSync(root, { recursive: true, force: true });
}
