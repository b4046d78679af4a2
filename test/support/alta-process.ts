import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const KILL_AT = new URL('./kill-at.ts', import.meta.url).href;
const MAINS = {
  worker: '../../worker/main.ts',
  relay: '../../client/relay/main.ts',
  api: '../../client/api/main.ts',
  cli: '../../client/cli/main.ts',
} as const;

export interface AltaProcess {
  pid: number;
  /** The line by which the process said that it is ready. */
  ready: Promise<Record<string, unknown>>;
  /** How it ended. */
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** All that it has written up to now. */
  output(): string;
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Starts one of Alta's own processes; `killAt` (see kill-at.ts) lets it die at a boundary. */
export function startAlta(kind: keyof typeof MAINS, env: Record<string, string>, killAt?: string, args: string[] = []): AltaProcess {
  const main = fileURLToPath(new URL(MAINS[kind], import.meta.url));
  const { PATH, HOME, ALTA_WORKFLOW_BUNDLE, NODE_COMPILE_CACHE } = process.env;
  const child: ChildProcess = spawn(process.execPath, [...(killAt ? ['--import', KILL_AT] : []), main, ...args], {
    env: {
      PATH,
      HOME,
      ALTA_WORKFLOW_BUNDLE,
      NODE_COMPILE_CACHE,
      LOG_LEVEL: 'fatal',
      API_PORT: '0',
      ...env,
      ...(killAt ? { ALTA_KILL_AT: killAt } : {}),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = once(child, 'exit').then(([code, signal]) => ({ code: code as number | null, signal: signal as NodeJS.Signals | null }));
  let errors = '';
  const written: Buffer[] = [];
  child.stdout!.on('data', (chunk: Buffer) => written.push(chunk));
  child.stderr!.on('data', (chunk: Buffer) => {
    written.push(chunk);
    errors = `${errors}${chunk.toString()}`.slice(-4_000);
  });
  const ready = new Promise<Record<string, unknown>>((resolve, reject) => {
    createInterface({ input: child.stdout! }).on('line', (line) => {
      if (line.includes('"ready":true')) resolve(JSON.parse(line) as Record<string, unknown>);
    });
    void ended.then(({ code, signal }) => reject(new Error(`${kind} ended with ${code ?? signal ?? '?'} before it was ready: ${errors}`)));
  });
  ready.catch(() => undefined);
  return {
    pid: child.pid!,
    ready,
    ended,
    output: () => Buffer.concat(written).toString('utf8'),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      return ended;
    },
  };
}
