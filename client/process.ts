import { createLogger } from '../adapters/log.ts';

/**
 * Runs a long-lived process: `body` gets a promise that resolves on SIGINT or SIGTERM and returns when everything is given
 * back. A failure is logged and makes the exit code 1; nothing is thrown.
 */
export async function runProcess(name: string, body: (stop: Promise<NodeJS.Signals>) => Promise<void>): Promise<void> {
  const log = createLogger(name);
  const stop = new Promise<NodeJS.Signals>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => resolve(signal));
  });
  try {
    await body(stop);
  } catch (error) {
    log.fatal({ err: error }, `${name} could not run`);
    process.exitCode = 1;
  }
}
