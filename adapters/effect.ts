import { isTraced, traced } from './trace.ts';

/**
 * Effect boundaries. Every HTTP call, SQL transaction, Temporal client call, publish and mark goes through `effect(name, act)`,
 * so that a test can make any of them fail before acting, fail after acting, hang, run twice or kill the process. Unused, it
 * costs two comparisons.
 */
export type EffectHook = <T>(name: string, act: () => Promise<T>) => Promise<T>;

let hook: EffectHook | undefined;

/** Runs one outside effect under its name: `<system>.<act>`, such as `cluster.upsert-client`. In a trace it is a span of that name. */
export function effect<T>(name: string, act: () => Promise<T>): Promise<T> {
  const run = (): Promise<T> => (hook === undefined ? act() : hook(name, act));
  return isTraced() ? traced(name, run, { kind: 'client' }) : run();
}

/** Puts a hook around every effect of this process, or takes it away. For tests. */
export function setEffectHook(next: EffectHook | undefined): void {
  hook = next;
}
