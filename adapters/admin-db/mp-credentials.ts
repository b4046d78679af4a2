import { AltaError } from '../../contract/errors.ts';
import type { SealPlace, Vault } from '../vault/index.ts';
import { now } from '../clock.ts';
import type { AdminDb, Tx } from './db.ts';
import { lockAccountOfConsent } from './mp-connections.ts';
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

/** Tokens are refreshed so long before they end (180 days after the grant), days. */
const REFRESH_AHEAD_DAYS = 30;
const DAY_MS = 86_400_000;

/** When tokens are to be refreshed; those whose end is unknown, as if they had been granted today. */
const dueAt = ({ expiresAt }: MpCredentials): Date => {
  const end = expiresAt === null ? now().getTime() + 180 * DAY_MS : new Date(expiresAt).getTime();
  return new Date(end - REFRESH_AHEAD_DAYS * DAY_MS);
};

/**
 * Stores the merchant's own Mercado Pago credentials, sealed, and marks the account as connected; raises its version and adds
 * an audit row without values. A store that exists already is told by an event in the same transaction (P-218, P-316). Returns the new
 * version. Throws ACCOUNT_NOT_FOUND.
 */
export async function saveMpCredentials(db: AdminDb, vault: Vault, accountId: string, credentials: MpCredentials): Promise<number> {
  const stored = await storeGrant(db, vault, { accountId, credentials, action: 'sync', expectedVersion: null });
  // Without an expectation nothing can be superseded.
  return stored!.version;
}

export interface Grant {
  accountId: string;
  credentials: MpCredentials;
  action: 'sync' | 'refresh';
  /** The consent that was refreshed: when another one stands there now, nothing is stored. Null: whatever stands there is replaced. */
  expectedVersion: number | null;
}

/**
 * Stores both tokens of a grant in one transaction with the state of the consent, the audit row and, where there is a store, the event
 * that brings them to its cluster. Null when the consent that was refreshed is not the newest any more. Throws ACCOUNT_NOT_FOUND.
 */
export async function storeGrant(
  db: AdminDb,
  vault: Vault,
  { accountId, credentials, action, expectedVersion }: Grant,
): Promise<{ version: number; credentialVersion: number } | null> {
  return db.tx('admin-db.save-mp-credentials', async (tx) => {
    const account = await lockAccountOfConsent(tx, accountId);
    const [connection] = await tx.query<{ credentialVersion: number }>({
      name: 'admin-db.connect',
      text: `insert into mp_connections as c (account_id, seller_id, refresh_due_at) values ($1, $2, $3)
             on conflict (account_id) do update set seller_id = excluded.seller_id, refresh_due_at = excluded.refresh_due_at, state = 'connected',
               credential_version = c.credential_version + 1, refresh_id = null, refresh_begun_at = null, error_code = null,
               error_message = null, updated_at = now()
             where $4::bigint is null or (c.credential_version = $4 and c.state <> 'revoked')
             returning credential_version as "credentialVersion"`,
      values: [accountId, credentials.mpUserId, dueAt(credentials), expectedVersion],
    });
    if (connection === undefined) return null;
    const version = await writeTokens(tx, vault, accountId, credentials, action);
    if (account.hasStore) await publishAccountEvent(tx, { type: 'mp_credentials.synced', accountId, action });
    return { version, ...connection };
  });
}

async function writeTokens(tx: Tx, vault: Vault, accountId: string, credentials: MpCredentials, action: Grant['action']): Promise<number> {
  const { accessToken, refreshToken } = credentials;
  const [row] = await tx.query<{ version: number }>({
    name: 'admin-db.write-mp-tokens',
    text: `with saved as (
             update nv_accounts set mp_connected = true, mp_access_token_encrypted = $2, mp_refresh_token_encrypted = $3,
               mp_public_key = $4, mp_token_expires_at = $5, mp_user_id = $6
             where id = $1 returning id, version
           ), audit as (
             insert into lifecycle_events (account_id, event_type, to_value, actor, reason)
             select id, 'mp_credentials.saved', 'version ' || version, 'alta', $7 from saved
           )
           select version from saved`,
    values: [
      accountId,
      vault.seal(accessToken, place(accountId, 'mp_access_token_encrypted')),
      refreshToken === null ? null : vault.seal(refreshToken, place(accountId, 'mp_refresh_token_encrypted')),
      credentials.publicKey,
      credentials.expiresAt,
      credentials.mpUserId,
      action === 'sync' ? 'Mercado Pago connected' : 'Mercado Pago tokens refreshed',
    ],
  });
  return row!.version;
}

/** What a refresh or a check of a consent works with. Secret: it never leaves the activity. */
export interface StoredTokens {
  accessToken: string;
  refreshToken: string | null;
  publicKey: string | null;
  sellerId: string;
}

/** The tokens of a connected account; null when it holds none. Throws the vault's codes. */
export async function loadTokens(db: Tx, vault: Vault, accountId: string): Promise<StoredTokens | null> {
  const [row] = await db.query<{ access: string | null; refresh: string | null; publicKey: string | null; sellerId: string | null }>({
    name: 'admin-db.load-mp-tokens',
    text: `select mp_access_token_encrypted as access, mp_refresh_token_encrypted as refresh, mp_public_key as "publicKey", mp_user_id as "sellerId"
           from nv_accounts where id = $1`,
    values: [accountId],
  });
  if (row === undefined || row.access === null || row.sellerId === null) return null;
  return {
    accessToken: vault.open(row.access, place(accountId, 'mp_access_token_encrypted')),
    refreshToken: row.refresh === null ? null : vault.open(row.refresh, place(accountId, 'mp_refresh_token_encrypted')),
    publicKey: row.publicKey,
    sellerId: row.sellerId,
  };
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
