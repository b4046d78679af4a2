import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { Child } from '../../local/child.ts';
import { createSupervisor } from '../../local/processes.ts';
import { startStack, type Stack } from '../../local/stack.ts';
import { pause } from '../../local/wait.ts';
import { visitStack, type Visitor } from '../support/visitor.ts';
import { cpuOf } from './cpu.ts';

export const MODES = ['fast', 'regular'] as const;
/** Whether short steps are tried first as local activities. */
export type Mode = (typeof MODES)[number];

/** Everything that is measured, and what measures it. */
export interface Ground extends Visitor {
  stack: Stack;
  noopQueue: string;
  /** CPU that each process used so far, ms. The plain script and the mail catcher run in this one, `bench`. */
  cpu(): Record<string, number>;
  /** Lets one of the two relays run and puts the other to sleep; undefined: both sleep. */
  useRelay(mode: Mode | undefined): void;
  /** Waits until the outbox is delivered and what it set off has died down. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

const NOOP_WORKER = fileURLToPath(new URL('./noop-worker.ts', import.meta.url));
/** What the last delivered event still sets off (one check of a new store) takes less, ms. */
const AFTERMATH_MS = 250;

/**
 * Brings up a stack of its own: PostgreSQL, Temporal, two clusters, the simulator, Alta's API and worker, a worker for no-op steps,
 * and two relays, one for each mode, as the mode of a run is a setting of the relay that starts it. Both live through the whole
 * run, so that both are warm; the one that is not wanted is stopped by a signal.
 */
export async function openGround(note: (text: string) => void): Promise<Ground> {
  const stack = await startStack({
    ephemeral: true,
    services: ['worker', 'api'],
    env: { LOG_LEVEL: 'warn' },
    onPart: ({ part, state, text }) => {
      if (state === 'note' && text !== undefined) note(`${part}: ${text}`);
    },
  });
  const closers: (() => Promise<unknown>)[] = [() => stack.close()];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const { address, namespace } = stack.temporal;
    const noopQueue = `bench-noop-${randomUUID().slice(0, 8)}`;
    const supervisor = createSupervisor({ dataDir: stack.dataDir });
    closers.push(() => supervisor.stopAll());
    const [fast, regular, noopWorker] = await Promise.all([
      stack.startService('relay', 'relay-fast', { ALTA_FAST_PATH: 'true' }),
      stack.startService('relay', 'relay-regular', { ALTA_FAST_PATH: 'false' }),
      supervisor.start({
        name: 'noop-worker',
        command: process.execPath,
        args: [NOOP_WORKER],
        marker: NOOP_WORKER,
        env: { TEMPORAL_ADDRESS: address, TEMPORAL_NAMESPACE: namespace, NOOP_QUEUE: noopQueue },
        readyLine: (line) => line['ready'] === true,
      }),
    ]);
    const relays: Record<Mode, Child> = { fast, regular };
    const useRelay = (mode: Mode | undefined): void => {
      for (const one of MODES) process.kill(relays[one].pid, one === mode ? 'SIGCONT' : 'SIGSTOP');
    };
    // A process that sleeps does not hear that it should end.
    closers.push(() => Promise.resolve(MODES.forEach((mode) => process.kill(relays[mode].pid, 'SIGCONT'))));

    const visitor = await visitStack(stack, 'bench');
    closers.push(() => visitor.close());
    const quiet = async (): Promise<void> => {
      await visitor.emptyOutbox();
      await pause(AFTERMATH_MS);
    };
    const parts = ['postgres', 'temporal', 'mercadopago', ...stack.clusters.map(({ clusterId }) => clusterId), 'api', 'worker'];
    const pids = {
      ...Object.fromEntries([...parts, fast.name, regular.name].map((part) => [part, stack.child(part).pid])),
      'no-op worker': noopWorker.pid,
      bench: process.pid,
    };
    return { ...visitor, stack, noopQueue, cpu: () => cpuOf(pids), useRelay, quiet, close };
  } catch (error) {
    await close();
    throw error;
  }
}
