import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Mutant } from './list.ts';

type Killer = Mutant['killers'][number];

/** What came of a run of tests, asked by a test file and a part of a test's name. */
export interface Ran {
  failed: (killer: Killer) => string[];
  passed: (killer: Killer) => string[];
  /** Why nothing can be said: a file that did not run at all, or a run that did not end; null when all ran. */
  broken: string | null;
}

/** Jest's own report, as far as it is read here. */
interface Report {
  testResults: {
    name: string;
    message: string;
    assertionResults: { fullName: string; status: string }[];
  }[];
}

const TIME_LIMIT_MS = 600_000;
const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Runs some tests of a copy of the tree, on a stack of their own. */
export function runTests(root: string, killers: readonly Killer[]): Ran {
  const output = join(root, '.mutant-report.json');
  rmSync(output, { force: true });
  const files = [...new Set(killers.map(({ file }) => file))];
  const names = [...new Set(killers.map(({ name }) => escaped(name)))].join('|');
  const jest = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning', 'node_modules/jest/bin/jest.js'];
  const options = ['--runTestsByPath', ...files, '-t', names, '--maxWorkers=1', '--json', `--outputFile=${output}`, '--forceExit'];
  const { error } = spawnSync(process.execPath, [...jest, ...options], { cwd: root, timeout: TIME_LIMIT_MS, stdio: 'ignore' });
  const report = existsSync(output) ? (JSON.parse(readFileSync(output, 'utf8')) as Report) : { testResults: [] };
  const withStatus =
    (status: string) =>
    ({ file, name }: Killer): string[] =>
      report.testResults
        .filter((result) => result.name.endsWith(`/${file}`))
        .flatMap(({ assertionResults }) => assertionResults)
        .filter((result) => result.status === status && result.fullName.includes(name))
        .map(({ fullName }) => fullName);
  const silent = files.filter(
    (file) => !report.testResults.some((result) => result.name.endsWith(`/${file}`) && result.assertionResults.length > 0),
  );
  const why = report.testResults
    .map(({ message }) => message)
    .join('\n')
    .slice(0, 2_000);
  const broken = error ? `the tests did not end: ${error.message}` : silent.length > 0 ? `did not run: ${silent.join(', ')}\n${why}` : null;
  return { failed: withStatus('failed'), passed: withStatus('passed'), broken };
}
