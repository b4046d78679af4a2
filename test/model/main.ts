import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { circumstances, saveFigures } from '../proof/figures.ts';
import { MODELS } from './models.ts';
import { check, type Verdict } from './spin.ts';

/**
 * `npm run model [-- <model> ...]`: checks the protocols with Spin. Each model has to hold, and each deliberate error in it has to be
 * found. Ends with 1 when one does not, and with 2 where Spin or a C compiler is missing.
 */
const missing = ['spin', 'gcc'].filter(
  (tool) => !(process.env['PATH'] ?? '').split(delimiter).some((directory) => existsSync(join(directory, tool))),
);
if (missing.length > 0) {
  console.error(`npm run model needs ${missing.join(' and ')} (Debian: apt-get install spin gcc libc6-dev). Nothing was checked.`);
  process.exit(2);
}

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !MODELS.some((model) => model.name === name));
if (unknown.length > 0) {
  console.error(`no such model: ${unknown.join(', ')}; there are ${[...new Set(MODELS.map(({ name }) => name))].join(', ')}`);
  process.exit(2);
}

const directory = await mkdtemp(join(tmpdir(), 'alta-model-'));
const where = circumstances();
const checks: { what: string; expected: Verdict['kind']; kind: Verdict['kind']; states: number }[] = [];
let wrong = 0;
const tell = (what: string, expected: Verdict['kind'], verdict: Verdict): void => {
  const right = verdict.kind === expected;
  if (!right) wrong += 1;
  checks.push({ what, expected, kind: verdict.kind, states: verdict.states });
  const states = `${verdict.states.toLocaleString('en')} states`;
  console.log(`${right ? 'ok   ' : 'WRONG'} ${what}: ${verdict.kind}${verdict.why === '' ? '' : `, ${verdict.why}`}; ${states}`);
};

try {
  for (const model of MODELS.filter(({ name }) => wanted.length === 0 || wanted.includes(name))) {
    const title = `${model.name} (${[model.liveness ? 'liveness' : 'safety', ...model.defines].join(', ')})`;
    tell(`${title}, as the code does it`, 'holds', await check(directory, model, []));
    for (const mutant of model.mutants) tell(`${title}, ${mutant}`, 'broken', await check(directory, model, [mutant]));
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
if (wanted.length === 0) saveFigures('model', { ...where, checks });
console.log(wrong === 0 ? 'Every model holds, and every deliberate error was found.' : `${String(wrong)} checks went wrong.`);
process.exitCode = wrong === 0 ? 0 : 1;
