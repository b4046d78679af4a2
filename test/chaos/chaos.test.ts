import { expect, test } from '@jest/globals';
import { runChaos } from './run.ts';

/**
 * The short form of `npm run chaos`: the same parts with fewer orders. Everything random comes from the seed, which a failure names and
 * ALTA_CHAOS_SEED sets.
 */
const SEED = Number(process.env['ALTA_CHAOS_SEED'] ?? Date.now() % 1_000_000);

test(`P-117 P-221 P-222 P-754 G1 to G8: orders under kills, a stop, a PostgreSQL restart and bad webhooks all become one whole store each (seed ${String(SEED)})`, async () => {
  const result = await runChaos({
    seed: SEED,
    size: { worker: 2, relay: 2, api: 1 },
    plan: {
      forMs: 10_000,
      killEveryMs: [700, 1_800],
      stops: 0.15,
      stopMs: 5_000,
      postgresEveryMs: 10_000,
      temporalRestarts: 0,
      clusterKills: 1,
    },
    traffic: { orders: 12, overMs: 9_000, duplicated: 0.25, shuffled: 0.17, lost: 0.09 },
    changed: 0.25,
    doomed: 0.4,
    late: 0.05,
    convergeMs: 240_000,
    histories: 4,
    note: () => undefined,
  });
  expect(result.broken).toEqual([]);
  expect(result.orders).toBe(12);
  const { fleet, struck, evidence } = result;
  // What has to have happened for this to be a proof: kills, a restart, notifications more than once, and one that only the poll found.
  expect(Object.values(fleet.kills).reduce((sum, count) => sum + count)).toBeGreaterThan(0);
  expect(struck.postgres).toEqual({ fast: 1, immediate: 0 });
  expect(evidence.duplicates.total).toBeGreaterThan(0);
  expect(evidence.foundByPoll).toBe(1);
}, 420_000);
