import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { runJest } from '../support/run-jest.ts';

/**
 * `npm run test:pairs`: the long suites of faults, each for at most `--minutes` (10): `pairs`, `every` (single faults in full), `random`
 * and `crash`; all of them, or those that are named. `--seed` orders the cases, `--from` goes on where an earlier run of that seed stopped,
 * `--plans` is how many random plans are made. Each writes `.alta/proof/<suite>.json`: cases run, of how many, faults, violations.
 */
const SUITES = ['pairs', 'every', 'random', 'crash'];
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { minutes: { type: 'string' }, seed: { type: 'string' }, from: { type: 'string' }, plans: { type: 'string' } },
});
const unknown = positionals.find((name) => !SUITES.includes(name));
const notNumber = Object.entries(values).find(([, value]) => !/^\d+(\.\d+)?$/.test(value));
if (unknown !== undefined || notNumber !== undefined) {
  process.stderr.write(
    `usage: npm run test:pairs -- [${SUITES.join(' | ')}] [--minutes N] [--seed N] [--from N] [--plans N]: ${unknown ?? `--${notNumber?.[0] ?? ''}`}\n`,
  );
  process.exit(2);
}
const config = fileURLToPath(new URL('./jest.config.js', import.meta.url));
const wanted = positionals.length === 0 ? SUITES : positionals;
const files = wanted.map((name) => `faults/${name}.faults`);
process.exitCode = await runJest(config, 'ALTA_FAULTS_', values, files);
