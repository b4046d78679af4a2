import { eventually } from './eventually.ts';
import type { Faults } from './faults.ts';
import type { PlacedOrder, World } from './world.ts';

/** What the relay does again and again whether there is work or not. */
const POLLS = new Set(['admin-db.claim-outbox']);

/** Every effect boundary that an onboarding passes from webhook to store, found by running one. */
export async function discoverBoundaries(world: World, faults: Faults): Promise<string[]> {
  const order = await world.checkout();
  faults.clear();
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  return [...new Set(faults.passed)].filter((name) => !POLLS.has(name)).sort();
}

/**
 * Brings rows that back off, or whose relay hangs, forward until the order's run has begun and settled: a row whose delivery failed
 * waits 30 s by its back-off, and the test's clock is the database's.
 */
export async function hurryOutbox(world: World, order: PlacedOrder): Promise<void> {
  await eventually(async () => {
    await world.sql(`update outbox set next_attempt_at = now() where status = 'pending' and next_attempt_at > now()`);
    await world.sql(`update outbox set locked_until = now() where status = 'processing' and locked_until < now() + interval '290 seconds'`);
    const [job] = await world.sql<{ status: string }>('select status from provisioning_jobs where account_id = $1', [order.accountId]);
    return job?.status === 'completed' || job?.status === 'parked';
  }, 'an ended or parked run');
}
