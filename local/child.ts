import { spawn } from 'node:child_process';
import { fstatSync } from 'node:fs';
import { AltaError } from '../contract/errors.ts';
import { appendLog, closeLog, forEachJsonLine, lastLines, openLog } from './logs.ts';
import { forgetProcess, recordProcess } from './orphans.ts';
import { COMPILE_CACHE } from './paths.ts';
import { messageOf, waitUntil } from './wait.ts';

export interface ChildSpec {
  name: string;
  command: string;
  args: string[];
  /** Part of the command line that shows the process is ours. */
  marker: string;
  env?: NodeJS.ProcessEnv;
  cwd?: string;
  uid?: number | undefined;
  gid?: number | undefined;
  /** Picks the line of standard output, parsed from JSON, by which the child says that it is ready. */
  readyLine?: (line: Record<string, unknown>) => boolean;
  /** For programs that say nothing: looked at until it is true. */
  readyProbe?: () => Promise<boolean>;
  readyTimeoutMs?: number;
  stopSignal?: 'SIGTERM' | 'SIGINT';
  /** How long it may take to stop before it is killed, ms. */
  stopTimeoutMs?: number;
}

export interface ChildExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface Child {
  readonly name: string;
  /** What it was started from; starting it again takes the same ports. */
  readonly spec: ChildSpec;
  readonly pid: number;
  /** The line by which it said that it is ready. */
  readonly ready: Readonly<Record<string, unknown>>;
  /** Settles when the process is gone and its output was read. */
  readonly exited: Promise<ChildExit>;
  /** Asks it to stop, kills it when it does not in time, and waits for its end. */
  stop(): Promise<void>;
  /** Sends a signal to it and waits for its end, which then counts as wanted. */
  kill(signal: NodeJS.Signals): Promise<ChildExit>;
}

export interface LaunchedChild extends Child {
  /** Ends the whole process group at once. */
  killGroup(): void;
  /** Waits until it is ready. Throws INTERNAL with its last lines when it dies first or the time is up. */
  untilReady(): Promise<void>;
  /** True once its end was asked for. */
  readonly stopping: boolean;
  /** The last lines that it wrote since its start. */
  lastLines(): string;
}

/** Settings of the parent that would change what a child does are left out. */
function childEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(NODE_OPTIONS$|npm_|JEST_|INIT_CWD$)/.test(name));
  return { NODE_COMPILE_CACHE: COMPILE_CACHE, ...Object.fromEntries(inherited), ...env };
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already.
  }
}

export const describeExit = ({ code, signal: name }: ChildExit): string =>
  name !== null ? `was ended by ${name}` : code !== null ? `ended with code ${code}` : 'could not be started';

/**
 * Starts a process in a group of its own and records it for the next start, should this process be killed. Its output goes to
 * `<data dir>/logs/<name>.log`.
 */
export function launchChild(spec: ChildSpec, dataDir: string): LaunchedChild {
  const log = openLog(dataDir, spec.name);
  const logStart = fstatSync(log.fd).size;
  const process_ = spawn(spec.command, spec.args, {
    detached: true,
    env: childEnvironment(spec.env ?? {}),
    stdio: ['ignore', spec.readyLine === undefined ? log.fd : 'pipe', log.fd],
    ...(spec.cwd === undefined ? {} : { cwd: spec.cwd }),
    ...(spec.uid === undefined ? {} : { uid: spec.uid }),
    ...(spec.gid === undefined ? {} : { gid: spec.gid }),
  });
  const pid = process_.pid ?? 0;
  const record =
    pid === 0 ? undefined : recordProcess(dataDir, { name: spec.name, pid, marker: spec.marker, stopSignal: spec.stopSignal ?? 'SIGTERM' });
  const ready: Record<string, unknown> = {};
  let isReady = false;
  let stopping = false;
  let gone = false;

  const exited = new Promise<ChildExit>((resolve) => {
    const end = (exit: ChildExit): void => {
      if (gone) return;
      gone = true;
      if (record !== undefined) forgetProcess(dataDir, record);
      closeLog(log);
      resolve(exit);
    };
    process_.once('close', (code, name) => end({ code, signal: name }));
    process_.once('error', (error) => {
      appendLog(log, `${error.message}\n`);
      if (pid === 0) end({ code: null, signal: null });
    });
  });
  if (process_.stdout !== null) {
    forEachJsonLine(process_.stdout, log, (line) => {
      if (isReady || spec.readyLine?.(line) !== true) return;
      Object.assign(ready, line);
      isReady = true;
    });
  }

  async function untilReady(): Promise<void> {
    const look = async (): Promise<boolean> => {
      if (!gone && !isReady && spec.readyProbe !== undefined) isReady = await spec.readyProbe();
      return gone || isReady;
    };
    const everyMs = spec.readyProbe === undefined ? 5 : 50;
    await waitUntil(`${spec.name} to be ready`, look, { timeoutMs: spec.readyTimeoutMs ?? 60_000, everyMs }).catch((error: unknown) => {
      throw new AltaError('INTERNAL', `${messageOf(error)}; its last lines:\n${lastLines(log.path, logStart)}`, { cause: error });
    });
    if (!gone) return;
    const exit = await exited;
    throw new AltaError(
      'INTERNAL',
      `${spec.name} ${describeExit(exit)} before it was ready; its last lines:\n${lastLines(log.path, logStart)}`,
    );
  }

  return {
    name: spec.name,
    spec,
    pid,
    ready,
    exited,
    get stopping() {
      return stopping;
    },
    untilReady,
    lastLines: () => lastLines(log.path, logStart),
    killGroup: () => {
      stopping = true;
      if (!gone) signal(-pid, 'SIGKILL');
    },
    stop: async () => {
      stopping = true;
      if (gone) return;
      signal(pid, spec.stopSignal ?? 'SIGTERM');
      const timer = setTimeout(() => signal(-pid, 'SIGKILL'), spec.stopTimeoutMs ?? 10_000);
      await exited;
      clearTimeout(timer);
    },
    kill: (name) => {
      stopping = true;
      if (!gone) signal(pid, name);
      return exited;
    },
  };
}
