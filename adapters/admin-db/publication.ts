import { AltaError } from '../../contract/errors.ts';
import { changeStatus, loadSnapshot } from './accounts.ts';
import type { AdminDb, Tx } from './db.ts';
import { publishAccountEvent } from './publish.ts';

/** A store that cannot sell is not approved (O-34): throws MP_NOT_CONFIGURED where Admin DB or cluster lacks its credentials. */
export async function refuseUnsellable(tx: Tx, accountId: string, sells: boolean | null): Promise<void> {
  const { mpConnected, mpTokenPresent } = await loadSnapshot(tx, accountId);
  if (!mpConnected || !mpTokenPresent) throw new AltaError('MP_NOT_CONFIGURED', 'publish: the account is not connected to Mercado Pago');
  if (sells !== true) throw new AltaError('MP_NOT_CONFIGURED', 'publish: the cluster holds no Mercado Pago credentials of the store');
}

/**
 * An approved account is live from the moment its cluster shows the store published (P-314): status, audit row and event in one
 * transaction. Returns whether it was this call that did it; an account that was suspended meanwhile goes live after it is resumed.
 */
export function goLive(db: AdminDb, accountId: string): Promise<boolean> {
  return db.tx('admin-db.go-live', async (tx) => {
    const change = { from: ['approved'], to: 'live', actor: 'alta', reason: 'the cluster shows the store published' };
    if ((await changeStatus(tx, accountId, change)) === null) return false;
    await publishAccountEvent(tx, { type: 'account.updated', accountId, fields: ['publication_status'] });
    return true;
  });
}
