import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { AltaError } from '../../contract/errors.ts';
import type { SealPlace, Vault } from '../vault/index.ts';
import type { AdminDb, Tx } from './db.ts';
import { publish } from './publish.ts';

const place = (id: string, field: 'verifier_encrypted' | 'code_encrypted'): SealPlace => ({ table: 'mp_authorizations', id, field });
const hashOf = (state: string): string => createHash('sha256').update(state).digest('hex');

export interface AskedConsent {
  authorizationId: string;
  /** Goes into the link and nowhere else; the Admin DB keeps its hash. */
  state: string;
  /** Goes into the link as its S256 challenge; the Admin DB keeps it sealed. */
  verifier: string;
}

/** Opens an asking for a seller's consent. Throws ACCOUNT_NOT_FOUND. */
export async function openAuthorization(
  db: Tx,
  vault: Vault,
  ask: { accountId: string; redirectUri: string; requestedBy: string; validSeconds: number },
): Promise<AskedConsent> {
  const authorizationId = randomUUID();
  const [state, verifier] = [randomBytes(32).toString('base64url'), randomBytes(32).toString('base64url')];
  const rows = await db.query({
    name: 'admin-db.open-authorization',
    // Sent twice, it opens one: the second finds the row of this very ask.
    text: `with found as (select id from nv_accounts where id = $2), made as (
             insert into mp_authorizations (id, account_id, state_hash, verifier_encrypted, redirect_uri, requested_by, expires_at)
             select $1, id, $3, $4, $5, $6, now() + make_interval(secs => $7) from found on conflict (id) do nothing)
           select id from found`,
    values: [
      authorizationId,
      ask.accountId,
      hashOf(state),
      vault.seal(verifier, place(authorizationId, 'verifier_encrypted')),
      ask.redirectUri,
      ask.requestedBy,
      ask.validSeconds,
    ],
  });
  if (rows.length === 0) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${ask.accountId}`);
  return { authorizationId, state, verifier };
}

const unknownState = (): AltaError =>
  new AltaError('INPUT_INVALID', 'state: unknown, expired or used already; ask for a new link', { details: { field: 'state' } });

/**
 * Takes in the code that a seller brought, sealed, and orders its exchange in the same transaction: the API neither calls Mercado Pago
 * nor sees a token. A state counts once. Throws INPUT_INVALID for any other.
 */
export async function answerAuthorization(db: AdminDb, vault: Vault, { state, code }: { state: string; code: string }): Promise<string> {
  return db.tx('admin-db.answer-authorization', async (tx) => {
    const [open] = await tx.query<{ id: string; accountId: string }>({
      name: 'admin-db.find-open-authorization',
      text: `select id, account_id as "accountId" from mp_authorizations where state_hash = $1 and status = 'open' and expires_at > now()`,
      values: [hashOf(state)],
    });
    if (open === undefined) throw unknownState();
    const taken = await tx.query({
      name: 'admin-db.take-code',
      text: `update mp_authorizations set status = 'answered', code_encrypted = $2, answered_at = now()
             where id = $1 and status = 'open' returning id`,
      values: [open.id, vault.seal(code, place(open.id, 'code_encrypted'))],
    });
    if (taken.length === 0) throw unknownState();
    await publish(tx, {
      target: 'credentials',
      eventKey: `credentials.connect/${open.id}`,
      accountId: open.accountId,
      payload: { type: 'credentials.asked', accountId: open.accountId, task: 'connect', authorizationId: open.id },
    });
    return open.accountId;
  });
}

export interface AnsweredConsent {
  code: string;
  verifier: string;
  redirectUri: string;
}

/** What the exchange of a code needs; null once it has ended. Throws the vault's codes. */
export async function readAnswer(db: Tx, vault: Vault, authorizationId: string): Promise<AnsweredConsent | null> {
  const [row] = await db.query<{ verifier: string; code: string; redirectUri: string }>({
    name: 'admin-db.read-answer',
    text: `select verifier_encrypted as verifier, code_encrypted as code, redirect_uri as "redirectUri" from mp_authorizations
           where id = $1 and status = 'answered'`,
    values: [authorizationId],
  });
  if (row === undefined) return null;
  return {
    code: vault.open(row.code, place(authorizationId, 'code_encrypted')),
    verifier: vault.open(row.verifier, place(authorizationId, 'verifier_encrypted')),
    redirectUri: row.redirectUri,
  };
}

/** Ends an asking and forgets what could finish it. Repeating it changes nothing. */
export async function endAuthorization(
  db: Tx,
  authorizationId: string,
  status: 'connected' | 'failed',
  code: string | null,
): Promise<void> {
  await db.query({
    name: 'admin-db.end-authorization',
    text: `update mp_authorizations set status = $2, error_code = $3, ended_at = now(), verifier_encrypted = null, code_encrypted = null
           where id = $1 and status in ('open', 'answered')`,
    values: [authorizationId, status, code],
  });
}

/** Ends askings that nobody answered in time, and forgets what could finish them. Returns how many. */
export async function expireAuthorizations(db: Tx): Promise<number> {
  const rows = await db.query({
    name: 'admin-db.expire-authorizations',
    text: `update mp_authorizations set status = 'failed', error_code = 'INPUT_INVALID', ended_at = now(), verifier_encrypted = null
           where status = 'open' and expires_at <= now() returning id`,
  });
  return rows.length;
}
