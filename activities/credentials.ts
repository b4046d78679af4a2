import { Context } from '@temporalio/activity';
import {
  beginRefresh,
  endAuthorization,
  findConnection,
  leaveRefresh,
  loadTokens,
  readAnswer,
  requireReauth,
  resyncCredentials,
  revokeConnection,
  type AdminDb,
  type BegunRefresh,
  type LeftRefresh,
} from '../adapters/admin-db/index.ts';
import type { TokenCallResult } from '../contract/credentials.ts';
import { isAltaError } from '../contract/errors.ts';
import type { ActivityDeps } from './deps.ts';
import { tokenCall } from './token-call.ts';

interface AccountContext {
  accountId: string;
}
export interface RefreshContext extends AccountContext {
  refreshId: string;
  credentialVersion: number;
}
export interface ConsentEnd extends AccountContext {
  credentialVersion: number;
  code: string;
  message: string;
}

/** `begin-refresh`: the intent of a refresh stands in the Admin DB before its token call. Repeating it finds the same intent. */
export function beginRefreshStep({ db }: ActivityDeps) {
  return ({ accountId, refreshId }: AccountContext & { refreshId: string }): Promise<BegunRefresh> =>
    beginRefresh(db, accountId, refreshId);
}

/**
 * `refresh-grant`: rotates a seller's tokens, once, and stores both before either is used. Never retried by Temporal: a refresh token
 * works once, and a second try with it would be refused although the first succeeded.
 */
export function refreshGrant(deps: ActivityDeps) {
  const { db, vault, mp } = deps;
  return async ({ accountId, refreshId, credentialVersion }: RefreshContext): Promise<TokenCallResult> => {
    const connection = await findConnection(db, accountId);
    if (connection?.refreshId !== refreshId || connection.credentialVersion !== credentialVersion) return SUPERSEDED;
    const tokens = await loadTokens(db, vault, accountId);
    const refreshToken = tokens?.refreshToken ?? null;
    if (refreshToken === null) return { outcome: 'refused', code: 'MP_REAUTH_REQUIRED', message: 'the seller gave no refresh token' };
    const { cancellationSignal } = Context.current();
    return tokenCall(deps, () => mp.refreshToken(refreshToken, cancellationSignal), {
      accountId,
      action: 'refresh',
      expectedVersion: credentialVersion,
    });
  };
}

const SUPERSEDED: TokenCallResult = { outcome: 'superseded', code: null, message: null };

/** `leave-refresh`: a refresh that came to nothing is left to the next sweep, with the reason and an alert. */
export function leaveRefreshStep({ db, log }: ActivityDeps) {
  return async (left: LeftRefresh): Promise<void> => {
    const { accountId, code, message } = left;
    if (await leaveRefresh(db, left)) log.warn({ accountId, code, alert: 'credentials not refreshed' }, message);
  };
}

/** How Mercado Pago answers to the stored access token. `none`: there is no token to ask with. */
export type Probe = 'alive' | 'dead' | 'none';

/** `probe-credentials`: asks Mercado Pago whose token ours is, which changes nothing. Throws MP_* while it does not answer. */
export function probeCredentials({ db, vault, mp }: ActivityDeps) {
  return async ({ accountId }: AccountContext): Promise<{ probe: Probe; credentialVersion: number | null }> => {
    const connection = await findConnection(db, accountId);
    const tokens = await loadTokens(db, vault, accountId);
    const credentialVersion = connection?.credentialVersion ?? null;
    if (tokens === null) return { probe: 'none', credentialVersion };
    try {
      const { id } = await mp.me(tokens.accessToken, Context.current().cancellationSignal);
      return { probe: id === tokens.sellerId ? 'alive' : 'dead', credentialVersion };
    } catch (error) {
      if (isAltaError(error) && error.code === 'MP_UNAUTHORIZED') return { probe: 'dead', credentialVersion };
      throw error;
    }
  };
}

/** `require-reauth`: the seller has to agree again; what the store holds stays until it ends by itself. */
export function requireReauthStep({ db, log }: ActivityDeps) {
  return async (end: ConsentEnd): Promise<boolean> => {
    const marked = await requireReauth(db, end);
    if (marked) log.warn({ accountId: end.accountId, code: end.code, alert: 'reauth required' }, end.message);
    return marked;
  };
}

/** `revoke-credentials`: the tokens are gone from the Admin DB, and the event that takes them off the cluster is out (P-313). */
export function revokeCredentials({ db, log }: ActivityDeps) {
  return async (revoked: AccountContext & { credentialVersion: number | null; by: 'operator' | 'seller' }): Promise<boolean> => {
    const { accountId, credentialVersion, by } = revoked;
    const bySeller = by === 'seller';
    const end = (version: number): Promise<boolean> =>
      revokeConnection(db, {
        accountId,
        credentialVersion: version,
        actor: 'alta',
        code: bySeller ? 'MP_REAUTH_REQUIRED' : null,
        reason: bySeller ? 'the seller took the consent back' : 'revoked by an operator',
      });
    const ended = await (credentialVersion === null ? endWhatStands(db, accountId, end) : end(credentialVersion));
    if (ended && bySeller) log.warn({ accountId, alert: 'reauth required' }, 'the seller took the consent back');
    return ended;
  };
}

/**
 * Ends the consent that stands now, whatever its version, by writing against the version that was read (law 5): a write that comes late
 * must not take out what the seller agreed to since. A rotation in between raises the version, so it is looked at again.
 */
async function endWhatStands(db: AdminDb, accountId: string, end: (version: number) => Promise<boolean>): Promise<boolean> {
  for (;;) {
    const standing = await findConnection(db, accountId);
    if (standing === null || standing.state === 'revoked') return false;
    if (await end(standing.credentialVersion)) return true;
  }
}

/** `resync-credentials`: has a store's credentials written to its cluster once more; false when there are none, or no store. */
export function resyncCredentialsStep({ db }: ActivityDeps) {
  return ({ accountId }: AccountContext): Promise<boolean> => resyncCredentials(db, accountId);
}

/** `exchange-code`: turns the code that the seller brought into tokens, once, and stores them. Never retried by Temporal. */
export function exchangeCode(deps: ActivityDeps) {
  const { db, vault, mp } = deps;
  return async ({ accountId, authorizationId }: AccountContext & { authorizationId: string }): Promise<TokenCallResult> => {
    const answer = await readAnswer(db, vault, authorizationId);
    if (answer === null) return SUPERSEDED;
    const { code, verifier: codeVerifier, redirectUri } = answer;
    const { cancellationSignal } = Context.current();
    return tokenCall(deps, () => mp.exchangeCode({ code, codeVerifier, redirectUri }, cancellationSignal), {
      accountId,
      action: 'sync',
      expectedVersion: null,
    });
  };
}

/** `end-authorization`: an asking for consent has ended; what could finish it is forgotten. */
export function endAuthorizationStep({ db, log }: ActivityDeps) {
  return async (end: { accountId: string; authorizationId: string; code: string | null; message: string | null }): Promise<void> => {
    const { accountId, authorizationId, code, message } = end;
    await endAuthorization(db, authorizationId, code === null ? 'connected' : 'failed', code);
    if (code !== null) log.warn({ accountId, code, alert: 'seller not connected' }, message ?? 'the consent came to nothing');
  };
}
