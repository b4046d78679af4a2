import assert from 'node:assert/strict';
import { findConnection } from '../../adapters/admin-db/index.ts';
import { isAltaError } from '../../contract/errors.ts';
import { waitUntil } from '../../local/wait.ts';
import { idle } from '../faults/flows/credentials.ts';
import { agree } from '../support/consent.ts';
import { aboutAccount, NOTHING, type Definition } from './command.ts';
import { hasStore, type Account, type Consent } from './model.ts';
import type { Real } from './real.ts';
import { storeOf } from './stores.ts';

const who = { actor: 'ana', reason: 'as agreed' };
const PATIENCE = { timeoutMs: 900_000, everyMs: 500 };
const MOST_ORDERS = 5;

const about = (
  kind: string,
  can: (account: Account) => boolean,
  leaves: Consent,
  act: (account: Account, real: Real, accountId: string) => Promise<void>,
): Definition =>
  aboutAccount(
    kind,
    NOTHING,
    (account) => hasStore(account) && !account.deleted && account.asked < MOST_ORDERS && can(account),
    (account, real) => {
      const accountId = real.idOf(account);
      account.asked += 1;
      account.consent = leaves;
      account.tokenCall = kind === 'refresh';
      account.genuine ||= kind === 'agree';
      real.people.inTurn(accountId, kind, async () => {
        await storeOf(real, accountId);
        await act(account, real, accountId);
      });
    },
  );

/** The seller agrees on the page of a link; who gets no answer opens another link. */
async function agreeUntilConnected(real: Real, accountId: string): Promise<void> {
  const version = async (): Promise<number> => {
    const now = await findConnection(real.world.db, accountId);
    return now?.state === 'connected' ? now.credentialVersion : 0;
  };
  const before = (await findConnection(real.world.db, accountId))?.credentialVersion ?? 0;
  const once = async (): Promise<boolean> => {
    const { url } = await real.alta.credentials.link(accountId, { actor: who.actor });
    if ((await agree(url)).status >= 500) return false;
    const open = `select 1 from mp_authorizations where account_id = $1 and status = 'answered'`;
    await waitUntil('an ended consent', async () => (await real.world.sql(open, [accountId])).length === 0, {
      ...PATIENCE,
      signal: real.people.over,
    });
    return (await version()) > before;
  };
  await waitUntil('a consent', once, { ...PATIENCE, signal: real.people.over });
}

/** Asks for something about a consent and waits for its end; what is refused because it was lost meanwhile is so. */
async function ask(real: Real, accountId: string, task: 'refresh' | 'revoke' | 'check'): Promise<void> {
  try {
    await real.people.insist(() => real.alta.credentials.ask(accountId, { task, ...who }));
  } catch (error) {
    if (!isAltaError(error) || error.code !== 'RESOLVE_REFUSED') throw error;
    assert.notEqual((await findConnection(real.world.db, accountId))?.state, 'connected');
  }
  await idle(real, accountId);
}

const certainly = (consent: Consent) => (account: Account) => account.consent === consent && account.genuine;

/** What sellers and operators do with consents. */
export const CONSENTS: readonly Definition[] = [
  about(
    'agree',
    () => true,
    'connected',
    (_, real, accountId) => agreeUntilConnected(real, accountId),
  ),
  about('refresh', certainly('connected'), 'connected', (_, real, accountId) => ask(real, accountId, 'refresh')),
  about('revoke', certainly('connected'), 'revoked', (_, real, accountId) => ask(real, accountId, 'revoke')),
  about('lose-grant', certainly('connected'), 'reauth_required', async (_, real, accountId) => {
    const { sellerId } = (await findConnection(real.world.db, accountId))!;
    await real.world.simulator.control.revoke(sellerId);
    await ask(real, accountId, 'refresh');
  }),
  about('deauthorize', certainly('connected'), 'revoked', async (_, real, accountId) => {
    const { sellerId } = (await findConnection(real.world.db, accountId))!;
    const url = `${real.url}/webhooks/mercadopago`;
    const taken = async (): Promise<boolean> => {
      const [report] = await real.world.simulator.control.deauthorize(sellerId, url);
      return report?.status === 200;
    };
    await waitUntil('news of a consent that was taken back', taken, { ...PATIENCE, signal: real.people.over });
    const revoked = async (): Promise<boolean> => {
      await idle(real, accountId);
      if ((await findConnection(real.world.db, accountId))?.state === 'revoked') return true;
      // Mercado Pago was away when Alta looked: an operator has it look again.
      await ask(real, accountId, 'check');
      return false;
    };
    await waitUntil('a revoked consent', revoked, { ...PATIENCE, signal: real.people.over });
  }),
];
