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
