import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { runJest } from '../support/run-jest.ts';

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
const config = fileURLToPath(new URL('jest.config.js', import.meta.url));
process.exitCode = await runJest(config, 'ALTA_COMMANDS_', Object.fromEntries(given), ['--forceExit']);
