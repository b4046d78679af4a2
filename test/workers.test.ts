import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { registerCluster } from '../adapters/admin-db/index.ts';
import { loadConfig } from '../adapters/config.ts';
import { accountWorkflowId, taskQueue } from '../contract/ids.ts';
import { startAlta } from './support/alta-process.ts';
import { eventually } from './support/eventually.ts';
import { expectOneStore } from './support/one-store.ts';
import { openTarpit, type Tarpit } from './support/tarpit.ts';
import { startWorld, type PlacedOrder, type World } from './support/world.ts';

/** Slots of the upkeep queue (worker/queues.ts). */
const UPKEEP_SLOTS = 5;

let world: World;
let tarpit: Tarpit;
beforeAll(async () => {
  // A call to the tarpit hangs far longer than an onboarding takes; a short grace ends those calls with the world.
  world = await startWorld({ run: { worker: false }, env: { CLUSTER_TIMEOUT_MS: '50000', ALTA_SHUTDOWN_GRACE_MS: '500' } });
  tarpit = await openTarpit();
  await registerCluster(world.db, world.vault, {
    clusterId: 'tarpit',
    displayName: 'Tarpit',
    url: tarpit.url,
    serviceKey: 'sb_secret_sample',
    publishableKey: 'sb_publishable_sample',
    isActive: false,
  });
}, 120_000);
afterAll(async () => {
  await tarpit.close();
  await world.close();
});

/** Work on a queue that hangs: the account's own workflow, whose apply calls the tarpit. */
async function hangingWork(queue: 'upkeep' | 'accounts'): Promise<string> {
  const { accountId } = await world.checkout({}, { connected: false });
  await world.sql(`update nv_accounts set backend_cluster_id = 'tarpit' where id = $1`, [accountId]);
  const workflowId = accountWorkflowId(accountId);
  await world.temporal.workflow.signalWithStart('account', {
    workflowId,
    taskQueue: taskQueue(queue, world.config.ALTA_QUEUE_PREFIX),
    args: [accountId],
    signal: 'account-event',
    signalArgs: [{ eventKey: `hang/${accountId}`, type: 'account.changed', version: 1, aspects: ['client'] }],
  });
  return workflowId;
}

async function paidOrder(): Promise<PlacedOrder> {
  const order = await world.checkout();
  await world.pay(order);
  return order;
}

test('P-754: upkeep that is saturated and hangs does not hold up a paid order', async () => {
  const worker = startAlta('worker', world.env);
  await worker.ready;
  const sweep = await Promise.all(Array.from({ length: UPKEEP_SLOTS + 3 }, () => hangingWork('upkeep')));
  await eventually(() => tarpit.held() === UPKEEP_SLOTS, 'every slot of upkeep to be taken');
  const order = await paidOrder();
  await world.job(order.accountId, 'completed');
  await expectOneStore(world, order);
  expect(tarpit.held()).toBe(UPKEEP_SLOTS);
  for (const workflowId of sweep) await world.temporal.workflow.getHandle(workflowId).terminate('the test is over');
  // What hangs is cancelled when the grace is over: the process ends by itself, and cuts its calls.
  expect(await worker.stop()).toEqual({ code: 0, signal: null });
  await eventually(() => tarpit.held() === 0, 'the calls to be cut');
}, 120_000);

test('P-614: a worker serves only the queues that it was given', async () => {
  const accounts = startAlta('worker', { ...world.env, ALTA_WORKER_QUEUES: 'accounts' });
  expect(await accounts.ready).toMatchObject({ queues: ['accounts'], buildId: null });
  const order = await paidOrder();
  const workflowId = await hangingWork('accounts');
  await eventually(() => tarpit.held() === 1, 'the account to be worked on');
  // The account's task came later and is served; the paid order waits for a worker of its own queue.
  await world.job(order.accountId, 'queued');
  await eventually(async () => (await world.handle(order.accountId).describe()).historyLength === 2, 'a run that nobody took up');
  const provisioning = startAlta('worker', { ...world.env, ALTA_WORKER_QUEUES: 'provisioning' });
  expect(await provisioning.ready).toMatchObject({ queues: ['provisioning'] });
  await world.job(order.accountId, 'completed');
  await expectOneStore(world, order);
  await world.temporal.workflow.getHandle(workflowId).terminate('the test is over');
  expect(await Promise.all([accounts.stop(), provisioning.stop()])).toEqual([
    { code: 0, signal: null },
    { code: 0, signal: null },
  ]);
}, 120_000);

describe('P-617: a worker that is set up wrongly refuses to start', () => {
  const MAIN = fileURLToPath(new URL('../worker/main.ts', import.meta.url));
  const start = (env: Record<string, string>): Promise<{ code: unknown; out: string }> =>
    new Promise((resolve) => {
      execFile(process.execPath, [MAIN], { env: { PATH: process.env['PATH'], ...world.env, ...env } }, (error, out) =>
        resolve({ code: error?.code ?? 0, out }),
      );
    });

  test.each([
    ['production mode without a bundle', { NODE_ENV: 'production' }, 'npm run build:bundle'],
    ['a bundle that is not there', { ALTA_WORKFLOW_BUNDLE: '/nowhere/bundle.js' }, '/nowhere/bundle.js'],
    [
      'a queue that does not exist',
      { ALTA_WORKFLOW_BUNDLE: 'x', ALTA_WORKER_QUEUES: 'accounts,payments' },
      'provisioning, accounts, upkeep',
    ],
    ['a build id with a space', { ALTA_WORKFLOW_BUNDLE: 'x', ALTA_BUILD_ID: 'a b' }, 'ALTA_BUILD_ID'],
  ])('%s', async (_what, env, said) => {
    const { code, out } = await start(env);
    expect(code).toBe(1);
    expect(out).toContain('CONFIG_INVALID');
    expect(out).toContain(said);
  });

  test('the queues default to all, each named once, in a fixed order', () => {
    expect(loadConfig(world.env).ALTA_WORKER_QUEUES).toEqual(['provisioning', 'accounts', 'upkeep']);
    expect(loadConfig({ ...world.env, ALTA_WORKER_QUEUES: 'upkeep, provisioning,upkeep' }).ALTA_WORKER_QUEUES).toEqual([
      'provisioning',
      'upkeep',
    ]);
  });
});
