import { messageOf, pause, waitUntil } from '../../local/wait.ts';
import type { Fleet } from './fleet.ts';
import type { Ground } from './ground.ts';
import type { Act, Fault } from './plan.ts';

export interface StrikeTally {
  postgres: { fast: number; immediate: number };
  temporal: { SIGTERM: number; SIGKILL: number };
  clusters: number;
  /** Signals that found no running process. */
  missed: number;
}

/** How long a part may take to come back, ms: a server that crashed recovers first. */
const BACK_MS = 180_000;

/**
 * Plays the plan, each fault at its moment whether or not an earlier one is over, and resolves when the last part is back. Throws when a
 * part of the stack does not come back.
 */
export async function strike(
  ground: Ground,
  fleet: Fleet,
  plan: readonly Fault[],
  { signal, note }: { signal: AbortSignal; note: (text: string) => void },
): Promise<StrikeTally> {
  const { stack } = ground;
  const tally: StrikeTally = { postgres: { fast: 0, immediate: 0 }, temporal: { SIGTERM: 0, SIGKILL: 0 }, clusters: 0, missed: 0 };
  // One after another for each part: a part that is away cannot be ended.
  const busy = new Map<string, Promise<void>>();

  const restart = (part: string, end: 'SIGINT' | 'SIGQUIT' | 'SIGTERM' | 'SIGKILL', downMs: number): Promise<void> => {
    const act = async (): Promise<void> => {
      await stack.child(part).kill(end);
      await pause(downMs);
      const back = async (): Promise<boolean> => (await stack.restart(part)).pid > 0;
      await waitUntil(`${part} to be back`, back, { timeoutMs: BACK_MS, everyMs: 200 });
    };
    const turn = (busy.get(part) ?? Promise.resolve()).then(act);
    busy.set(
      part,
      turn.catch(() => undefined),
    );
    return turn;
  };

  const act = async (fault: Act): Promise<void> => {
    switch (fault.kind) {
      case 'kill':
        if (!fleet.kill(fault.pick)) tally.missed += 1;
        return;
      case 'stop':
        if (!fleet.stop(fault.pick, fault.forMs)) tally.missed += 1;
        return;
      case 'postgres':
        tally.postgres[fault.how] += 1;
        return restart('postgres', fault.how === 'fast' ? 'SIGINT' : 'SIGQUIT', fault.downMs);
      case 'temporal':
        tally.temporal[fault.how] += 1;
        return restart('temporal', fault.how, fault.downMs);
      case 'cluster':
        tally.clusters += 1;
        return restart(stack.clusters[fault.which]?.clusterId ?? '', 'SIGKILL', fault.downMs);
    }
  };

  const began = performance.now();
  const acts: Promise<void>[] = [];
  const failures: string[] = [];
  for (const { atMs, ...fault } of plan) {
    await pause(Math.max(0, began + atMs - performance.now()));
    if (signal.aborted) break;
    const failed = (error: unknown): void => {
      failures.push(messageOf(error));
      note(`${fault.kind}: ${messageOf(error)}`);
    };
    acts.push(act(fault).catch(failed));
  }
  await Promise.all(acts);
  if (failures.length > 0) throw new Error(`a part of the stack did not come back: ${failures.join('; ')}`);
  return tally;
}
