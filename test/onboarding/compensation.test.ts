import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import type { ErrorCode } from '../../contract/errors.ts';
import type { StepName } from '../../contract/steps.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { liveOrder } from '../support/live-order.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** A permanent error at each step before the pivot: everything undone, in order, and a neighbour untouched. */
let world: World;
let faults: Faults;
let neighbour: PlacedOrder;
let before: unknown;

beforeAll(async () => {
  world = await startWorld();
  neighbour = await liveOrder(world);
  before = await everythingOf(neighbour);
  faults = installFaults();
}, 120_000);
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await world.close();
});

async function everythingOf(order: PlacedOrder): Promise<unknown> {
  const store = await world.store(order.accountId);
  const { version: _, ...account } = await world.account(order.accountId);
  return {
    store: { ...store!, client: { ...store!.client, updated_at: null, sync_version: null } },
    account: { ...account, updated_at: null },
  };
}

const CASES: [StepName, string, 'fail-before' | 'fail-after', ErrorCode][] = [
  ['claim-slug', 'admin-db.claim-slug', 'fail-after', 'SLUG_TAKEN'],
  ['reserve-placement', 'admin-db.take-slot', 'fail-after', 'INPUT_INVALID'],
  ['upsert-client', 'cluster.upsert-client', 'fail-before', 'CLIENT_SLUG_TAKEN'],
  ['upsert-client', 'cluster.upsert-client', 'fail-after', 'CLUSTER_REJECTED'],
  ['create-admin-user', 'cluster.create-auth-user', 'fail-after', 'AUTH_USER_INVALID'],
  ['create-admin-user', 'cluster.put-admin-user', 'fail-after', 'CLUSTER_REJECTED'],
  ['sync-mp-credentials', 'cluster.set-mp-credentials', 'fail-after', 'CLUSTER_REJECTED'],
  ['seed-content', 'cluster.seed-content', 'fail-after', 'CLUSTER_REJECTED'],
  ['migrate-assets', 'cluster.upload-object', 'fail-after', 'CLUSTER_REJECTED'],
  ['migrate-assets', 'cluster.put-assets', 'fail-after', 'CLUSTER_REJECTED'],
  ['sync-entitlements', 'cluster.set-entitlements', 'fail-after', 'CLUSTER_REJECTED'],
  ['activate', 'admin-db.activate-account', 'fail-before', 'ACCOUNT_STATE_INVALID'],
];

test.each(CASES)(
  'P-752 P-067 P-084 P-150 to P-159: %s (%s, %s) with %s is undone to nothing, a neighbour stays',
  async (step, boundary, mode, code) => {
    const order = await world.checkout();
    faults.at(boundary, { mode, code });
    await world.pay(order);
    const job = await world.job(order.accountId, 'compensated');
    expect(job.error_code).toBe(code);
    faults.clear();

    await expect(world.handle(order.accountId).result()).rejects.toMatchObject({ cause: { type: code } });
    expect(await world.stores(order.accountId)).toEqual([]);
    expect(await leftovers(order)).toEqual({ users: 0, objects: 0, placements: 0 });
    expect(await world.account(order.accountId)).toMatchObject({ status: 'provision_failed', backend_cluster_id: null });
    const [slug] = await world.sql<{ account_id: string; status: string }>('select * from slug_reservations where slug = $1', [order.slug]);
    expect(slug).toMatchObject({ account_id: order.accountId, status: 'reserved' });
    const [payment] = await world.sql<{ account_id: string }>('select account_id from payments where account_id = $1', [order.accountId]);
    expect(payment).toBeDefined();

    const rows = await world.sql<{ step: StepName; status: string; undo_finished_at: string }>(
      'select s.* from provisioning_job_steps s where s.job_id = $1',
      [job.id],
    );
    const reversible = rows.filter(({ step: name }) => !['verify-payment', 'activate'].includes(name));
    expect(reversible.map(({ status }) => status)).toEqual(reversible.map(() => 'compensated'));
    const undone = [...reversible]
      .sort((a, b) => Date.parse(a.undo_finished_at) - Date.parse(b.undo_finished_at))
      .map(({ step: name }) => name);
    expect(waveOrder(undone)).toBe(true);
    expect(rows.map(({ step: name }) => name)).toContain(step);
    expect(await everythingOf(neighbour)).toEqual(before);
  },
  60_000,
);

test('P-121 P-158: after a finished compensation an operator starts it again, clean, and it completes', async () => {
  const order = await world.checkout();
  faults.at('cluster.seed-content', { mode: 'fail-after', code: 'CLUSTER_REJECTED' });
  const { paymentId } = await world.pay(order);
  await world.job(order.accountId, 'compensated');
  faults.clear();
  // The job row ends a moment before the workflow does, and an open run is not started again.
  await expect(world.handle(order.accountId).result()).rejects.toBeDefined();
  // A late copy of the webhook does not restart what an operator has to look at.
  await world.simulator.control.deliver({ paymentId });
  const { retryOnboarding } = await import('../../client/operations/retry-onboarding.ts');
  await retryOnboarding({ db: world.db, temporal: world.temporal, config: world.config }, order.accountId, {
    actor: 'test',
    reason: 'the cause is mended',
  });
  await world.job(order.accountId, 'completed');
  expect(await world.stores(order.accountId)).toHaveLength(1);
  const jobs = await world.sql<{ status: string; attempt: number }>(
    'select status, attempt from provisioning_jobs where account_id = $1 order by attempt',
    [order.accountId],
  );
  expect(jobs).toEqual([
    { status: 'compensated', attempt: 1 },
    { status: 'completed', attempt: 2 },
  ]);
}, 60_000);

test('P-150: a cancelled run before the pivot is undone completely', async () => {
  const order = await world.checkout();
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
  await world.pay(order);
  await world.job(order.accountId, 'parked');
  await world.handle(order.accountId).cancel();
  const job = await world.job(order.accountId, 'compensated');
  expect(job.error_code).toBe('CANCELLED');
  expect(await world.stores(order.accountId)).toEqual([]);
}, 60_000);

test('P-160 law 6: an undo that keeps failing parks the run; retry finishes it', async () => {
  const order = await world.checkout();
  await world.sql('select 1');
  faults.at('cluster.set-entitlements', { mode: 'fail-after', code: 'CLUSTER_REJECTED' });
  faults.at('cluster.undo-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  await world.pay(order);
  await world.job(order.accountId, 'parked');
  const { parked, compensated } = await world.progress(order.accountId);
  expect(parked).toMatchObject([{ step: 'seed-content', undo: true, code: 'CLUSTER_UNAUTHORIZED' }]);
  expect(compensated).toEqual(expect.arrayContaining(['sync-entitlements', 'migrate-assets', 'sync-mp-credentials', 'create-admin-user']));
  expect(compensated).not.toContain('upsert-client');
  expect(await world.stores(order.accountId)).toHaveLength(1);
  await expect(world.resolve(order.accountId, { action: 'compensate', actor: 'ana', reason: 'again' })).rejects.toMatchObject({
    cause: { type: 'RESOLVE_REFUSED' },
  });
  faults.clear();
  await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'the key is right again' });
  await world.job(order.accountId, 'compensated');
  expect(await world.stores(order.accountId)).toEqual([]);
}, 60_000);

test('law 7: an activate that happened but was reported as failed for good is not undone: the run goes forward', async () => {
  const order = await world.checkout();
  faults.at('admin-db.activate-account', { mode: 'fail-after', code: 'ACCOUNT_STATE_INVALID' });
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  expect(await world.account(order.accountId)).toMatchObject({ status: 'provisioned' });
  expect((await world.store(order.accountId))!.client).toMatchObject({ publication_status: 'published', is_active: true });
  expect((await world.progress(order.accountId)).compensated).toEqual([]);
}, 60_000);

/** A later wave is undone before an earlier one. */
function waveOrder(steps: readonly StepName[]): boolean {
  const wave = (step: StepName): number => (step === 'claim-slug' || step === 'reserve-placement' ? 2 : step === 'upsert-client' ? 3 : 4);
  return steps.every((step, index) => index === 0 || wave(steps[index - 1]!) >= wave(step));
}

/** Auth users, storage objects and slots that an account left anywhere. */
async function leftovers(order: PlacedOrder): Promise<{ users: number; objects: number; placements: number }> {
  const { clientIdOf, ownerUserIdOf } = await import('../../adapters/ids.ts');
  let users = 0;
  let objects = 0;
  for (const id of world.clusterIds) {
    const { client } = await world.clusters.get(id);
    const { data } = await client.auth.admin.getUserById(ownerUserIdOf(order.accountId, order.checkout.email));
    if (data.user) users += 1;
    objects += (await client.storage.from('store-assets').list(clientIdOf(order.accountId))).data?.length ?? 0;
  }
  const placements = await world.sql(`select 1 from placements where account_id = $1 and status in ('reserved', 'confirmed')`, [
    order.accountId,
  ]);
  return { users, objects, placements: placements.length };
}
