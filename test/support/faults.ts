import { setTimeout as pause } from 'node:timers/promises';
import { setEffectHook } from '../../adapters/effect.ts';
import { withSignal } from '../../adapters/signal.ts';
import { AltaError, type ErrorCode } from '../../contract/errors.ts';

/**
 * What happens at an effect boundary:
 * - `fail-before`: the act does not happen and fails; - `fail-after`: it happens and is reported as failed (the unknown outcome);
 * - `delay`: it happens after every time limit of its caller has passed, while the caller tries again;
 * - `hang`: it happens, and its answer never comes; - `twice`: it happens two times, one after the other;
 * - `zombie`: it is reported as failed and happens late, when its run has gone on or is over (`late`);
 * - `echo`: it happens and is reported as failed, and happens once more late, like a packet that was sent again on the way.
 */
export const FAULT_MODES = ['fail-before', 'fail-after', 'twice', 'zombie', 'echo', 'delay', 'hang'] as const;
export type FaultMode = (typeof FAULT_MODES)[number];

export interface Fault {
  mode: FaultMode;
  /** How many of the next calls; all when left out. */
  times?: number;
  /** Passages that are let through first. */
  skip?: number;
  code?: ErrorCode;
  /** The pause that the failure asks for, ms. */
  retryAfterMs?: number;
  /** Strikes only what is done for this subject, by the name that `whose` gives it; everything when left out. */
  of?: string;
}

export interface Faults {
  /** Boundaries passed since the last `clear`, in order. */
  readonly passed: string[];
  /** Boundaries passed for a subject since it was last cleared. */
  passedBy(subject: string): ReadonlySet<string>;
  /** Puts a fault at a boundary; of several at one boundary the first that is left strikes. */
  at(boundary: string, fault: Fault): void;
  /** Whether every fault that was put there for a number of times (for this subject, if named) has struck as often. */
  spent(boundary: string, subject?: string): boolean;
  /** Calls `act` once, just before the next passage of a boundary. */
  before(boundary: string, act: () => Promise<void> | void): void;
  /** Lets everything happen now that was held back for a subject (`zombie`, `echo`); what is refused by then is refused. Gives how many. */
  late(subject: string): Promise<number>;
  /** Takes a subject's faults away and forgets what it passed; its hanging calls end with an error. */
  clearOf(subject: string): void;
  /** Takes every fault away; hanging calls end with an error. */
  clear(): void;
  remove(): void;
}

export interface FaultsOptions {
  /** Whom the present call is done for; without it, or without an answer, only faults of nobody in particular strike. */
  whose?: () => Promise<string | undefined> | string | undefined;
  /** How long a `delay` is, ms: above the time limits of this world's calls. */
  delayMs?: number;
  /** How long a `hang` lasts at most, ms, as every call has a limit of its own; until it is cleared when left out. */
  hangMs?: number;
}

interface Planned {
  fault: Fault;
  left: number;
  skip: number;
}

/** Nobody in particular. */
const ANYBODY = '';

/** Hooks this process' effect boundaries (one set a test file). */
export function installFaults({ whose, delayMs = 0, hangMs }: FaultsOptions = {}): Faults {
  const plan = new Map<string, Planned[]>();
  const passed: string[] = [];
  const bySubject = new Map<string, Set<string>>();
  const early = new Map<string, () => Promise<void> | void>();
  const held = new Map<string, (() => Promise<unknown>)[]>();
  const hanging = new Map<string, Set<() => void>>();

  const strikes = (name: string, subject: string | undefined): Planned | undefined => {
    for (const entry of plan.get(name) ?? []) {
      if (entry.left <= 0 || (entry.fault.of !== undefined && entry.fault.of !== subject)) continue;
      if (entry.skip > 0) entry.skip -= 1;
      else return entry;
    }
    return undefined;
  };
  /** Waits until the subject is cleared, or so long. */
  const hang = async (subject: string): Promise<void> => {
    const waiting = hanging.get(subject) ?? new Set();
    hanging.set(subject, waiting);
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const end = (): void => resolve(undefined);
    waiting.add(end);
    const timer = hangMs === undefined ? undefined : setTimeout(end, hangMs);
    await promise;
    clearTimeout(timer);
    waiting.delete(end);
  };
  const release = (subject: string): void => {
    for (const end of hanging.get(subject) ?? []) end();
  };

  setEffectHook(async (name, act) => {
    const subject = await whose?.();
    passed.push(name);
    if (subject !== undefined) {
      const seen = bySubject.get(subject) ?? new Set();
      bySubject.set(subject, seen.add(name));
    }
    const first = early.get(name);
    if (early.delete(name)) await first?.();
    const entry = strikes(name, subject);
    if (entry === undefined) return act();
    entry.left -= 1;
    const { mode, code = 'INTERNAL', retryAfterMs, of = ANYBODY } = entry.fault;
    const failure = new AltaError(code, `injected at ${name} (${mode})`, retryAfterMs === undefined ? {} : { retryAfterMs });
    // What is already on the wire is not taken back by a caller that gives up.
    const onTheWire = (): Promise<unknown> => withSignal(new AbortController().signal, act);
    const hold = (): void => void held.set(of, [...(held.get(of) ?? []), onTheWire]);
    switch (mode) {
      case 'fail-before':
        throw failure;
      case 'fail-after':
        await act();
        throw failure;
      case 'zombie':
        hold();
        throw failure;
      case 'echo':
        hold();
        await act();
        throw failure;
      case 'twice':
        await act();
        return act();
      case 'delay':
        await pause(delayMs);
        return withSignal(new AbortController().signal, act);
      case 'hang':
        await act();
        await hang(of);
        throw failure;
    }
  });
  return {
    passed,
    passedBy: (subject) => bySubject.get(subject) ?? new Set(),
    at(boundary, fault) {
      const entry = { fault, left: fault.times ?? Number.POSITIVE_INFINITY, skip: fault.skip ?? 0 };
      // For the same subject, or for everybody, it takes the place of what was put before.
      const others = (plan.get(boundary) ?? []).filter((other) => fault.of !== undefined && other.fault.of !== fault.of);
      plan.set(boundary, [...others, entry]);
    },
    spent(boundary, subject) {
      const own = (plan.get(boundary) ?? []).filter(({ fault }) => subject === undefined || fault.of === subject);
      return own.length > 0 && own.every(({ left }) => left === 0);
    },
    before(boundary, act) {
      early.set(boundary, act);
    },
    async late(subject) {
      const acts = held.get(subject) ?? [];
      held.delete(subject);
      await Promise.allSettled(acts.map((act) => act()));
      return acts.length;
    },
    clearOf(subject) {
      for (const [boundary, entries] of plan)
        plan.set(
          boundary,
          entries.filter(({ fault }) => fault.of !== subject),
        );
      bySubject.delete(subject);
      release(subject);
    },
    clear() {
      plan.clear();
      early.clear();
      held.clear();
      bySubject.clear();
      passed.length = 0;
      for (const subject of hanging.keys()) release(subject);
    },
    remove() {
      for (const subject of hanging.keys()) release(subject);
      setEffectHook(undefined);
    },
  };
}
