import { existsSync, rmSync } from 'node:fs';
import { isHolder, takeLock } from './lock.ts';
import { cleanOrphans } from './orphans.ts';
import { DATA_DIR, lockFileOf } from './paths.ts';
import { removeOutside } from './postgres-home.ts';

/** `npm run reset`: empties the local stack's data directory: databases, keys, logs. Refuses while the stack runs. */
async function main(): Promise<number> {
  if (!existsSync(DATA_DIR)) {
    process.stdout.write('nothing to reset\n');
    return 0;
  }
  const lock = takeLock(lockFileOf(DATA_DIR));
  if (isHolder(lock)) {
    process.stderr.write(`the local stack runs as process ${lock.pid}; stop it first\n`);
    return 1;
  }
  const orphans = await cleanOrphans(DATA_DIR);
  if (orphans.length > 0) process.stdout.write(`ended what was left running: ${orphans.join(', ')}\n`);
  removeOutside();
  rmSync(DATA_DIR, { recursive: true, force: true });
  process.stdout.write(`emptied ${DATA_DIR}\n`);
  return 0;
}

process.exitCode = await main();
