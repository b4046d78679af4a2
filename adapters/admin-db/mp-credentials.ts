import { AltaError } from '../../contract/errors.ts';
import type { SealPlace, Vault } from '../vault/index.ts';
import type { AdminDb, Tx } from './db.ts';
import { publishAccountEvent } from './publish.ts';

export interface MpCredentials {
  accessToken: string;
  refreshToken: string | null;
  publicKey: string;
  /** When the access token ends; null when Mercado Pago did not say. */
  expiresAt: Date | string | null;
  mpUserId: string;
}

const place = (accountId: string, field: string): SealPlace => ({ table: 'nv_accounts', id: accountId, field });

/**
 * Stores the merchant's own Mercado Pago credentials, sealed, and marks the account as connected; raises its version and adds
 * an audit row without values. A store that exists already is told by an event in the same transaction (P-218, P-316). Returns the new
 * version. Throws ACCOUNT_NOT_FOUND.
 */
export function saveMpCredentials(db: AdminDb, vault: Vault, accountId: string, credentials: MpCredentials): Promise<number> {
  return db.tx('admin-db.save-mp-credentials', async (tx) => {
    const { version, hasStore } = await store(tx, vault, accountId, credentials);
    if (hasStore) await publishAccountEvent(tx, { type: 'mp_credentials.synced', accountId, action: 'sync' });
    return version;
  });
}

async function store(db: Tx, vault: Vault, accountId: string, credentials: MpCredentials): Promise<{ version: number; hasStore: boolean }> {
  const { accessToken, refreshToken } = credentials;
  const [row] = await db.query<{ version: number; hasStore: boolean }>({
    name: 'admin-db.save-mp-credentials',
    text: `with saved as (
             update nv_accounts set mp_connected = true, mp_access_token_encrypted = $2, mp_refresh_token_encrypted = $3,
               mp_public_key = $4, mp_token_expires_at = $5, mp_user_id = $6
             where id = $1 returning id, version, status
           ), audit as (
             insert into lifecycle_events (account_id, event_type, to_value, actor, reason)
             select id, 'mp_credentials.saved', 'version ' || version, 'alta', 'Mercado Pago connected' from saved
           )
           select version, status in ('provisioned', 'approved', 'live', 'suspended') as "hasStore" from saved`,
    values: [
      accountId,
      vault.seal(accessToken, place(accountId, 'mp_access_token_encrypted')),
      refreshToken === null ? null : vault.seal(refreshToken, place(accountId, 'mp_refresh_token_encrypted')),
      credentials.publicKey,
      credentials.expiresAt,
      credentials.mpUserId,
    ],
  });
  if (row === undefined) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${accountId}`);
  return row;
}

interface SealedCredentials {
  connected: boolean;
  token: string | null;
  publicKey: string | null;
  version: number;
}

/**
 * The credentials that the account's store needs; null when the merchant is not connected. `version` is the account's at the
 * moment of reading. Throws ACCOUNT_NOT_FOUND, MP_TOKEN_MISSING when it says connected but holds no token, and the vault's codes.
 */
export async function loadMpCredentials(
  db: Tx,
  vault: Vault,
  accountId: string,
): Promise<{ accessToken: string; publicKey: string; version: number } | null> {
  const [row] = await db.query<SealedCredentials>({
    name: 'admin-db.load-mp-credentials',
    text: `select mp_connected as connected, mp_access_token_encrypted as token, mp_public_key as "publicKey", version
           from nv_accounts where id = $1`,
    values: [accountId],
  });
  if (row === undefined) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${accountId}`);
  if (!row.connected) return null;
  if (row.token === null || row.publicKey === null) {
    throw new AltaError('MP_TOKEN_MISSING', `account ${accountId} is connected to Mercado Pago but holds no token`);
  }
  const accessToken = vault.open(row.token, place(accountId, 'mp_access_token_encrypted'));
  return { accessToken, publicKey: row.publicKey, version: row.version };
}
