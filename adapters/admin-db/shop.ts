import type { AdminDb, Tx } from './db.ts';
import { publish, publishAccountEvent } from './publish.ts';

export interface Shop {
  accountId: string;
  clusterId: string;
  country: string;
  version: number;
}

/** The store behind a slug or domain that may sell: not suspended, not deleted; null when there is none (P-511). */
export async function findShop(db: Tx, slugOrDomain: string): Promise<Shop | null> {
  const [shop] = await db.query<Shop>({
    name: 'admin-db.find-shop',
    text: `select id as "accountId", backend_cluster_id as "clusterId", country, version from nv_accounts
           where (slug = $1 or custom_domain = $1) and status in ('provisioned', 'approved', 'live') and backend_cluster_id is not null
           order by (slug = $1) desc limit 1`,
    values: [slugOrDomain.normalize('NFKC').trim().toLowerCase()],
  });
  return shop ?? null;
}

/** Orders that a store's credentials be written to its cluster again; once for each version of the account. Returns whether it is new. */
export function askForResync(db: Tx, { accountId, version }: Pick<Shop, 'accountId' | 'version'>): Promise<boolean> {
  return publish(db, {
    target: 'credentials',
    eventKey: `credentials.resync/${accountId}/${String(version)}`,
    accountId,
    payload: { type: 'credentials.asked', accountId, task: 'resync', authorizationId: null },
  });
}

/** Tells the account's workflow to write the credentials once more: a change of version without a change of the account. */
export function resyncCredentials(db: AdminDb, accountId: string): Promise<boolean> {
  return db.tx('admin-db.resync-credentials', async (tx) => {
    const rows = await tx.query({
      name: 'admin-db.touch-connected-account',
      text: `update nv_accounts set updated_at = clock_timestamp() where id = $1 and mp_connected
             and status in ('provisioned', 'approved', 'live', 'suspended') returning id`,
      values: [accountId],
    });
    if (rows.length > 0) await publishAccountEvent(tx, { type: 'mp_credentials.synced', accountId, action: 'sync' });
    return rows.length > 0;
  });
}
