import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { installFaults, type FaultMode, type Faults } from '../support/faults.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

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
  const order = await world.checkout();
  faults.clear();
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  boundaries = [...new Set(faults.passed)].filter((name) => !POLLS.has(name)).sort();
}, 120_000);
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await world.close();
});

/** What the relay does again and again whether there is work or not. */
const POLLS = new Set(['admin-db.claim-outbox']);

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
        // A row whose delivery failed waits 30 s by its back-off; the test's clock is the database's.
        await soon(order);
        await expectOneStore(world, order);
      } catch (error) {
        throw new Error(`at ${boundary} (${mode}): ${error instanceof Error ? error.message : String(error)}`, { cause: error });
      } finally {
        faults.clear();
      }
    }
  }, 300_000);
});

/** Brings rows that back off forward until the order's run has begun. */
async function soon(order: PlacedOrder): Promise<void> {
  const { eventually } = await import('../support/eventually.ts');
  await eventually(async () => {
    await world.sql(`update outbox set next_attempt_at = now() where status = 'pending' and next_attempt_at > now()`);
    await world.sql(`update outbox set locked_until = now() where status = 'processing' and locked_until < now() + interval '290 seconds'`);
    const [job] = await world.sql<{ status: string }>('select status from provisioning_jobs where account_id = $1', [order.accountId]);
    return job?.status === 'completed' || job?.status === 'parked';
  }, 'an ended or parked run');
}
