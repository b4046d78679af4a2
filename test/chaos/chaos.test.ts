import { expect, test } from '@jest/globals';
import { runChaos } from './run.ts';

/**
 * The short form of `npm run chaos`: the same parts for seconds instead of minutes. Everything random comes from the seed, which a failure names and
 * ALTA_CHAOS_SEED sets.
 */
const ORDERS = 50;
const SEED = Number(process.env['ALTA_CHAOS_SEED'] ?? Date.now() % 1_000_000);

test('P-117 P-221 P-222 P-754 I7 G1 to G8: 50 orders under kills, stops, a PostgreSQL restart and bad webhooks all end as one whole store each', async () => {
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
    traffic: { orders: ORDERS, overMs: 9_000, duplicated: 0.2, shuffled: 0.2, lost: 0.05 },
    // A killed worker may hold up an account's run for a minute (ACCOUNT_TASK_TIMEOUT), so changes of accounts are for the long form.
    changed: 0,
    doomed: 0.4,
    late: 0.05,
    convergeMs: 240_000,
    histories: 4,
    note: () => undefined,
  });
  const { orders, fleet, struck, traffic, evidence, broken } = result;
  expect({ seed: SEED, orders, broken }).toEqual({ seed: SEED, orders: ORDERS, broken: [] });
  // What has to have happened for this to be a proof: signals, a restart, notifications more than once, and some that only the poll found.
  const signals = [fleet.kills, fleet.boundaryKills, fleet.stops].flatMap((counts) => Object.values(counts));
  expect(signals.reduce((sum, count) => sum + count)).toBeGreaterThan(0);
  expect(struck).toMatchObject({ postgres: { fast: 1, immediate: 0 }, clusters: 1 });
  expect(evidence.duplicates.total).toBeGreaterThan(0);
  expect(traffic.lost).toBe(3);
  expect(evidence.foundByPoll).toBeGreaterThanOrEqual(traffic.lost);
}, 420_000);
