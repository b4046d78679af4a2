import { SERVED_STATES } from '../../contract/account-machine.ts';
import type { ConnectionState } from '../../contract/credentials.ts';
import { traceparent } from '../trace.ts';
import { noAccount } from './accounts.ts';
import type { AdminDb, Tx } from './db.ts';
import { addLifecycleEvent } from './lifecycle.ts';
import { intoOutbox, publishAccountEvent } from './publish.ts';

/** SQL: whether an account has a store that must hear of a change. */
const HAS_STORE = `status in (${SERVED_STATES.map((state) => `'${state}'`).join(', ')})`;

/** Locks an account before its consent, as everywhere, and tells whether it has a store that must hear of a change. Throws ACCOUNT_NOT_FOUND. */
export async function lockAccountOfConsent(tx: Tx, accountId: string): Promise<{ hasStore: boolean }> {
  const [account] = await tx.query<{ hasStore: boolean }>({
    name: 'admin-db.lock-account-of-consent',
    text: `select ${HAS_STORE} as "hasStore" from nv_accounts where id = $1 for update`,
    values: [accountId],
  });
  if (account === undefined) throw noAccount(accountId);
  return account;
}

export interface Connection {
  accountId: string;
  sellerId: string;
  state: ConnectionState;
  credentialVersion: number;
  refreshDueAt: string | null;
  /** A refresh whose outcome is not known (yet), and since when. */
  refreshId: string | null;
  refreshBegunAt: string | null;
  code: string | null;
  message: string | null;
  expiresAt: string | null;
  updatedAt: string;
}

const FIELDS = `c.account_id as "accountId", c.seller_id as "sellerId", c.state, c.credential_version as "credentialVersion",
  c.refresh_due_at as "refreshDueAt", c.refresh_id as "refreshId", c.refresh_begun_at as "refreshBegunAt", c.error_code as code,
  c.error_message as message, a.mp_token_expires_at as "expiresAt", c.updated_at as "updatedAt"`;

/** How an account's consent stands; null when its seller never agreed. */
export async function findConnection(db: Tx, accountId: string): Promise<Connection | null> {
  const [row] = await db.query<Connection>({
    name: 'admin-db.find-connection',
    text: `select ${FIELDS} from mp_connections c join nv_accounts a on a.id = c.account_id where c.account_id = $1`,
    values: [accountId],
  });
  return row ?? null;
}

/** The account's version at the newest event that tells of credentials; null when none was told, or none is kept any more. */
export async function toldCredentials(db: Tx, accountId: string): Promise<number | null> {
  const [row] = await db.query<{ version: number | null }>({
    name: 'admin-db.told-credentials',
    text: `select max((payload ->> 'version')::int) as version from outbox where account_id = $1 and event_type = 'mp_credentials.synced'`,
    values: [accountId],
  });
  return row?.version ?? null;
}

/** Consents by state, those whose tokens end first in front. */
export function listConnections(db: Tx, { state, limit = 50 }: { state?: ConnectionState; limit?: number } = {}): Promise<Connection[]> {
  return db.query<Connection>({
    name: 'admin-db.list-connections',
    text: `select ${FIELDS} from mp_connections c join nv_accounts a on a.id = c.account_id
           where $1::text is null or c.state = $1 order by a.mp_token_expires_at nulls first, c.account_id limit $2`,
    values: [state ?? null, limit],
  });
}

/** Accounts whose store sells with the consent of a seller. */
export async function accountsOfSeller(db: Tx, sellerId: string): Promise<string[]> {
  const rows = await db.query<{ accountId: string }>({
    name: 'admin-db.accounts-of-seller',
    text: `select account_id as "accountId" from mp_connections where seller_id = $1 and state <> 'revoked' order by account_id`,
    values: [sellerId],
  });
  return rows.map(({ accountId }) => accountId);
}

/**
 * How a refresh begins:
 * - `begun`: the intent stands under the wanted id (also when asked again);
 * - `cut-off`: an earlier one stands under another id, and nobody knows its outcome;
 * - `busy`: the same seller's tokens are refreshed for another account;
 * - `none`: there is no consent to refresh.
 */
export interface BegunRefresh {
  kind: 'begun' | 'cut-off' | 'busy' | 'none';
  refreshId: string | null;
  credentialVersion: number | null;
}

/** Writes the intent of a refresh down, before the call that uses the refresh token up; one at a time for a seller. */
export async function beginRefresh(db: AdminDb, accountId: string, refreshId: string): Promise<BegunRefresh> {
  return db.tx('admin-db.begin-refresh', async (tx) => {
    // All accounts of the seller, in one order: two of them can't begin at the same moment.
    const rows = await tx.query<{ accountId: string; state: ConnectionState; refreshId: string | null; credentialVersion: number }>({
      name: 'admin-db.lock-seller',
      text: `select account_id as "accountId", state, refresh_id as "refreshId", credential_version as "credentialVersion" from mp_connections
             where seller_id = (select seller_id from mp_connections where account_id = $1) order by account_id for update`,
      values: [accountId],
    });
    const mine = rows.find((row) => row.accountId === accountId);
    if (mine?.state !== 'connected') return { kind: 'none', refreshId: null, credentialVersion: null };
    const { credentialVersion } = mine;
    if (mine.refreshId !== null)
      return { kind: mine.refreshId === refreshId ? 'begun' : 'cut-off', refreshId: mine.refreshId, credentialVersion };
    if (rows.some((row) => row.refreshId !== null)) return { kind: 'busy', refreshId: null, credentialVersion };
    await tx.query({
      name: 'admin-db.intend-refresh',
      text: `update mp_connections set refresh_id = $2, refresh_begun_at = now(), updated_at = now() where account_id = $1`,
      values: [accountId, refreshId],
    });
    return { kind: 'begun', refreshId, credentialVersion };
  });
}

export interface LeftRefresh {
  accountId: string;
  refreshId: string;
  code: string;
  message: string;
  /** The intent stays: the call may have arrived, so that the next try has to look first. */
  keep: boolean;
}

/** Leaves a refresh that came to nothing to the next sweep, with the reason. Returns whether it stood. */
export async function leaveRefresh(db: Tx, { accountId, refreshId, code, message, keep }: LeftRefresh): Promise<boolean> {
  const rows = await db.query({
    name: 'admin-db.leave-refresh',
    text: `update mp_connections set refresh_id = case when $5 then refresh_id end, refresh_begun_at = case when $5 then refresh_begun_at end,
             error_code = $3, error_message = $4, updated_at = now()
           where account_id = $1 and refresh_id = $2 returning account_id`,
    values: [accountId, refreshId, code, message, keep],
  });
  return rows.length > 0;
}

export interface EndedConsent {
  accountId: string;
  /** The version that ended: a newer consent is left alone. */
  credentialVersion: number;
  code: string;
  message: string;
}

/**
 * The seller has to agree again. What the store holds stays: it sells until the access token ends. Returns false when the consent was
 * renewed or ended meanwhile.
 */
export async function requireReauth(db: AdminDb, { accountId, credentialVersion, code, message }: EndedConsent): Promise<boolean> {
  return db.tx('admin-db.require-reauth', async (tx) => {
    const rows = await tx.query({
      name: 'admin-db.mark-reauth-required',
      text: `update mp_connections set state = 'reauth_required', refresh_id = null, refresh_begun_at = null, refresh_due_at = null,
               error_code = $3, error_message = $4, updated_at = now()
             where account_id = $1 and credential_version = $2 and state = 'connected' returning account_id`,
      values: [accountId, credentialVersion, code, message],
    });
    if (rows.length === 0) return false;
    const to = `reauth_required at ${String(credentialVersion)}`;
    await addLifecycleEvent(tx, { accountId, type: 'mp_credentials.reauth_required', to, actor: 'alta', reason: `${code}: ${message}` });
    return true;
  });
}

/**
 * Takes a consent out (P-313): the sealed tokens are gone, the account is not connected any more, and a store hears of it by an event of
 * the same transaction. Only the given version is ended (law 5). Returns false when there was nothing to end.
 */
export async function revokeConnection(
  db: AdminDb,
  revoked: { accountId: string; credentialVersion: number; actor: string; code: string | null; reason: string },
): Promise<boolean> {
  const { accountId, actor, code, reason } = revoked;
  return db.tx('admin-db.revoke-connection', async (tx) => {
    const account = await lockAccountOfConsent(tx, accountId);
    const rows = await tx.query({
      name: 'admin-db.mark-revoked',
      text: `update mp_connections set state = 'revoked', refresh_id = null, refresh_begun_at = null, refresh_due_at = null,
               credential_version = credential_version + 1, error_code = $3, error_message = $4, updated_at = now()
             where account_id = $1 and state <> 'revoked' and credential_version = $2 returning account_id`,
      values: [accountId, revoked.credentialVersion, code, reason],
    });
    if (rows.length === 0) return false;
    await tx.query({
      name: 'admin-db.clear-mp-credentials',
      text: `update nv_accounts set mp_connected = false, mp_access_token_encrypted = null, mp_refresh_token_encrypted = null,
               mp_public_key = null, mp_token_expires_at = null where id = $1`,
      values: [accountId],
    });
    await addLifecycleEvent(tx, { accountId, type: 'mp_credentials.revoked', to: 'revoked', actor, reason });
    if (account.hasStore) await publishAccountEvent(tx, { type: 'mp_credentials.synced', accountId, action: 'revoke' });
    return true;
  });
}

/** Refreshes that one run of the sweep asks for at most. */
const SWEEP_BATCH = 500;

/**
 * Asks for the refreshes that are due, and for a look at those that were cut off, in one statement. One is asked for once a day until it
 * has come to something; `cutOffAfterSeconds` is longer than any run keeps an intent without moving it on.
 */
export async function askDueRefreshes(db: Tx, cutOffAfterSeconds: number): Promise<{ due: number; cutOff: number; asked: number }> {
  const [row] = await db.query<{ due: number; cutOff: number; asked: number }>({
    name: 'admin-db.ask-due-refreshes',
    text: `with found as (
             select account_id, coalesce(refresh_id::text, credential_version::text) as fact, refresh_id is not null as cut, refresh_due_at
             from mp_connections
             where state = 'connected' and (
               (refresh_id is null and refresh_due_at <= now()) or refresh_begun_at <= now() - make_interval(secs => $1))
           ), asked as (
             ${intoOutbox(`
               select 'credentials', 'credentials.refresh/' || account_id || '/' || fact || '/' || to_char(now() at time zone 'utc', 'YYYY-MM-DD'),
                 'credentials.asked', account_id,
                 jsonb_build_object('type', 'credentials.asked', 'accountId', account_id, 'task', 'refresh', 'authorizationId', null), $2
               from (select * from found order by cut desc, refresh_due_at limit ${String(SWEEP_BATCH)}) first`)}
             returning id
           )
           select (select count(*) filter (where not cut) from found) as due, (select count(*) filter (where cut) from found) as "cutOff",
             (select count(*) from asked) as asked`,
    values: [cutOffAfterSeconds, traceparent()],
  });
  return row ?? { due: 0, cutOff: 0, asked: 0 };
}
