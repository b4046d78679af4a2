import { expect } from '@jest/globals';
import { fingerprintOf } from '../../adapters/cluster/index.ts';
import { findConnection, loadTokens, type Connection, type StoredTokens } from '../../adapters/admin-db/index.ts';
import { createAltaClient } from '../../client/index.ts';
import type { ConnectionState } from '../../contract/credentials.ts';
import { eventually } from './eventually.ts';
import type { PlacedOrder, World } from './world.ts';

/** A store whose seller has agreed at the simulator, so that its tokens really work there. */
export interface Seller {
  order: PlacedOrder;
  accountId: string;
  sellerId: string;
}

/** Opens a link of Alta's as a seller does, agrees, and comes back to Alta's API; the answer of that page. */
export async function agree(url: string): Promise<Response> {
  const page = await fetch(url, { redirect: 'manual' });
  const back = page.headers.get('location');
  if (back === null) throw new Error(`the authorization page answered ${String(page.status)}`);
  return fetch(back);
}

export const inState = (world: World, accountId: string, state: ConnectionState, version?: number): Promise<Connection> =>
  eventually(async () => {
    const connection = await findConnection(world.db, accountId);
    if (connection?.state !== state || (version !== undefined && connection.credentialVersion !== version) || connection.refreshId !== null)
      throw new Error(JSON.stringify(connection));
    return connection;
  }, `a consent of ${accountId} that is ${state}`);

/** What the Admin DB holds, opened; never shown. */
export async function tokensOf(world: World, accountId: string): Promise<StoredTokens> {
  const tokens = await loadTokens(world.db, world.vault, accountId);
  if (tokens === null) throw new Error('no tokens');
  return tokens;
}

/** Waits until the store holds exactly what the Admin DB holds: the tokens, or none. */
export async function sameOnCluster(world: World, accountId: string): Promise<void> {
  await eventually(async () => {
    const tokens = await loadTokens(world.db, world.vault, accountId);
    const wanted = tokens === null ? null : fingerprintOf({ accessToken: tokens.accessToken, publicKey: tokens.publicKey ?? '' });
    const store = await world.store(accountId);
    if (store === null || store.mp_fingerprint !== wanted) throw new Error(`the store holds ${store?.mp_fingerprint ?? 'nothing'}`);
    return true;
  }, `the credentials of ${accountId} on its cluster`);
}

/** A link on which a seller agrees, as an operator makes it. */
export async function linkOf(world: World, accountId: string): Promise<string> {
  const alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
  return (await alta.credentials.link(accountId, { actor: 'ana' })).url;
}

/** A working store whose seller agrees once it stands (P-316). */
export async function connectedSeller(world: World): Promise<Seller> {
  const order = await world.checkout({}, { connected: false });
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  expect((await agree(await linkOf(world, order.accountId))).status).toBe(200);
  const { sellerId } = await inState(world, order.accountId, 'connected');
  await sameOnCluster(world, order.accountId);
  return { order, accountId: order.accountId, sellerId };
}

/** How often tokens of a seller were rotated, by the simulator's append-only ledger. */
export async function rotations(world: World, sellerId: string): Promise<number> {
  const effects = await world.simulator.control.ledger({ kind: 'effect' });
  return effects.filter((entry) => entry.kind === 'effect' && entry.what === 'token.rotated' && entry.id === sellerId).length;
}

/** Makes the tokens of an account due for a refresh, as time would. */
export const makeDue = (world: World, accountId: string): Promise<unknown> =>
  world.sql(`update mp_connections set refresh_due_at = now() - interval '1 second' where account_id = $1`, [accountId]);

/** Mails to an owner about a consent that has ended. */
export const consentMails = (world: World, { order }: Seller): string[] =>
  world.mail
    .messages()
    .filter(({ to, text }) => to.includes(order.checkout.email) && text.includes('/authorization?'))
    .map(({ text }) => text);
