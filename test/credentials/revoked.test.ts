import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { connectedSeller, consentMails, inState, sameOnCluster, type Seller } from '../support/consent.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

/** A consent ends: by the seller in Mercado Pago's panel, or by an operator. */
let world: World;
let alta: AltaClient;
beforeAll(async () => {
  const quick = { retryInitialMs: 50, retryMaxMs: 100, retryAttempts: 3 };
  world = await startWorld({ env: { ALTA_CREDENTIALS_POLICY: JSON.stringify(quick) } });
  alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
}, 120_000);
afterAll(() => world.close());

const seller = (): Promise<Seller> => connectedSeller(world);
const webhooks = (): string => new URL('/webhooks/mercadopago', world.url).href;
const connectedFields = async (accountId: string): Promise<unknown> => {
  const { mp_connected, mp_access_token_encrypted, mp_refresh_token_encrypted, mp_public_key } = await world.account(accountId);
  return { mp_connected, mp_access_token_encrypted, mp_refresh_token_encrypted, mp_public_key };
};
const NOTHING = { mp_connected: false, mp_access_token_encrypted: null, mp_refresh_token_encrypted: null, mp_public_key: null };
const settled = (deliveryKey: string): Promise<{ status: string; result: string }> =>
  eventually(async () => {
    const [row] = await world.sql<{ status: string; result: string }>('select status, result from webhook_inbox where delivery_key = $1', [
      deliveryKey,
    ]);
    return row === undefined || row.status === 'received' ? undefined : row;
  }, `a settled ${deliveryKey}`);

test('P-073 P-313: a seller takes the consent back: Admin DB and cluster hold no token any more, and the owner is told once', async () => {
  const one = await seller();
  const reports = await world.simulator.control.deauthorize(one.sellerId, webhooks());
  expect(reports).toEqual([expect.objectContaining({ status: 200 })]);
  await inState(world, one.accountId, 'revoked', 2);
  expect(await connectedFields(one.accountId)).toEqual(NOTHING);
  await sameOnCluster(world, one.accountId);
  expect((await world.store(one.accountId))!.client.is_active).toBe(true);
  await eventually(() => consentMails(world, one).length > 0, 'the mail to the owner');
  // The same news again: nothing is left to end, and nobody is told twice.
  const [again] = await world.simulator.control.deauthorize(one.sellerId, webhooks());
  expect(await settled(`n:${again!.notificationId}`)).toEqual({
    status: 'ignored',
    result: 'no account sells with the consent of this seller',
  });
  expect(consentMails(world, one)).toHaveLength(1);
}, 180_000);

test('law 1: news of a consent that still counts is only a hint: Mercado Pago is asked, and nothing changes', async () => {
  const one = await seller();
  const reports = await world.simulator.control.deliver({
    paymentId: '4711',
    url: webhooks(),
    topic: 'mp-connect',
    action: 'application.deauthorized',
    userId: one.sellerId,
  });
  expect(await settled(`n:${reports[0]!.notificationId}`)).toEqual({
    status: 'processed',
    result: '1 accounts of the seller are looked at',
  });
  await eventually(async () => {
    const found = await world.temporal.workflow.getHandle(`credentials/${one.accountId}/check`).describe();
    return found.status.name === 'COMPLETED';
  }, 'a finished look');
  expect(await alta.credentials.show(one.accountId)).toMatchObject({ state: 'connected', credentialVersion: 1 });
  await sameOnCluster(world, one.accountId);
  expect(consentMails(world, one)).toEqual([]);
}, 180_000);

test('P-313 P-302: an operator revokes: on record, off the cluster, and only a new consent connects again', async () => {
  const one = await seller();
  await alta.credentials.ask(one.accountId, { task: 'revoke', actor: 'ana', reason: 'fraud case 12' });
  await inState(world, one.accountId, 'revoked', 2);
  expect(await connectedFields(one.accountId)).toEqual(NOTHING);
  await sameOnCluster(world, one.accountId);
  const record = await world.sql(
    `select event_type, actor, reason from lifecycle_events where account_id = $1 and event_type like 'mp_credentials.revoke%'`,
    [one.accountId],
  );
  expect(record).toEqual([
    { event_type: 'mp_credentials.revoke_asked', actor: 'ana', reason: 'fraud case 12' },
    { event_type: 'mp_credentials.revoked', actor: 'alta', reason: 'revoked by an operator' },
  ]);
  await expect(alta.credentials.ask(one.accountId, { task: 'check', actor: 'ana', reason: 'x' })).rejects.toMatchObject({
    code: 'RESOLVE_REFUSED',
  });
  expect(consentMails(world, one)).toEqual([]);
}, 180_000);
