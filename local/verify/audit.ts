import { checkAdvisories, refreshAdvisories, SNAPSHOT_FILE } from './advisories.ts';
import { PROJECT_ROOT } from '../paths.ts';

/** `npm run audit`: asks the registry for advisories and writes the snapshot that `npm run verify` reads. Exits with 1 on a fault. */
try {
  refreshAdvisories(PROJECT_ROOT);
  const { summary, faults } = checkAdvisories(PROJECT_ROOT);
  process.stdout.write(`${SNAPSHOT_FILE}: ${summary}\n${faults.map((fault) => `  ${fault}\n`).join('')}`);
  if (faults.length > 0) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
