import type { PlacedOrder, World } from './world.ts';

/** An order that was paid and has its store, whose account has nothing left to do. */
export async function liveOrder(world: World): Promise<PlacedOrder> {
  const order = await world.checkout();
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  await world.quiet(order.accountId);
  return order;
}
