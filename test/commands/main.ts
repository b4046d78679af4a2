import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';

/**
 * `npm run test:commands`: what people and faults do to Alta, in any order, against the model of it. At most `--runs` runs, of which none
 * begins after `--minutes` (10); `--seed` makes the plans, `--path` begins with the run that a failure names, `--most` is how many commands
 * a plan has at most, `--tries` how many runs a failing plan is made smaller by, before it is kept in `test/seeds/commands/`. Writes
 * `.alta/proof/commands.json`: runs, commands by kind, rests, what was wrong.
 */
const NUMBERS = ['minutes', 'seed', 'runs', 'most', 'tries'] as const;
const { values } = parseArgs({
  options: { ...Object.fromEntries(NUMBERS.map((name) => [name, { type: 'string' as const }])), path: { type: 'string' } },
});
const given = Object.entries(values as Record<string, string>);
const bad = given.find(([name, value]) => !(name === 'path' ? /^[\d:]+$/ : /^\d+(\.\d+)?$/).test(value));
if (bad !== undefined) {
  process.stderr.write(`usage: npm run test:commands -- ${NUMBERS.map((name) => `[--${name} N]`).join(' ')} [--path P]: --${bad[0]}\n`);
  process.exit(2);
}
const jest = fileURLToPath(new URL('../../node_modules/jest/bin/jest.js', import.meta.url));
const config = fileURLToPath(new URL('jest.config.js', import.meta.url));
const env = Object.fromEntries(given.map(([name, value]) => [`ALTA_COMMANDS_${name.toUpperCase()}`, value]));
const child = spawn(
  process.execPath,
  ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', jest, '--config', config, '--forceExit'],
  {
    stdio: 'inherit',
    env: { ...process.env, ...env },
  },
);
const [code] = (await once(child, 'exit')) as [number | null];
process.exitCode = code ?? 1;
