import { createSupervisor } from '../../local/processes.ts';
import { startPostgres } from '../../local/postgres.ts';
import { takeLock, isHolder } from '../../local/lock.ts';
import { lockFileOf } from '../../local/paths.ts';

/**
 * A parent for tests to kill: `node stack-parent.ts <data dir> [postgres]` takes the lock of the directory, starts a child or
 * PostgreSQL, prints what it started as one line of JSON, and waits.
 */
const [, , dataDir = '', what = 'child'] = process.argv;
if (isHolder(takeLock(lockFileOf(dataDir)))) throw new Error('the lock is taken');
const supervisor = createSupervisor({ dataDir });
const forever = `process.stdout.write(JSON.stringify({ ready: true }) + '\\n'); setInterval(() => {}, 1000); // ${dataDir}`;
if (what === 'postgres') {
  const server = await startPostgres({ supervisor, password: 'for-tests', durable: false });
  process.stdout.write(`${JSON.stringify({ pid: server.child?.pid, url: server.url('postgres') })}\n`);
} else {
  const child = await supervisor.start({
    name: 'forever',
    command: process.execPath,
    args: ['-e', forever],
    marker: dataDir,
    readyLine: (line) => line['ready'] === true,
  });
  process.stdout.write(`${JSON.stringify({ pid: child.pid })}\n`);
}
setInterval(() => undefined, 1_000);
