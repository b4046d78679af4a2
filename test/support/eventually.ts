import { setTimeout as pause } from 'node:timers/promises';

/** Pauses between two looks at a condition, ms: a tenth of the time waited so far. Looks cost the systems that are waited for. */
const [SHORTEST_MS, LONGEST_MS] = [20, 100];

/**
 * Looks again and again until `look` gives something truthy, and gives it back. Errors of `look` count as "not yet". Fails
 * with what was last seen after `withinMs`, which is a safety net and never an assertion about speed.
 */
export async function eventually<T>(look: () => Promise<T> | T, what = 'the condition', withinMs = 60_000): Promise<NonNullable<T>> {
  const began = Date.now();
  let last: unknown;
  for (;;) {
    try {
      const seen = await look();
      if (seen) return seen;
      last = seen;
    } catch (error) {
      last = error;
    }
    const waited = Date.now() - began;
    if (waited > withinMs)
      throw new Error(
        `${what} did not come within ${withinMs} ms; last seen: ${last instanceof Error ? last.message : JSON.stringify(last)}`,
      );
    await pause(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, waited / 10)));
  }
}

/** What `promise` gives; fails and names it when that takes longer than `withinMs`: a safety net that says which of many waits never ended. */
export async function endsWithin<T>(promise: Promise<T>, what: string, withinMs = 120_000): Promise<T> {
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
