import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAdminUser, readStore, recoveryLink, undoAdminUser, upsertClient } from '../../adapters/cluster/index.ts';
import { ownerUserIdOf } from '../../adapters/ids.ts';
import { setEffectHook } from '../../adapters/effect.ts';
import { AltaError } from '../../contract/errors.ts';
import { newClusterPlace, sampleStore, startTestCluster, type SampleStore, type TestCluster } from '../support/cluster-process.ts';
import { emptyDatabase, type FreshDatabase } from '../support/postgres.ts';

let database: FreshDatabase;
let running: TestCluster;

beforeAll(async () => {
  database = await emptyDatabase();
  running = await startTestCluster(await newClusterPlace(database.url));
});

afterAll(async () => {
  await running.close();
  await database.drop();
});

/** A store whose client row is written. */
async function begun(overrides = {}): Promise<SampleStore> {
  const store = sampleStore(overrides);
  await upsertClient(running.cluster, { ...store.context, row: store.row });
  return store;
}

const create = (store: SampleStore) => createAdminUser(running.cluster, { ...store.context, email: store.account.email });
const userOf = async (userId: string) => (await running.cluster.client.auth.admin.getUserById(userId)).data.user;

test('P-037 P-129 P-130: the owner is one auth user under a derived id with role admin, however often it is created', async () => {
  const store = await begun();
  const userId = ownerUserIdOf(store.account.id, store.account.email);
  const results = await Promise.all([create(store), create(store), create(store)]);
  results.push(await create(store));
  expect(results).toEqual(results.map(() => ({ userId, created: true })));
  expect((await readStore(running.cluster, store.account.id))?.users).toEqual([{ id: userId, role: 'admin', email: store.account.email }]);
  expect((await userOf(userId))?.app_metadata).toMatchObject({ tenant_id: store.account.id, onboarding_id: store.context.jobId });
});

test('P-033 P-037 P-135: the owner sets a password by the mailed link, signs in with the publishable key, and sees only the own store', async () => {
  const [store, neighbour] = [await begun(), await begun()];
  await create(neighbour);
  const { userId } = await create(store);
  const link = await recoveryLink(running.cluster, { email: store.account.email, redirectTo: 'http://127.0.0.1:9/set-password' });
  const answer = await fetch(link, { redirect: 'manual' });
  expect(answer.status).toBe(303);
  const landed = new URL(answer.headers.get('location') ?? '');
  expect(landed.href).toMatch(/^http:\/\/127\.0\.0\.1:9\/set-password#/);
  const tokens = new URLSearchParams(landed.hash.slice(1));
  const browser = running.visitor();
  await browser.auth.setSession({ access_token: tokens.get('access_token') ?? '', refresh_token: tokens.get('refresh_token') ?? '' });
  expect((await browser.auth.updateUser({ password: 'una-clave-larga' })).error).toBeNull();

  const again = running.visitor();
  const signedIn = await again.auth.signInWithPassword({ email: store.account.email, password: 'una-clave-larga' });
  expect(signedIn.error).toBeNull();
  expect(signedIn.data.user?.id).toBe(userId);
  expect((await again.from('users').select('id, client_id, role')).data).toEqual([
    { id: userId, client_id: store.context.clientId, role: 'admin' },
  ]);
  expect((await again.from('clients').select('id, publication_status')).data).toEqual([
    { id: store.context.clientId, publication_status: 'draft' },
  ]);
  expect((await again.from('clients').select('mp_access_token')).error?.code).toBe('42501');
  const wrong = await running.visitor().auth.signInWithPassword({ email: store.account.email, password: 'otra-clave-larga' });
  expect(wrong.error?.code).toBe('invalid_credentials');
});

test('P-129 P-155: an e-mail of another tenant is EMAIL_TAKEN, and the undo deletes nothing of theirs', async () => {
  const theirs = await begun();
  const { userId } = await create(theirs);
  const store = await begun({ email: theirs.account.email.toUpperCase() });
  await expect(create(store)).rejects.toMatchObject({ code: 'EMAIL_TAKEN', retryable: false });
  expect(await undoAdminUser(running.cluster, { ...store.context, email: store.account.email })).toEqual({ outcome: 'absent' });
  expect(await userOf(userId)).not.toBeNull();
  expect((await readStore(running.cluster, theirs.account.id))?.users).toHaveLength(1);
});

test('P-155: undo deletes the user and its row if this onboarding made them, may be repeated, and refuses a late create', async () => {
  const store = await begun();
  const { userId } = await create(store);
  const target = { ...store.context, email: store.account.email };
  expect(await undoAdminUser(running.cluster, target)).toEqual({ outcome: 'deleted' });
  expect(await undoAdminUser(running.cluster, target)).toEqual({ outcome: 'absent' });
  expect(await userOf(userId)).toBeNull();
  await expect(create(store)).rejects.toMatchObject({ code: 'CONFLICT' });
  expect(await userOf(userId)).toBeNull();
  expect((await readStore(running.cluster, store.account.id))?.users).toEqual([]);
});

test('P-151 P-155: a user of an earlier onboarding is used again, and stays when the later one is undone', async () => {
  const first = await begun();
  const { userId } = await create(first);
  const second = first.again(6);
  expect(await create(second)).toEqual({ userId, created: false });
  expect(await undoAdminUser(running.cluster, { ...second.context, email: first.account.email })).toEqual({ outcome: 'kept' });
  expect(await userOf(userId)).not.toBeNull();
  expect((await readStore(running.cluster, first.account.id))?.users).toHaveLength(1);
});

test('law 5: a user that an earlier onboarding made stays although its row is gone: an undo deletes only what carries its own stamp', async () => {
  const first = await begun();
  const { userId } = await create(first);
  expect((await running.cluster.client.from('users').delete().eq('id', userId)).error).toBeNull();
  const second = first.again(6);
  expect(await create(second)).toEqual({ userId, created: false });
  expect(await undoAdminUser(running.cluster, { ...second.context, email: first.account.email })).toEqual({ outcome: 'kept' });
  expect(await userOf(userId)).not.toBeNull();
});

test('P-155: an auth user that serves another store stays', async () => {
  const [store, other] = [await begun(), await begun()];
  const { userId } = await create(store);
  await running.cluster.client
    .from('users')
    .insert({ id: userId, client_id: other.context.clientId, email: store.account.email, role: 'staff' });
  expect(await undoAdminUser(running.cluster, { ...store.context, email: store.account.email })).toEqual({ outcome: 'kept' });
  expect(await userOf(userId)).not.toBeNull();
  expect((await readStore(running.cluster, other.account.id))?.users).toEqual([{ id: userId, role: 'staff', email: store.account.email }]);
});

test('P-117 P-129: a create that is reported as failed after it happened is found by the next try', async () => {
  const store = await begun();
  setEffectHook(async (name, act) => {
    const result = await act();
    if (name === 'cluster.create-auth-user') throw new AltaError('CLUSTER_UNREACHABLE', 'the answer was lost');
    return result;
  });
  try {
    await expect(create(store)).rejects.toMatchObject({ code: 'CLUSTER_UNREACHABLE' });
  } finally {
    setEffectHook(undefined);
  }
  expect(await create(store)).toEqual({ userId: ownerUserIdOf(store.account.id, store.account.email), created: true });
});

test('P-129: an address that is none is refused for good, and a link for nobody is NOT_FOUND', async () => {
  const store = await begun({ email: 'nobody' });
  await expect(create(store)).rejects.toMatchObject({ code: 'AUTH_USER_INVALID', retryable: false });
  await expect(recoveryLink(running.cluster, { email: 'nobody@example.com', redirectTo: 'http://127.0.0.1:9' })).rejects.toMatchObject({
    code: 'NOT_FOUND',
  });
});

test('P-037: the visitor key does not open the admin API', async () => {
  const { error } = await running.visitor().auth.admin.listUsers({ page: 1, perPage: 10 });
  expect(error?.status).toBe(401);
});
