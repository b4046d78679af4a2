import { pause } from '../../local/wait.ts';
import type { Ground } from '../chaos/ground.ts';
import { connectMerchant, openOrder } from '../chaos/orders.ts';

export interface Load {
  /** Orders that were paid. */
  paid: number;
  /** Orders that were due while too many were not paid yet: the rate was more than this machine carries. */
  skipped: number;
  /** Checkouts that were sent again. */
  repeated: number;
}

/** Orders that may be on their way to their payment at once. */
const AT_ONCE = 100;

/** Orders at a steady rate, each from the checkout to its payment, whether or not earlier ones are done. Resolves when all are paid. */
export async function runLoad(ground: Ground, perSecond: number, forMs: number, signal: AbortSignal): Promise<Load> {
  const load: Load = { paid: 0, skipped: 0, repeated: 0 };
  const tally = { checkoutsRepeated: 0, checkoutsUnheard: 0 };
  const underWay = new Set<Promise<void>>();
  const order = async (): Promise<void> => {
    const { accountId, preferenceId } = await openOrder(ground, tally, signal);
    await connectMerchant(ground, accountId, signal);
    await ground.mercadoPago.pay(preferenceId);
    load.paid += 1;
  };
  const began = performance.now();
  for (let number = 0; (number * 1_000) / perSecond < forMs && !signal.aborted; number += 1) {
    await pause(Math.max(0, began + (number * 1_000) / perSecond - performance.now()));
    if (underWay.size >= AT_ONCE) {
      load.skipped += 1;
      continue;
    }
    const one: Promise<void> = order().finally(() => underWay.delete(one));
    one.catch(() => undefined);
    underWay.add(one);
  }
  await Promise.allSettled(underWay);
  load.repeated = tally.checkoutsRepeated;
  return load;
}
