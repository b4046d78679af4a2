import type { ActivityDeps } from '../../activities/index.ts';
import { saveMpCredentials, type AdminDb } from '../../adapters/admin-db/index.ts';
import { checkout } from '../../client/api/checkout.ts';
import type { Stack } from '../../local/stack.ts';
import { sampleCheckout, sampleMpCredentials } from '../support/samples.ts';

export interface OpenOrder {
  accountId: string;
  preferenceId: string;
}

const AT_ONCE = 8;

/** Opens so many orders, ready to be paid and connected to Mercado Pago. Not measured, and past the API's limit of requests a minute. */
export async function openOrders(deps: ActivityDeps, count: number): Promise<OpenOrder[]> {
  const orders: OpenOrder[] = [];
  let begun = 0;
  const openSome = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      const { accountId, preferenceId } = await checkout(deps, sampleCheckout());
      await saveMpCredentials(deps.db, deps.vault, accountId, sampleMpCredentials());
      orders.push({ accountId, preferenceId });
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, openSome));
  return orders;
}

/** Accounts that live on a cluster; their first event makes the store's row there. */
export async function openAccounts(
  { deps, db, stack }: { deps: ActivityDeps; db: AdminDb; stack: Pick<Stack, 'clusters'> },
  count: number,
): Promise<string[]> {
  const ids = (await openOrders(deps, count)).map(({ accountId }) => accountId);
  await db.query({
    name: 'bench.open-accounts',
    text: `update nv_accounts a set status = 'live', backend_cluster_id = ($2::text[])[1 + n % cardinality($2::text[])]
           from unnest($1::uuid[]) with ordinality as u (id, n) where a.id = u.id`,
    values: [ids, stack.clusters.map(({ clusterId }) => clusterId)],
  });
  return ids;
}
