import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { readEnvironment } from './context.ts';

const MAIN = fileURLToPath(new URL('../../worker/main.ts', import.meta.url));
const PASSED_ON = ['SIGINT', 'SIGTERM', 'SIGQUIT', 'SIGHUP'] as const;

/** `alta worker`: the worker process, as `node worker/main.ts` runs it, with its version and queues named on the command line. */
export function workerCommand(program: Command): void {
  program
    .command('worker')
    .description('run a worker until SIGINT or SIGTERM; its exit code is this one')
    .option('--build-id <id>', 'version of its code: it takes only runs of this version (docs/rollout.md)')
    .option('--queues <names>', 'serve only some of provisioning, accounts, upkeep')
    .action(async ({ buildId, queues }: { buildId?: string; queues?: string }) => {
      process.exitCode = await runWorker({
        ...(buildId === undefined ? {} : { ALTA_BUILD_ID: buildId }),
        ...(queues === undefined ? {} : { ALTA_WORKER_QUEUES: queues }),
      });
    });
}

/** Runs it in a process group of its own, so that Ctrl-C reaches it once, from here. */
async function runWorker(settings: Record<string, string>): Promise<number> {
  const env = { ...readEnvironment(), ...settings };
  const child = spawn(process.execPath, [MAIN], { env, stdio: ['ignore', 'inherit', 'inherit'], detached: true });
  // The worker drains on its own signals; a hang-up of the terminal is one more way to ask for that.
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal === 'SIGHUP' ? 'SIGTERM' : signal);
  for (const signal of PASSED_ON) process.on(signal, pass);
  try {
    const [code, signal] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + constants.signals[signal ?? 'SIGKILL'];
  } finally {
    for (const signal of PASSED_ON) process.off(signal, pass);
  }
}
