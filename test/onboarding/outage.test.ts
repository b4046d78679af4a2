import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** Clusters that go down and come back, or are not there at all. */
let world: World;
let faults: Faults;
beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
}, 120_000);
afterEach(async () => {
  faults.clear();
  await Promise.all(world.lines.map((line) => line.up()));
});
afterAll(async () => {
  faults.remove();
  await world.close();
});

const allDown = () => Promise.all(world.lines.map((line) => line.down()));
const allUp = () => Promise.all(world.lines.map((line) => line.up()));
const retry = (order: PlacedOrder) => world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'the cluster is back' });

const AT = [
  'cluster.upsert-client',
  'cluster.create-auth-user',
  'cluster.put-admin-user',
  'cluster.set-mp-credentials',
  'cluster.seed-content',
  'cluster.upload-object',
  'cluster.put-assets',
  'cluster.set-entitlements',
  'cluster.publish-client',
  'cluster.recovery-link',
];

test.each(AT)(
  'P-162 P-752 law 7: the cluster goes down at %s: the run parks, undoes nothing, and completes when it is back',
  async (boundary) => {
    const order = await world.checkout();
    faults.before(boundary, async () => {
      await allDown();
    });
    await world.pay(order);
    await world.job(order.accountId, 'parked');
    const { parked, compensated, state } = await world.progress(order.accountId);
    expect(state).toBe('NeedsAttention');
    expect(parked.every(({ code }) => code === 'CLUSTER_UNREACHABLE')).toBe(true);
    expect(compensated).toEqual([]);
    await allUp();
    // Steps of one wave may park one after the other; each is retried until the run has ended.
    await eventually(async () => {
      const { state: now } = await world.progress(order.accountId);
      if (now === 'NeedsAttention')
        await retry(order).catch((error: { cause?: { type?: string } }) => {
          if (error.cause?.type !== 'RESOLVE_REFUSED') throw error;
        });
      return now === 'Completed';
    }, 'the end of the run');
    await world.job(order.accountId, 'completed');
    const stores = await world.stores(order.accountId);
    expect(stores).toHaveLength(1);
    expect(stores[0]!.users).toHaveLength(1);
  },
);

test('P-119 P-162: a short outage is bridged by retries, and nobody is asked', async () => {
  const order = await world.checkout();
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE', times: 2 });
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  const [step] = await world.sql<{ attempt: number }>(
    `select s.attempt from provisioning_job_steps s join provisioning_jobs j on j.id = s.job_id where j.account_id = $1 and s.step = 'seed-content'`,
    [order.accountId],
  );
  expect(step!.attempt).toBe(3);
});

test('P-085 P-162 P-505 P-735 P-738: no healthy cluster: the run waits where everybody sees it, undoes nothing, and goes on by itself', async () => {
  await world.sql(`update backend_clusters set status = case cluster_id when 'north' then 'error' else 'maintenance' end`);
  const order = await world.checkout();
  await world.pay(order);
  const job = await world.job(order.accountId, 'waiting');
  expect(job.error_code).toBe('NO_ELIGIBLE_CLUSTER');
  const progress = await world.progress(order.accountId);
  expect(progress).toMatchObject({ state: 'WaitingForCluster', compensated: [], clusterId: null });
  const [stored] = await world.sql<{ placement: { candidates?: unknown[] } | unknown[] }>(
    'select placement from provisioning_jobs where account_id = $1',
    [order.accountId],
  );
  // It stays so through every further search.
  const searches = `select s.attempt, j.status from provisioning_jobs j join provisioning_job_steps s on s.job_id = j.id and s.step = 'reserve-placement'
    where j.account_id = $1`;
  const seen = await eventually(async () => {
    const [row] = await world.sql<{ attempt: number; status: string }>(searches, [order.accountId]);
    return row !== undefined && row.attempt >= 3 ? row : undefined;
  }, 'a third search');
  expect(seen.status).toBe('waiting');
  expect(JSON.stringify(stored!.placement)).toContain('status:error');
  expect(JSON.stringify(stored!.placement)).toContain('status:maintenance');
  await expect(world.resolve(order.accountId, { action: 'skip', actor: 'ana', reason: 'no' })).rejects.toMatchObject({
    cause: { type: 'RESOLVE_REFUSED' },
  });
  await world.sql(`update backend_clusters set status = 'ready'`);
  await world.job(order.accountId, 'completed');
});

test('P-162: an operator wakes a waiting run at once, or gives it up', async () => {
  await world.sql(`update backend_clusters set is_active = false`);
  const order = await world.checkout();
  await world.pay(order);
  await world.job(order.accountId, 'waiting');
  await world.resolve(order.accountId, { action: 'compensate', actor: 'ana', reason: 'the customer gave up' });
  const job = await world.job(order.accountId, 'compensated');
  expect(job.error_code).toBe('COMPENSATED_BY_OPERATOR');
  await world.sql(`update backend_clusters set is_active = true`);
  expect(await world.stores(order.accountId)).toEqual([]);
});

test('law 7: an e-mail that another tenant of the cluster owns parks the run and deletes nothing; resolve by compensate', async () => {
  const order = await world.checkout();
  for (const id of world.clusterIds) {
    const { client } = await world.clusters.get(id);
    const made = await client.auth.admin.createUser({
      email: order.checkout.email,
      email_confirm: true,
      app_metadata: { tenant_id: 'somebody-else' },
    });
    expect(made.error?.code ?? 'email_exists').toBe('email_exists');
  }
  await world.pay(order);
  const job = await world.job(order.accountId, 'parked');
  expect(job.error_code).toBe('EMAIL_TAKEN');
  expect(await world.stores(order.accountId)).toHaveLength(1);
  await expect(world.resolve(order.accountId, { action: 'skip', actor: 'ana', reason: 'no' })).rejects.toMatchObject({
    cause: { type: 'RESOLVE_REFUSED' },
  });
  await world.resolve(order.accountId, { action: 'compensate', actor: 'ana', reason: 'the customer takes another address' });
  await world.job(order.accountId, 'compensated');
  expect(await world.stores(order.accountId)).toEqual([]);
  const { client } = await world.clusters.get('north');
  const { data } = await client.auth.admin.listUsers({ page: 1, perPage: 1_000 });
  expect(data.users.map(({ email }) => email)).toContain(order.checkout.email);
  const actions = await world.sql<{ action: string; actor: string; reason: string }>(
    'select action, actor, reason from operator_actions where job_id = $1',
    [job.id],
  );
  expect(actions).toContainEqual({ action: 'compensate', actor: 'ana', reason: 'the customer takes another address' });
});

test('a parked step that may be skipped is skipped, and the store goes live without it', async () => {
  const order = await world.checkout();
  faults.at('mailer.send', { mode: 'fail-before', code: 'MAIL_REJECTED' });
  await world.pay(order);
  const job = await world.job(order.accountId, 'parked');
  expect(job.error_code).toBe('MAIL_REJECTED');
  await expect(world.resolve(order.accountId, { action: 'compensate', actor: 'ana', reason: 'no' })).rejects.toMatchObject({
    cause: { type: 'RESOLVE_REFUSED' },
  });
  await world.resolve(order.accountId, { action: 'skip', actor: 'ana', reason: 'told by telephone' });
  await world.job(order.accountId, 'completed');
  await expect(world.handle(order.accountId).result()).resolves.toMatchObject({ outcome: 'provisioned', skipped: ['notify'] });
});

test('P-120: needs attention is a filter in the Web UI', async () => {
  const order = await world.checkout();
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  await world.pay(order);
  await world.job(order.accountId, 'parked');
  await eventually(async () => {
    for await (const run of world.temporal.workflow.list({ query: `AltaState = "NeedsAttention" and AltaStep = "seed-content"` })) {
      if (run.workflowId === `onboarding/${order.accountId}`) return true;
    }
    return false;
  }, 'the run under NeedsAttention');
  await expect(world.resolve(order.accountId, { action: 'retry', actor: '', reason: 'x' })).rejects.toMatchObject({
    cause: { type: 'INPUT_INVALID' },
  });
  await expect(world.resolve(order.accountId, { action: 'retry', step: 'notify', actor: 'ana', reason: 'x' })).rejects.toMatchObject({
    cause: { type: 'RESOLVE_REFUSED' },
  });
  faults.clear();
  await retry(order);
  await world.job(order.accountId, 'completed');
  await expect(retry(order)).rejects.toBeDefined();
});

test('ON_EXHAUSTED=compensate undoes a run whose retries are used up', async () => {
  const other = await startWorld({ policy: { onExhausted: 'compensate' } });
  try {
    const order = await other.checkout();
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    await other.pay(order);
    const job = await other.job(order.accountId, 'compensated');
    expect(job.error_code).toBe('CLUSTER_UNREACHABLE');
    expect(await other.stores(order.accountId)).toEqual([]);
  } finally {
    await other.close();
  }
});
