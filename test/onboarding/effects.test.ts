import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { discoverBoundaries, hurryOutbox } from '../support/boundaries.ts';
import { installFaults, type FaultMode, type Faults } from '../support/faults.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type World } from '../support/world.ts';

/**
 * Every effect boundary that an onboarding passes, found by running one, fails before acting, fails after it acted, and acts twice:
 * one store comes out all the same.
 */
let world: World;
let faults: Faults;
let boundaries: string[] = [];

beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
  boundaries = await discoverBoundaries(world, faults);
}, 120_000);
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await world.close();
});

/** Boundaries that must be among those found: when one is renamed, this list is corrected and nothing is lost unseen. */
const EXPECTED = [
  'admin-db.accept-notification',
  'relay.deliver',
  'relay.mark',
  'mercadopago.get-payment',
  'temporal.start-onboarding',
  'admin-db.claim-slug',
  'admin-db.take-slot',
  'cluster.upsert-client',
  'cluster.create-auth-user',
  'cluster.put-admin-user',
  'cluster.set-mp-credentials',
  'cluster.seed-content',
  'cluster.upload-object',
  'cluster.put-assets',
  'cluster.set-entitlements',
  'admin-db.activate-account',
  'cluster.publish-client',
  'temporal.start-account',
  'cluster.recovery-link',
  'mailer.send',
  'admin-db.begin-step',
  'admin-db.end-step',
  'admin-db.end-job',
];

test('the boundaries of the main job are found, not listed', () => {
  expect(EXPECTED.filter((name) => !boundaries.includes(name))).toEqual([]);
});

describe.each<FaultMode>(['fail-after', 'fail-before', 'twice'])('%s', (mode) => {
  // One test a mode, since the boundaries are known only once the first run has passed them.
  test(`P-117 P-170 P-732 P-752: one store all the same, at every boundary (${mode})`, async () => {
    expect(boundaries.length).toBeGreaterThan(25);
    for (const boundary of boundaries) {
      const order = await world.checkout();
      faults.at(boundary, { mode, times: 1 });
      try {
        await world.pay(order);
        await hurryOutbox(world, order);
        await expectOneStore(world, order);
      } catch (error) {
        throw new Error(`at ${boundary} (${mode}): ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      } finally {
        faults.clear();
      }
    }
  }, 300_000);
});
