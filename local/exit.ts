import { identify, parentOf } from './process-identity.ts';

/** What ends a program before its time. */
export interface ExitWatch {
  /** Aborted at the first wish to end. */
  readonly signal: AbortSignal;
  /** Settles with the exit code when somebody or something wishes the end: 130 for Ctrl-C, 143 for SIGTERM, 1 for a failure. */
  readonly wished: Promise<number>;
  /** Takes the listeners away. */
  dispose(): void;
}

const CODES = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
const PARENT_LOOK_MS = 2_000;

/**
 * Watches for Ctrl-C, SIGTERM, SIGHUP, an uncaught error, and the end of the npm that started us (whose shell does not always
 * pass signals on). A second Ctrl-C calls `now`, which must not wait for anything.
 */
export function watchExit(now: () => void): ExitWatch {
  const controller = new AbortController();
  const { promise: wished, resolve } = Promise.withResolvers<number>();
  const wish = (code: number): void => {
    if (controller.signal.aborted) {
      now();
      process.exit(code);
    }
    controller.abort();
    resolve(code);
  };
  const listeners = Object.entries(CODES).map(([name, code]) => {
    const listener = (): void => wish(code);
    process.on(name, listener);
    return { name, listener };
  });
  const onError = (error: unknown): void => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    wish(1);
  };
  process.on('uncaughtException', onError);
  process.on('unhandledRejection', onError);
  const isFollowed = followNpm();
  const timer = setInterval(() => {
    if (!isFollowed() && !controller.signal.aborted) wish(CODES.SIGTERM);
  }, PARENT_LOOK_MS);
  timer.unref();
  return {
    signal: controller.signal,
    wished,
    dispose() {
      clearInterval(timer);
      for (const { name, listener } of listeners) process.off(name, listener);
      process.off('uncaughtException', onError);
      process.off('unhandledRejection', onError);
    },
  };
}

/**
 * Says whether the npm that started us still lives. Between it and us may be a shell, which outlives it. Only npm is followed: a
 * start from a shell in the background may outlive the shell.
 */
function followNpm(): () => boolean {
  if (process.env['npm_lifecycle_event'] === undefined) return () => true;
  const parent = process.ppid;
  const grandparent = parentOf(parent);
  const shellOfNpm = grandparent !== undefined && /\bnpm\b/.test(identify(grandparent)?.command ?? '');
  return () => process.ppid === parent && (!shellOfNpm || parentOf(parent) === grandparent);
}
