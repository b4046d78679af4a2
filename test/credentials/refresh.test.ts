import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import type { CredentialsResult } from '../../contract/credentials.ts';
import { credentialsWorkflowId } from '../../contract/ids.ts';
import type { RefreshSweepResult } from '../../contract/upkeep.ts';
import {
  agree,
  connectedSeller,
  consentMails,
  inState,
  linkOf,
  makeDue,
  rotations,
  sameOnCluster,
  tokensOf,
  type Seller,
} from '../support/consent.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { runTask } from '../support/upkeep.ts';
import { startWorld, type World } from '../support/world.ts';

/** Sellers' tokens are rotated ahead of their end, by one refresher, and what is lost on the way is seen, healed or asked for again. */
let world: World;
let alta: AltaClient;
let faults: Faults;
beforeAll(async () => {
  const quick = { retryInitialMs: 50, retryMaxMs: 100, retryAttempts: 3 };
  world = await startWorld({ env: { ALTA_CREDENTIALS_POLICY: JSON.stringify(quick) } });
  alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
  faults = installFaults();
}, 120_000);
afterEach(async () => {
  faults.clear();
  await world.simulator.control.faults.clear();
});
afterAll(async () => {
  faults.remove();
  await world.close();
});

const seller = (): Promise<Seller> => connectedSeller(world);
const sweep = (): Promise<RefreshSweepResult> => runTask<RefreshSweepResult>(world, 'refresh-credentials');

/** Has the sweep start the refresh of a seller, and gives what that run ended with. */
async function refreshed({ accountId }: Seller): Promise<CredentialsResult> {
  await makeDue(world, accountId);
  await sweep();
  return ended(accountId);
}

/** Waits for the run of an account's refresh, which the relay starts, and for its end. */
async function ended(accountId: string, after = 0): Promise<CredentialsResult> {
  const handle = world.temporal.workflow.getHandle<() => Promise<CredentialsResult>>(credentialsWorkflowId(accountId, 'refresh'));
  await eventually(async () => (await handle.describe()).startTime.getTime() > after, `a refresh of ${accountId}`);
  return handle.result();
}

test('P-072 P-312: a token that is due is rotated once, stored, and proved on the cluster; the next sweep leaves it alone', async () => {
  const one = await seller();
  const before = await tokensOf(world, one.accountId);
  expect(await refreshed(one)).toEqual({ outcome: 'refreshed', code: null, message: null });
  await sameOnCluster(world, one.accountId);
  const after = await tokensOf(world, one.accountId);
  expect(after.accessToken).not.toBe(before.accessToken);
  expect(after.refreshToken).not.toBe(before.refreshToken);
  const connection = await inState(world, one.accountId, 'connected', 2);
  expect(new Date(connection.refreshDueAt!).getTime()).toBeGreaterThan(Date.now() + 100 * 86_400_000);
  await sweep();
  expect(await rotations(world, one.sellerId)).toBe(1);
}, 180_000);

test('two sweeps, an operator and the relay ask at once: one rotation', async () => {
  const one = await seller();
  await makeDue(world, one.accountId);
  const ask = { task: 'refresh', actor: 'ana', reason: 'now' } as const;
  await Promise.all([sweep(), sweep(), alta.credentials.ask(one.accountId, ask)]);
  await ended(one.accountId);
  // Whoever came later found nothing due any more, or was served by the run that was under way: at most the operator's own is another.
  await eventually(
    async () =>
      (await world.sql(`select 1 from outbox where account_id = $1 and target = 'credentials' and status <> 'completed'`, [one.accountId]))
        .length === 0,
    'a delivered outbox',
  );
  await ended(one.accountId);
  const rotated = await rotations(world, one.sellerId);
  expect(rotated).toBe((await inState(world, one.accountId, 'connected')).credentialVersion - 1);
  expect(rotated).toBeGreaterThan(0);
  expect(rotated).toBeLessThanOrEqual(2);
  await sameOnCluster(world, one.accountId);
}, 180_000);

test('a refresh token that Mercado Pago refuses asks the seller again: seen, mailed once, and a new consent heals it', async () => {
  const one = await seller();
  await world.simulator.control.revoke(one.sellerId);
  expect(await refreshed(one)).toMatchObject({ outcome: 'reauth_required', code: 'MP_REAUTH_REQUIRED' });
  expect(await alta.credentials.show(one.accountId)).toMatchObject({
    state: 'reauth_required',
    credentialVersion: 1,
    code: 'MP_REAUTH_REQUIRED',
  });
  expect(await alta.credentials.list({ state: 'reauth_required' })).toEqual(
    expect.arrayContaining([expect.objectContaining({ accountId: one.accountId })]),
  );
  const [mail, ...more] = consentMails(world, one);
  expect(more).toEqual([]);
  await expect(alta.credentials.ask(one.accountId, { task: 'refresh', actor: 'ana', reason: 'x' })).rejects.toMatchObject({
    code: 'RESOLVE_REFUSED',
  });
  // The link of the mail, as the owner opens it.
  const link = /https?:\/\/\S+\/authorization\?\S+/.exec(mail!)![0];
  expect((await agree(link)).status).toBe(200);
  await inState(world, one.accountId, 'connected', 2);
  await sameOnCluster(world, one.accountId);
  expect(consentMails(world, one)).toHaveLength(1);
}, 180_000);

test('the answer to a refresh is lost, and so is the grant: the old token is asked, one more try is refused, the seller is asked again', async () => {
  const one = await seller();
  await world.simulator.control.faults.add({ operation: 'oauth.token', kind: 'lost', count: 1 });
  expect(await refreshed(one)).toMatchObject({ outcome: 'reauth_required', code: 'MP_REAUTH_REQUIRED' });
  expect(await rotations(world, one.sellerId)).toBe(1);
  await inState(world, one.accountId, 'reauth_required', 1);
  expect(consentMails(world, one)).toHaveLength(1);
}, 180_000);

test('a refresh that never arrived, though nobody knew: the old token still counts, and one more try rotates', async () => {
  const one = await seller();
  await world.simulator.control.faults.add({ operation: 'oauth.token', kind: 'refuse', count: 1 });
  await world.simulator.control.faults.add({ operation: 'users.me', kind: 'status', status: 503, count: 2 });
  expect(await refreshed(one)).toMatchObject({ outcome: 'refreshed' });
  expect(await rotations(world, one.sellerId)).toBe(1);
  await sameOnCluster(world, one.accountId);
}, 180_000);

test('nothing definite is heard twice: nothing is given up, the intent stays, and the next sweep looks first and rotates', async () => {
  const one = await seller();
  await world.simulator.control.faults.add({ operation: 'oauth.token', kind: 'refuse', count: 2 });
  expect(await refreshed(one)).toMatchObject({ outcome: 'unchanged', code: 'MP_UNAVAILABLE' });
  const left = await alta.credentials.show(one.accountId);
  expect(left).toMatchObject({ state: 'connected', code: 'MP_UNAVAILABLE', refreshId: expect.any(String) as unknown });
  const after = Date.now();
  await world.sql(`update mp_connections set refresh_begun_at = now() - interval '1 day' where account_id = $1`, [one.accountId]);
  expect((await sweep()).cutOff).toBe(1);
  expect(await ended(one.accountId, after)).toMatchObject({ outcome: 'refreshed' });
  expect(await rotations(world, one.sellerId)).toBe(1);
}, 180_000);

test('Mercado Pago limits the calls: the same refresh token is tried again later, since nothing was used up', async () => {
  const one = await seller();
  await world.simulator.control.faults.add({ operation: 'oauth.token', kind: 'status', status: 429, count: 2 });
  expect(await refreshed(one)).toMatchObject({ outcome: 'refreshed' });
  await world.simulator.control.faults.add({ operation: 'oauth.token', kind: 'status', status: 429, count: 3 });
  const after = Date.now();
  await alta.credentials.ask(one.accountId, { task: 'refresh', actor: 'ana', reason: 'once more' });
  expect(await ended(one.accountId, after)).toMatchObject({ outcome: 'unchanged', code: 'MP_RATE_LIMITED' });
  expect(await alta.credentials.show(one.accountId)).toMatchObject({ state: 'connected', refreshId: null, code: 'MP_RATE_LIMITED' });
  expect(await rotations(world, one.sellerId)).toBe(1);
}, 180_000);

test('the Admin DB is away when the new tokens come: they are held until it is back, and nothing is lost', async () => {
  const one = await seller();
  faults.at('admin-db.save-mp-credentials', { mode: 'fail-before', code: 'ADMIN_DB_UNAVAILABLE', times: 4 });
  expect(await refreshed(one)).toMatchObject({ outcome: 'refreshed' });
  expect(faults.spent('admin-db.save-mp-credentials')).toBe(true);
  await inState(world, one.accountId, 'connected', 2);
  expect(await rotations(world, one.sellerId)).toBe(1);
}, 180_000);

test('the seller agrees anew while an old grant is refreshed: the new consent stays', async () => {
  const one = await seller();
  const link = await linkOf(world, one.accountId);
  faults.before('admin-db.save-mp-credentials', async () => {
    expect((await agree(link)).status).toBe(200);
    await eventually(async () => (await alta.credentials.show(one.accountId)).credentialVersion === 2, 'the new consent');
  });
  expect(await refreshed(one)).toMatchObject({ outcome: 'unchanged' });
  const connection = await inState(world, one.accountId, 'connected', 2);
  expect((await tokensOf(world, one.accountId)).sellerId).toBe(connection.sellerId);
  await sameOnCluster(world, one.accountId);
}, 180_000);
