import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import type { Kind } from './model.ts';

interface Running {
  alta: AltaProcess;
  url: string;
}

/** Alta's own processes of one run: as many of each kind as the commands say, and none that comes back by itself. */
export interface Processes {
  /** Where the API processes are. */
  apis(): string[];
  /** Starts one; resolves when it is ready. */
  start(kind: Kind): Promise<void>;
  /** Ends one with SIGKILL; resolves when it is gone. */
  kill(kind: Kind, which: number): Promise<void>;
  /** Changes settings of all, one process after another, as a deployment does: each ends in order, and another takes its place. */
  roll(settings: Record<string, string>): Promise<void>;
  /** Those that ended without being told to. */
  readonly died: string[];
  close(): Promise<void>;
}

export function createProcesses(env: () => Record<string, string>): Processes {
  const running: Record<Kind, Running[]> = { worker: [], relay: [], api: [] };
  const told = new Set<AltaProcess>();
  const settings: Record<string, string> = {};
  const died: string[] = [];

  async function start(kind: Kind): Promise<Running> {
    const alta = startAlta(kind, { ...env(), ...settings });
    void alta.ended.then(({ code, signal }) => {
      if (!told.has(alta)) died.push(`${kind} (${signal ?? String(code)}): ${alta.output().slice(-500)}`);
      running[kind] = running[kind].filter((one) => one.alta !== alta);
    });
    const one = { alta, url: String((await alta.ready)['url']) };
    running[kind].push(one);
    return one;
  }
  async function end({ alta }: Running, signal: NodeJS.Signals): Promise<void> {
    told.add(alta);
    await alta.stop(signal);
  }

  return {
    apis: () => running.api.map(({ url }) => url),
    died,
    start: async (kind) => void (await start(kind)),
    async kill(kind, which) {
      const one = running[kind][which % Math.max(1, running[kind].length)];
      if (one !== undefined) await end(one, 'SIGKILL');
    },
    async roll(changed) {
      Object.assign(settings, changed);
      for (const kind of ['worker', 'relay', 'api'] as const) {
        for (const one of [...running[kind]]) {
          await start(kind);
          await end(one, 'SIGTERM');
        }
      }
    },
    async close() {
      await Promise.all(Object.values(running).flatMap((list) => list.map((one) => end(one, 'SIGKILL'))));
    },
  };
}
