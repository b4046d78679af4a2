import { randomUUID } from 'node:crypto';
import type { ActivityDeps } from '../../activities/index.ts';
import { saveMpCredentials } from '../../adapters/admin-db/index.ts';
import { checkout } from '../../client/api/checkout.ts';
import { sampleCheckout } from '../support/samples.ts';

export interface OpenOrder {
  accountId: string;
  preferenceId: string;
}

const AT_ONCE = 8;
const HALF_A_YEAR_MS = 180 * 86_400_000;

/** Opens so many orders, ready to be paid and connected to Mercado Pago. Not measured, and past the API's limit of requests a minute. */
export async function openOrders(deps: ActivityDeps, count: number): Promise<OpenOrder[]> {
  const orders: OpenOrder[] = [];
  let begun = 0;
  const openSome = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      const { accountId, preferenceId } = await checkout(deps, sampleCheckout());
      await saveMpCredentials(deps.db, deps.vault, accountId, {
        accessToken: `APP_USR-${randomUUID()}`,
        refreshToken: `TG-${randomUUID()}`,
        publicKey: `APP_USR-public-${randomUUID()}`,
        expiresAt: new Date(Date.now() + HALF_A_YEAR_MS),
        mpUserId: '200000001',
      });
      orders.push({ accountId, preferenceId });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, openSome));
  return orders;
}
