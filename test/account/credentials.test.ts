import { randomUUID } from 'node:crypto';
import { createAdminDb, type AdminDb } from '../../adapters/admin-db/index.ts';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { runAlta } from '../support/alta-cli.ts';
import { connectedSeller, rotations, sameOnCluster, type Seller } from '../support/consent.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { startWorld, type World } from '../support/world.ts';

/** An account's credentials, changed by the commands of accounts: the answer comes when the cluster shows it, or says what it waits for. */
let world: World;
let operatorDb: AdminDb;
let alta: AltaClient;
let faults: Faults;
let one: Seller;
beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
  operatorDb = createAdminDb(world.database.url, { role: 'operator' });
  alta = createAltaClient({ db: operatorDb, temporal: world.temporal, config: world.config });
  one = await connectedSeller(world);
}, 180_000);
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await operatorDb.close();
  await world.close();
});

const by = { actor: 'ana', reason: 'as agreed' };
const onCluster = async (): Promise<string | null> => (await world.store(one.accountId))!.mp_fingerprint;

test('P-072 P-312: rotated once, and on the cluster when the answer comes', async () => {
  const before = await onCluster();
  const answer = await alta.accounts.rotateCredentials(one.accountId, by);
  expect(answer).toMatchObject({ state: 'connected', credentialVersion: 2, store: 'shown', waitsFor: null });
  expect(await onCluster()).not.toBe(before);
  await sameOnCluster(world, one.accountId);
  expect(await rotations(world, one.sellerId)).toBe(1);
}, 120_000);

test('P-170 P-312: a rotation that is asked again under its id is done once and answered the same; the id of another question is refused', async () => {
  const commandId = randomUUID();
  const before = await rotations(world, one.sellerId);
  const rotate = () => alta.accounts.rotateCredentials(one.accountId, { ...by, commandId });
  const [first, copy] = await Promise.all([rotate(), rotate()]);
  expect(copy).toEqual(first);
  expect(await rotate()).toEqual(first);
  expect(first).toMatchObject({ credentialVersion: 3, store: 'shown', waitsFor: null });
  expect(await rotations(world, one.sellerId)).toBe(before + 1);
  await expect(alta.accounts.revokeCredentials(one.accountId, { ...by, commandId })).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(alta.accounts.rotateCredentials(one.accountId, { ...by, commandId: 'x' })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
}, 120_000);

test('P-312: the answer names what the store waits for: a cluster that refuses, an operator who holds the account', async () => {
  faults.at('cluster.set-mp-credentials', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  const failed = await alta.accounts.rotateCredentials(one.accountId, by);
  expect(failed).toMatchObject({ state: 'connected', credentialVersion: 4, store: 'waiting', waitsFor: 'CLUSTER_UNAUTHORIZED' });
  faults.clear();
  await sameOnCluster(world, one.accountId);
  await alta.accounts.command(one.accountId, { action: 'hold', ...by });
  const before = await onCluster();
  expect(await alta.accounts.rotateCredentials(one.accountId, by)).toMatchObject({
    credentialVersion: 5,
    store: 'waiting',
    waitsFor: 'held',
  });
  expect(await onCluster()).toBe(before);
  await alta.accounts.command(one.accountId, { action: 'release', ...by });
  await sameOnCluster(world, one.accountId);
}, 120_000);

test('P-073 P-313: revoked by slug on the command line, off the cluster when the answer comes; then the seller has to agree again', async () => {
  const args = ['--reason', 'fraud case 12', '--actor', 'ana'];
  const revoked = await runAlta(world.env, 'accounts', 'revoke-credentials', one.order.slug, ...args);
  expect(revoked).toMatchObject({ code: 0, err: '' });
  expect(revoked.out).toMatch(/revoked, version 6[\s\S]*shows it/);
  expect(await onCluster()).toBeNull();
  const again = await runAlta(world.env, 'accounts', 'rotate-credentials', one.order.slug, ...args, '--json');
  expect({ code: again.code, ...(JSON.parse(again.err) as object) }).toMatchObject({ code: 'RESOLVE_REFUSED' });
  await expect(alta.accounts.command(one.accountId, { action: 'publish', ...by })).rejects.toMatchObject({ code: 'MP_NOT_CONFIGURED' });
  const draft = await world.checkout();
  await expect(alta.accounts.revokeCredentials(draft.accountId, by)).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
}, 120_000);
