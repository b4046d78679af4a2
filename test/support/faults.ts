import { setEffectHook } from '../../adapters/effect.ts';
import { AltaError, type ErrorCode } from '../../contract/errors.ts';

/**
 * What happens at an effect boundary:
 * - `fail-before`: the act does not happen and fails; - `fail-after`: it happens and is reported as failed (the unknown outcome);
 * - `hang`: it happens, and its answer never comes; - `twice`: it happens two times, one after the other.
 */
export type FaultMode = 'fail-before' | 'fail-after' | 'hang' | 'twice';

export interface Fault {
  mode: FaultMode;
  /** How many of the next calls; all when left out. */
  times?: number;
  code?: ErrorCode;
}

export interface Faults {
  /** Boundaries passed since the last `clear`, in order. */
  readonly passed: string[];
  /** Puts a fault at a boundary. */
  at(boundary: string, fault: Fault): void;
  /** Whether a fault that was put for a number of times has struck as often. */
  spent(boundary: string): boolean;
  /** Calls `act` once, just before the next passage of a boundary. */
  before(boundary: string, act: () => Promise<void> | void): void;
  /** Takes every fault away; hanging calls end with an error. */
  clear(): void;
  remove(): void;
}

/** Hooks this process' effect boundaries (one set a test file). */
export function installFaults(): Faults {
  const plan = new Map<string, { fault: Fault; left: number }>();
  const passed: string[] = [];
  const early = new Map<string, () => Promise<void> | void>();
  let release: () => void = () => undefined;
  let cleared = new Promise<void>((resolve) => (release = resolve));
  setEffectHook(async (name, act) => {
    passed.push(name);
    const first = early.get(name);
    if (early.delete(name)) await first?.();
    const entry = plan.get(name);
    if (!entry || entry.left <= 0) return act();
    entry.left -= 1;
    const failure = new AltaError(entry.fault.code ?? 'INTERNAL', `injected at ${name} (${entry.fault.mode})`);
    if (entry.fault.mode === 'fail-before') throw failure;
    if (entry.fault.mode === 'twice') await act();
    const result = await act();
    if (entry.fault.mode === 'twice') return result;
    if (entry.fault.mode === 'hang') await cleared;
    throw failure;
  });
  return {
    passed,
    at(boundary, fault) {
      plan.set(boundary, { fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    },
    spent: (boundary) => plan.get(boundary)?.left === 0,
    before(boundary, act) {
      early.set(boundary, act);
    },
    clear() {
      plan.clear();
      early.clear();
      passed.length = 0;
      release();
      cleared = new Promise((resolve) => (release = resolve));
    },
    remove() {
      release();
      setEffectHook(undefined);
    },
  };
}
