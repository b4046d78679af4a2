import {
  ApplicationFailure,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  setWorkflowOptions,
  sleep,
  upsertSearchAttributes,
  uuid4,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import {
  credentialsInputSchema,
  type CredentialsInput,
  type CredentialsProgress,
  type CredentialsResult,
  type TokenCallResult,
} from '../contract/credentials.ts';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.ts';
import { failureOf, faultsOf } from './failure.ts';
import { credentialsProgress } from './messages.ts';
import { pinned } from './versioning.ts';

const records = proxyActivities<Activities>({
  startToCloseTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes' },
});

const UNCHANGED: CredentialsResult = { outcome: 'unchanged', code: null, message: null };

/**
 * Does one thing about one account's Mercado Pago consent: turns a code into tokens, rotates them, looks whether they still count, or
 * takes them out. A token call is made once and never repeated by itself; when nobody knows whether it arrived, Mercado Pago is asked
 * whose the old token is before one more try is made; when the grant is lost, the seller has to agree again: visibly, never silently.
 */
export async function credentials(raw: CredentialsInput): Promise<CredentialsResult> {
  const parsed = credentialsInputSchema.safeParse(raw);
  if (!parsed.success) throw ApplicationFailure.nonRetryable(faultsOf(parsed.error), 'INPUT_INVALID');
  const { accountId, task, authorizationId, policy } = parsed.data;
  const patient = { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs };
  // What hangs on the answer can't be decided without it, so Mercado Pago is asked until it answers.
  const looks = proxyActivities<Activities>({ startToCloseTimeout: '1 minute', retry: patient });
  const mails = proxyActivities<Activities>({
    startToCloseTimeout: '1 minute',
    retry: { ...patient, maximumAttempts: policy.retryAttempts },
  });
  const once = proxyActivities<Activities>({
    startToCloseTimeout: policy.tokenCallMs,
    heartbeatTimeout: policy.heartbeatMs,
    retry: { maximumAttempts: 1 },
  });

  let doing: CredentialsProgress['doing'] = 'begins';
  const now = (text: string): void => {
    doing = text;
    setCurrentDetails(`**${task}**: ${text}`);
  };
  setHandler(credentialsProgress, () => ({ task, accountId, doing }));

  /** A call whose worker died, or that failed in an unforeseen way, may have arrived. */
  const called = async (call: () => Promise<TokenCallResult>): Promise<TokenCallResult> => {
    try {
      return await call();
    } catch (error) {
      if (isCancellation(error)) throw error;
      const { code, message } = failureOf(error);
      return { outcome: 'unknown', code, message };
    }
  };

  /** The same call again while it reaches nobody. */
  const sent = async (call: () => Promise<TokenCallResult>): Promise<TokenCallResult> => {
    let wait = policy.retryInitialMs;
    for (let attempt = 1; ; attempt += 1) {
      const result = await called(call);
      if (result.outcome !== 'unsent' || attempt >= policy.retryAttempts) return result;
      now(`waits to try again: ${result.code ?? ''}`);
      await sleep(wait);
      wait = Math.min(wait * 2, policy.retryMaxMs);
    }
  };

  /** Tells the owner, as well as that is possible; the state and the alert stand in any case. */
  const tellOwner = async (): Promise<void> => {
    try {
      await mails['ask-consent']({ accountId });
    } catch (error) {
      if (isCancellation(error)) throw error;
      log.warn('the owner could not be told that the consent has ended', { accountId, code: failureOf(error).code });
    }
  };

  const lost = async (credentialVersion: number, { code, message }: TokenCallResult): Promise<CredentialsResult> => {
    const end = { code: code ?? 'MP_REAUTH_REQUIRED', message: message ?? 'the seller has to agree again' };
    if (!(await records['require-reauth']({ accountId, credentialVersion, ...end }))) return UNCHANGED;
    now('tells the owner that the seller has to agree again');
    await tellOwner();
    return { outcome: 'reauth_required', ...end };
  };

  const refresh = async (): Promise<CredentialsResult> => {
    const begun = await records['begin-refresh']({ accountId, refreshId: uuid4() });
    const { kind, refreshId, credentialVersion } = begun;
    if (kind === 'none' || kind === 'busy' || refreshId === null || credentialVersion === null) return UNCHANGED;
    const call = (): Promise<TokenCallResult> => once['refresh-grant']({ accountId, refreshId, credentialVersion });

    let result: TokenCallResult = { outcome: 'unknown', code: 'MP_REAUTH_REQUIRED', message: 'an earlier refresh was cut off' };
    if (kind === 'begun') {
      now('rotates the tokens');
      result = await sent(call);
    }
    if (result.outcome === 'unknown') {
      now('looks whether the old token still counts, because nobody knows whether the refresh arrived');
      const { probe } = await looks['probe-credentials']({ accountId });
      if (probe !== 'alive') return lost(credentialVersion, { ...result, message: `${result.message ?? ''}; the old token is dead` });
      now('rotates the tokens, for the second and last time');
      result = await sent(call);
    }
    if (result.outcome === 'stored') return { outcome: 'refreshed', code: null, message: null };
    if (result.outcome === 'superseded') return UNCHANGED;
    if (result.outcome === 'refused') return lost(credentialVersion, result);
    // Nothing definite was heard: the next sweep goes on, and looks first where the call may have arrived.
    const why = { code: result.code ?? 'INTERNAL', message: result.message ?? '' };
    await records['leave-refresh']({ accountId, refreshId, keep: result.outcome === 'unknown', ...why });
    return { outcome: 'unchanged', ...why };
  };

  const connect = async (asked: string): Promise<CredentialsResult> => {
    now('turns the code into tokens');
    const result = await sent(() => once['exchange-code']({ accountId, authorizationId: asked }));
    if (result.outcome === 'superseded') return UNCHANGED;
    const failed = result.outcome === 'stored' ? null : (result.code ?? 'MP_REAUTH_REQUIRED');
    await records['end-authorization']({ accountId, authorizationId: asked, code: failed, message: result.message });
    if (failed === null) return { outcome: 'connected', code: null, message: null };
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.state, value: 'NeedsAttention' }]);
    return { outcome: 'refused', code: failed, message: result.message };
  };

  const check = async (): Promise<CredentialsResult> => {
    now('looks whether the token still counts');
    const { probe, credentialVersion } = await looks['probe-credentials']({ accountId });
    if (probe !== 'dead') return UNCHANGED;
    if (!(await records['revoke-credentials']({ accountId, credentialVersion, by: 'seller' }))) return UNCHANGED;
    now('tells the owner that the consent was taken back');
    await tellOwner();
    return { outcome: 'revoked', code: 'MP_REAUTH_REQUIRED', message: 'the seller took the consent back' };
  };

  const revoke = async (): Promise<CredentialsResult> => {
    const ended = await records['revoke-credentials']({ accountId, credentialVersion: null, by: 'operator' });
    return ended ? { outcome: 'revoked', code: null, message: null } : UNCHANGED;
  };

  switch (task) {
    case 'refresh':
      return refresh();
    case 'connect':
      if (authorizationId === null) throw ApplicationFailure.nonRetryable('authorizationId: which consent?', 'INPUT_INVALID');
      return connect(authorizationId);
    case 'check':
      return check();
    case 'revoke':
      return revoke();
    case 'resync':
      await records['resync-credentials']({ accountId });
      return UNCHANGED;
  }
}

setWorkflowOptions(pinned, credentials);
