import { readFileSync } from 'node:fs';
import type { Child } from '../../local/child.ts';
import type { Stack } from '../../local/stack.ts';
import { pause, waitUntil } from '../../local/wait.ts';
import { KINDS, type FleetSize, type Kind } from './plan.ts';

const KILL_AT = new URL('../support/kill-at.ts', import.meta.url).href;
/** Pause after a start that failed, as an orchestrator makes one, ms. */
const START_AGAIN_MS = 500;
const LOOK_EVERY_MS = 100;

export interface FleetTally {
  /** SIGKILLs from outside, by kind of process. */
  kills: Record<Kind, number>;
  /** Processes that were killed at an effect boundary. */
  boundaryKills: Record<Kind, number>;
  /** Of those, the ones that died right after the act: it happened, and nobody was told. */
  killedAfterTheAct: number;
  /** Processes that were stopped and went on later, at a moment or at a boundary. */
  stops: Record<Kind, number>;
  starts: number;
  /** Starts that came to nothing, as without a database. */
  failedStarts: number;
  /** Processes that ended without being told to. */
  died: string[];
}

export interface Fleet {
  readonly tally: FleetTally;
  /** Addresses of the API processes that are there. */
  apis(): string[];
  /** Kills a running process; false when none runs. */
  kill(pick: number): boolean;
  /** Stops one and lets it go on after `forMs`; false when none runs. */
  stop(pick: number, forMs: number): boolean;
  /** Ends all faults: what is stopped goes on, what is doomed is replaced. Resolves once all processes run. */
  calm(): Promise<void>;
  /** The processes that run, by name. */
  pids(): Record<string, number>;
  close(): Promise<void>;
}

export interface FleetOptions {
  stack: Stack;
  size: FleetSize;
  /** Where the next process of a kind ends by itself (`kill-at.ts`). */
  doom: (kind: Kind) => string | undefined;
  /** How long one that stopped at a boundary stays stopped, ms. */
  stopMs: number;
}

interface Slot {
  kind: Kind;
  child: Child | undefined;
  killed: boolean;
  stopped: boolean;
  doomed: boolean;
}

const isStopped = (pid: number): boolean => {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).startsWith('T');
  } catch {
    return false;
  }
};

/** Keeps so many of Alta's processes running: one that ends is replaced at once, under a name (and log) of its own. */
export async function startFleet({ stack, size, doom, stopMs }: FleetOptions): Promise<Fleet> {
  const none = (): Record<Kind, number> => ({ worker: 0, relay: 0, api: 0 });
  const tally: FleetTally = {
    kills: none(),
    boundaryKills: none(),
    killedAfterTheAct: 0,
    stops: none(),
    starts: 0,
    failedStarts: 0,
    died: [],
  };
  const state = { closing: false, calm: false };
  const closing = (): boolean => state.closing;

  const running = (slot: Slot): slot is Slot & { child: Child } => slot.child !== undefined && !slot.killed && !slot.stopped;
  const goOn = (slot: Slot): void => {
    slot.stopped = false;
    if (slot.child !== undefined) process.kill(slot.child.pid, 'SIGCONT');
  };

  async function keep(slot: Slot, name: string): Promise<void> {
    for (let turn = 1; !closing(); turn += 1) {
      const killAt = state.calm ? undefined : doom(slot.kind);
      const env = killAt === undefined ? {} : { NODE_OPTIONS: `--import=${KILL_AT}`, ALTA_KILL_AT: killAt };
      tally.starts += 1;
      let child: Child;
      try {
        child = await stack.startService(slot.kind, `${name}-${String(turn)}`, { API_PORT: '0', ...env });
      } catch {
        if (closing()) return;
        tally.failedStarts += 1;
        await pause(START_AGAIN_MS);
        continue;
      }
      if (closing()) {
        // It was on its way when the end began, which therefore did not find it.
        await child.stop();
        return;
      }
      Object.assign(slot, { child, killed: false, stopped: false, doomed: killAt !== undefined });
      const { code, signal } = await child.exited;
      const { killed, doomed } = slot;
      Object.assign(slot, { child: undefined, stopped: false });
      if (closing() || killed) continue;
      if (doomed && signal === 'SIGKILL') {
        tally.boundaryKills[slot.kind] += 1;
        if (killAt?.includes(':after:') === true) tally.killedAfterTheAct += 1;
      } else tally.died.push(`${child.name} (${String(signal ?? code)})`);
    }
  }

  const slots: Slot[] = [];
  const keepers: Promise<void>[] = [];
  for (const kind of KINDS) {
    for (let number = 1; number <= size[kind]; number += 1) {
      const slot: Slot = { kind, child: undefined, killed: false, stopped: false, doomed: false };
      slots.push(slot);
      keepers.push(keep(slot, `${kind}-${String(number)}`));
    }
  }
  const choose = (pick: number): (Slot & { child: Child }) | undefined => {
    const those = slots.filter(running);
    return those[Math.floor(pick * those.length)];
  };
  const freeze = (slot: Slot & { child: Child }, forMs: number): void => {
    slot.stopped = true;
    tally.stops[slot.kind] += 1;
    const { child } = slot;
    void pause(forMs).then(() => {
      if (slot.child === child && slot.stopped) goOn(slot);
    });
  };
  const strikeDown = (slot: Slot & { child: Child }): void => {
    slot.killed = true;
    tally.kills[slot.kind] += 1;
    process.kill(slot.child.pid, 'SIGKILL');
  };
  const watch = setInterval(() => {
    for (const slot of slots) if (running(slot) && slot.doomed && isStopped(slot.child.pid)) freeze(slot, stopMs);
  }, LOOK_EVERY_MS);
  const all = (): Promise<boolean> => waitUntil('every process of Alta', () => slots.every(running), { timeoutMs: 120_000 });

  const fleet: Fleet = {
    tally,
    apis: () => slots.flatMap(({ kind, child }) => (kind === 'api' && child !== undefined ? [String(child.ready['url'])] : [])),
    kill(pick) {
      const slot = choose(pick);
      if (slot === undefined) return false;
      strikeDown(slot);
      return true;
    },
    stop(pick, forMs) {
      const slot = choose(pick);
      if (slot === undefined) return false;
      process.kill(slot.child.pid, 'SIGSTOP');
      freeze(slot, forMs);
      return true;
    },
    async calm() {
      state.calm = true;
      // Looked at again and again: one that was on its way when the faults ended comes up doomed.
      const look = (): boolean => {
        for (const slot of slots) {
          if (slot.stopped) goOn(slot);
          if (slot.doomed && running(slot)) strikeDown(slot);
        }
        return slots.every((slot) => running(slot) && !slot.doomed);
      };
      await waitUntil('no doomed process', look, { timeoutMs: 120_000 });
    },
    pids: () => Object.fromEntries(slots.filter(running).map(({ child }) => [child.name, child.pid])),
    async close() {
      state.closing = true;
      clearInterval(watch);
      for (const slot of slots) {
        if (slot.stopped) goOn(slot);
        await slot.child?.stop();
      }
      await Promise.all(keepers);
    },
  };
  try {
    await all();
  } catch (error) {
    await fleet.close();
    throw error;
  }
  return fleet;
}
