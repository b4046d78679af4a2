import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { HISTORY_PATHS } from './paths.ts';

/**
 * `npm run history:record [-- <path>...]`: records every path of the corpus, or only those that are named, such as
 * `onboarding.happy`. Exit 2 for a path that does not exist.
 */
const wanted = process.argv.slice(2);
const unknown = wanted.filter((path) => !(HISTORY_PATHS as readonly string[]).includes(path));
if (unknown.length > 0) {
  process.stderr.write(`no such path: ${unknown.join(', ')}; there are\n  ${HISTORY_PATHS.join('\n  ')}\n`);
  process.exit(2);
}
const jest = fileURLToPath(new URL('../../../node_modules/jest/bin/jest.js', import.meta.url));
const { status } = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    jest,
    '--testMatch=**/test/support/histories/record.ts',
    // The whole test must match, so that one path's name does not bring along those that begin with it.
    ...(wanted.length === 0
      ? []
      : ['--testNamePattern', `^(?:${wanted.map((path) => path.replaceAll('.', '\\.')).join('|')}) is recorded$`]),
  ],
  { stdio: 'inherit' },
);
process.exitCode = status ?? 1;
