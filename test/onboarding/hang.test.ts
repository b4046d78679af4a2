import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { discoverBoundaries, hurryOutbox } from '../support/boundaries.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type World } from '../support/world.ts';

/**
 * The answer of every effect boundary never comes, though the act happened: API, relay and activities are left hanging, and time
 * limits, leases and retries bring one store all the same. A hang lasts as long as its time limit, so many orders hang at once.
 */
const AT_ONCE = 10;

let world: World;
let faults: Faults;

beforeAll(async () => {
  world = await startWorld({
    // More tries than in the other worlds: one run may meet several of the hangs.
    policy: { stepTimeoutMs: 3_000, retryAttempts: 12 },
    mercadoPago: { webhookTimeoutMs: 2_000, webhookRetryTimeoutMs: 2_000 },
  });
  faults = installFaults();
}, 120_000);
afterAll(async () => {
  faults.remove();
  await world.close();
});

test('P-117 P-170 P-732 P-752: one store all the same, at every boundary (hang)', async () => {
  const boundaries = await discoverBoundaries(world, faults);
  const hung: string[] = [];
  while (boundaries.length > 0) {
    const group = boundaries.splice(0, AT_ONCE);
    const orders = await Promise.all(group.map(() => world.checkout()));
    for (const boundary of group) faults.at(boundary, { mode: 'hang', times: 1 });
    await Promise.all(
      orders.map(async (order) => {
        await world.pay(order);
        await hurryOutbox(world, order);
        await expectOneStore(world, order);
      }),
    ).catch((error: unknown) => {
      throw new Error(`at one of ${group.join(', ')}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
    });
    hung.push(...group.filter((boundary) => faults.spent(boundary)));
    faults.clear();
  }
  // A boundary on a path that only a race takes may not be met again.
  expect(hung.length).toBeGreaterThan(25);
}, 300_000);
