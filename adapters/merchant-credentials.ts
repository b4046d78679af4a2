import { loadMpCredentials, type AdminDb } from './admin-db/index.ts';
import { readMpCredentials, type Cluster } from './cluster/index.ts';
import type { Vault } from './vault/index.ts';
import { AltaError, isAltaError } from '../contract/errors.ts';

export interface MerchantCredentials {
  accessToken: string;
  publicKey: string;
  /** `admin`: the cluster held none, so it has to be synced again. */
  from: 'cluster' | 'admin';
}

/**
 * What a store sells with, in two stages (P-315, P-071): as its cluster holds it, else the Admin DB's copy. Secret. Throws
 * MP_NOT_CONFIGURED when neither holds any, the codes of a cluster call and the vault's.
 */
export async function merchantCredentials(
  { db, vault }: { db: AdminDb; vault: Vault },
  cluster: Cluster,
  accountId: string,
): Promise<MerchantCredentials> {
  const held = await readMpCredentials(cluster, accountId);
  if (held !== null) return { ...held, from: 'cluster' };
  const copy = await loadMpCredentials(db, vault, accountId).catch((error: unknown) => {
    if (isAltaError(error) && error.code === 'MP_TOKEN_MISSING') return null;
    throw error;
  });
  if (copy === null)
    throw new AltaError('MP_NOT_CONFIGURED', `account ${accountId}: neither its cluster nor the Admin DB holds Mercado Pago credentials`);
  return { accessToken: copy.accessToken, publicKey: copy.publicKey, from: 'admin' };
}
