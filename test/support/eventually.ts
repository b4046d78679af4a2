import { setTimeout as pause } from 'node:timers/promises';

/** Pause between two looks at a condition, ms. */
const LOOK_EVERY_MS = 25;

/**
 * Looks again and again until `look` gives something truthy, and gives it back. Errors of `look` count as "not yet". Fails
 * with what was last seen after `withinMs`, which is a safety net and never an assertion about speed.
 */
export async function eventually<T>(look: () => Promise<T> | T, what = 'the condition', withinMs = 60_000): Promise<NonNullable<T>> {
  const end = Date.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end)
      throw new Error(
        `${what} did not come within ${withinMs} ms; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
      );
    await pause(LOOK_EVERY_MS);
  }
}

/** What `promise` gives; fails and names it when that takes longer than `withinMs`: a safety net that says which of many waits never ended. */
export async function inTime<T>(promise: Promise<T>, what: string, withinMs = 120_000): Promise<T> {
  const waited = new AbortController();
  const late = pause(withinMs, undefined, { signal: waited.signal }).then(() => {
    throw new Error(`${what} did not end within ${withinMs} ms`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    waited.abort();
  }
}
