import { setTimeout as pause } from 'node:timers/promises';
import { findAccount, findConnection, toldCredentials, type Connection } from '../../adapters/admin-db/index.ts';
import { isStoreState } from '../../contract/account-machine.ts';
import type { AccountState } from '../../contract/account.ts';
import type { ConnectionState } from '../../contract/credentials.ts';
import { AltaError } from '../../contract/errors.ts';
import { stateOf } from './account-state.ts';
import type { AccountDeps } from './accounts.ts';
import { askOnce } from './credentials.ts';

/** How long an answer waits for the cluster, and how often it looks, ms. */
const ANSWER_MS = 30_000;
const LOOK_MS = 250;

export interface CredentialsRequest {
  task: 'refresh' | 'revoke';
  actor: string;
  reason: string;
  /** Repeats this very command, whose answer was lost. */
  commandId?: string;
}

export interface CredentialsAnswer {
  accountId: string;
  task: CredentialsRequest['task'];
  state: ConnectionState;
  credentialVersion: number;
  /** `shown`: the cluster has what came of it. `waiting`: it is on record and goes on without whoever asked. */
  store: 'shown' | 'waiting';
  /** `held`, `time`, or the code of what failed last; null when the cluster has it. */
  waitsFor: string | null;
}

/**
 * Asks for what `alta credentials` asks for, by account id or slug, and waits until the cluster shows what came of it. Errors:
 * ACCOUNT_NOT_FOUND, COMMAND_REFUSED for an account without a store, and as `askAboutCredentials`.
 */
export async function changeCredentials(
  { db, temporal }: AccountDeps,
  target: string,
  request: CredentialsRequest,
  answerMs = ANSWER_MS,
): Promise<CredentialsAnswer> {
  const account = await findAccount(db, target);
  const { accountId } = account;
  if (!isStoreState(account.status))
    throw new AltaError('COMMAND_REFUSED', `${request.task}: the account is ${account.status} and has no store`);
  const { asked, repeated } = await askOnce(db, { accountId, ...request });
  const until = performance.now() + answerMs;
  for (;;) {
    // Told in the transaction of the change, so what is read after it is not older.
    const now = await findConnection(db, accountId);
    const [told, workflow] = await Promise.all([toldCredentials(db, accountId), stateOf(temporal, accountId)]);
    const { state, credentialVersion } = now ?? asked;
    const answer = { accountId, task: request.task, state, credentialVersion };
    if (isShown(asked, now, repeated ? 0 : account.version, told, workflow)) return { ...answer, store: 'shown', waitsFor: null };
    const stuck = whyStuck(now, workflow, account.heldSince !== null);
    if (stuck !== null || performance.now() >= until) return { ...answer, store: 'waiting', waitsFor: stuck ?? now?.code ?? 'time' };
    await pause(LOOK_MS);
  }
}

/** Another version of the consent is there, and the store was brought to the event that told of it, after version `since` of the account. */
function isShown(asked: Connection, now: Connection | null, since: number, told: number | null, workflow: AccountState | null): boolean {
  if (now === null || now.credentialVersion <= asked.credentialVersion) return false;
  return told !== null && told > since && (workflow?.applied.mp_credentials ?? 0) >= told;
}

/** What has to be done by somebody before it goes on; null while it goes on by itself. */
function whyStuck(now: Connection | null, workflow: AccountState | null, held: boolean): string | null {
  if (now?.state === 'reauth_required') return now.code ?? 'MP_REAUTH_REQUIRED';
  const dirty = workflow?.dirty.mp_credentials !== undefined;
  if (dirty && (held || workflow.held)) return 'held';
  return dirty ? (workflow.failing?.code ?? null) : null;
}
