import { AsyncLocalStorage } from 'node:async_hooks';

const callerSignal = new AsyncLocalStorage<AbortSignal>();

/** Runs `act` so that every outside call in it ends when `signal` does (a cancelled activity cuts its calls). */
export function withSignal<T>(signal: AbortSignal, act: () => T): T {
  return callerSignal.run(signal, act);
}

/** The signal of the caller, if there is one. */
export const currentSignal = (): AbortSignal | undefined => callerSignal.getStore();

/** Throws the caller's own reason when its signal has ended, so that a cancelled activity stays recognisable as such. */
export const throwIfEnded = (): void => callerSignal.getStore()?.throwIfAborted();
