import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT_ROOT } from '../paths.ts';
import { checkAdvisories } from './advisories.ts';
import { checkChangelog } from './changelog.ts';
import type { Lockfile, Manifest } from './check.ts';
import { checkLicences } from './licences.ts';
import { checkLockfile } from './lockfile.ts';
import { checkSecrets } from './secrets.ts';

/** The part of `npm run verify` that looks at what the project is made of. Works without a network; exits with 1 on a fault. */
const read = (file: string): unknown => JSON.parse(readFileSync(join(PROJECT_ROOT, file), 'utf8'));
const lock = read('package-lock.json') as Lockfile;

const reports = [
  checkLockfile(read('package.json') as Manifest, lock),
  checkLicences(lock),
  checkAdvisories(PROJECT_ROOT),
  checkSecrets(PROJECT_ROOT),
  checkChangelog(PROJECT_ROOT),
];
for (const { name, summary, faults } of reports) {
  const verdict = faults.length === 0 ? `ok    ${summary}` : `FAIL  ${faults.length} ${faults.length === 1 ? 'fault' : 'faults'}`;
  process.stdout.write(`${name.padEnd(11)} ${verdict}\n${faults.map((fault) => `            ${fault}\n`).join('')}`);
}
if (reports.some(({ faults }) => faults.length > 0)) process.exitCode = 1;
