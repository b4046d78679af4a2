import { Context } from '@temporalio/activity';
import { setTimeout as pause } from 'node:timers/promises';
import { storeGrant, type Grant } from '../adapters/admin-db/index.ts';
import type { OAuthGrant } from '../adapters/mercadopago/index.ts';
import { withSignal } from '../adapters/signal.ts';
import type { TokenCallResult } from '../contract/credentials.ts';
import { AltaError, isAltaError } from '../contract/errors.ts';
import type { ActivityDeps } from './deps.ts';

/** Pause between two tries to store tokens, ms. */
const STORE_AGAIN_MS = 500;
/** How often a token call says that its worker lives, ms; the caller's heartbeat limit is well above it. */
const BEAT_MS = 1_000;

/**
 * Makes one token call and stores what it brings. The call uses its code or refresh token up, so it is made once, by nobody again and
 * by no library; what it brings exists nowhere else until it is stored, so the storing goes on, whatever happens to the run that asked
 * for it, while the Admin DB is away. Every failure is an outcome: the workflow decides by it.
 */
export async function tokenCall(
  { db, vault, log }: ActivityDeps,
  call: () => Promise<OAuthGrant>,
  grant: Omit<Grant, 'credentials'>,
): Promise<TokenCallResult> {
  const beat = setInterval(() => {
    Context.current().heartbeat();
  }, BEAT_MS);
  try {
    let granted: OAuthGrant;
    try {
      granted = await call();
    } catch (error) {
      return outcomeOf(error);
    }
    const { publicKey } = granted;
    if (publicKey === null) throw new AltaError('MP_BAD_ANSWER', 'the token answer has no public key');
    const stored = await untilStored(log, () => storeGrant(db, vault, { ...grant, credentials: { ...granted, publicKey } }));
    return { outcome: stored === null ? 'superseded' : 'stored', code: null, message: null };
  } finally {
    clearInterval(beat);
  }
}

/** Ends only with the tokens stored, or refused for good. */
async function untilStored<T>(log: ActivityDeps['log'], store: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      // Not under the activity's own signal: a worker that shuts down must not let go of tokens that exist nowhere else.
      return await withSignal(new AbortController().signal, store);
    } catch (error) {
      if (!isAltaError(error) || error.code !== 'ADMIN_DB_UNAVAILABLE') throw error;
      log.error({ err: error, alert: 'tokens not stored' }, 'new tokens of a seller cannot be stored yet');
      await pause(STORE_AGAIN_MS);
    }
  }
}

/** What a failed token call means for the code or refresh token that was sent. */
function outcomeOf(error: unknown): TokenCallResult {
  const { code, message, details } = isAltaError(error)
    ? error
    : { code: 'INTERNAL' as const, message: 'unforeseen failure', details: {} as Record<string, unknown> };
  if (code === 'MP_REJECTED' && details['mpError'] === 'invalid_grant') {
    return { outcome: 'refused', code: 'MP_REAUTH_REQUIRED', message: 'Mercado Pago refuses the grant: used up, expired or taken back' };
  }
  if (details['mayHaveActed'] === true || code === 'INTERNAL' || code === 'MP_BAD_ANSWER') return { outcome: 'unknown', code, message };
  return { outcome: 'unsent', code, message };
}
