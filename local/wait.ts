import { AltaError } from '../contract/errors.ts';

export interface WaitOptions {
  /** Longest wait, ms. */
  timeoutMs?: number;
  /** Pause between two looks, ms. */
  everyMs?: number;
  signal?: AbortSignal | undefined;
}

/** What a failure says; also for errors of another realm, which are no `Error` here. */
export function messageOf(error: unknown): string {
  const message = (error as { message?: unknown } | null | undefined)?.message;
  return typeof message === 'string' ? message : String(error);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Looks again and again until `look` gives something other than undefined, null or false, and returns it. A look that throws
 * counts as "not yet". Throws INTERNAL naming what was waited for, and the last look's failure, when the time is up.
 */
export async function waitUntil<T>(
  what: string,
  look: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  { timeoutMs = 30_000, everyMs = 50, signal }: WaitOptions = {},
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    signal?.throwIfAborted();
    try {
      const found = await look();
      if (found !== undefined && found !== null && found !== false) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() >= deadline) {
      const reason = last === undefined ? '' : `: ${messageOf(last)}`;
      throw new AltaError('INTERNAL', `waited ${Math.round(timeoutMs / 1000)} s for ${what}${reason}`, { cause: last });
    }
    await pause(everyMs);
  }
}
