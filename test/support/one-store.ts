import { expect } from '@jest/globals';
import type { PlacedOrder, World } from './world.ts';

/** One paid order, one whole store, one job, one slot, one word about its birth (G1, G2). */
export async function expectOneStore(world: World, order: PlacedOrder): Promise<void> {
  const job = await world.job(order.accountId, 'completed', 'parked', 'compensated', 'rejected');
  expect({ status: job.status, code: job.error_code }).toEqual({ status: 'completed', code: null });
  const [store, ...more] = await world.stores(order.accountId);
  expect(more).toEqual([]);
  expect(store!.client).toMatchObject({ slug: order.slug, publication_status: 'published', is_active: true });
  expect(store!.users).toHaveLength(1);
  expect(store!.counts).toMatchObject({ pages: 5, settings: 3, shipping: 2, palettes: 3, products: 2 });
  expect(store!.mp_fingerprint).not.toBeNull();
  const live = await world.sql<{ status: string }>(
    `select status from placements where account_id = $1 and status in ('reserved', 'confirmed')`,
    [order.accountId],
  );
  expect(live).toEqual([{ status: 'confirmed' }]);
  expect(await world.sql('select 1 from outbox where event_key = $1', [`account.created/${order.accountId}`])).toHaveLength(1);
  expect(await world.sql('select 1 from provisioning_jobs where account_id = $1', [order.accountId])).toHaveLength(1);
}
