import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { eventually } from '../support/eventually.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** Alta's own processes, killed with SIGKILL at chosen boundaries; at random ones and at any moment: `test/chaos/chaos.test.ts`. */
let world: World;
const running = new Set<AltaProcess>();

beforeAll(async () => {
  world = await startWorld({
    run: { worker: false, relay: false },
    policy: { retryAttempts: 15, stepTimeoutMs: 4_000 },
    env: { RELAY_LEASE_SECONDS: '1', RELAY_POLL_MAX_MS: '50', ALTA_WORKER_QUEUES: 'provisioning' },
  });
}, 120_000);
afterAll(async () => {
  await Promise.all([...running].map((alta) => alta.stop('SIGKILL')));
  await world.close();
});

function start(kind: 'worker' | 'relay', killAt?: string): AltaProcess {
  const alta = startAlta(kind, world.env, killAt);
  running.add(alta);
  void alta.ended.then(() => running.delete(alta));
  return alta;
}

/** Nobody is asked after a kill: the run ends by itself. */
async function wholeStore(order: PlacedOrder): Promise<void> {
  await world.job(order.accountId, 'completed');
  await expectOneStore(world, order);
}

const MID_SAGA = [
  'cluster.upsert-client:after:1',
  'cluster.create-auth-user:after:1',
  'cluster.seed-content:before:1',
  'admin-db.activate-account:after:1',
];

test.each(MID_SAGA)(
  'P-117 G1: a worker that is killed at %s leaves a run that another worker finishes: one store',
  async (killAt) => {
    const relay = start('relay');
    const doomed = start('worker', killAt);
    await Promise.all([relay.ready, doomed.ready]);
    const order = await world.checkout();
    await world.pay(order);
    expect((await doomed.ended).signal).toBe('SIGKILL');
    const next = start('worker');
    await wholeStore(order);
    expect((await next.stop()).code).toBe(0);
    expect((await relay.stop()).code).toBe(0);
  },
  120_000,
);

test.each(['temporal.start-onboarding:after:1', 'relay.deliver:after:1', 'relay.mark:before:1'])(
  'P-222: a relay that is killed between publish and mark (%s) delivers again, and one run comes of it',
  async (killAt) => {
    const worker = start('worker');
    const doomed = start('relay', killAt);
    await Promise.all([worker.ready, doomed.ready]);
    const order = await world.checkout();
    await world.pay(order);
    expect((await doomed.ended).signal).toBe('SIGKILL');
    const next = start('relay');
    await wholeStore(order);
    await eventually(
      async () => (await world.sql(`select 1 from webhook_inbox where status = 'received'`)).length === 0,
      'a settled inbox',
    );
    await Promise.all([next.stop(), worker.stop()]);
  },
  120_000,
);

test('P-221: two relays at once: every order becomes one store', async () => {
  const processes = [start('relay'), start('relay'), start('worker')];
  await Promise.all(processes.map(({ ready }) => ready));
  const orders = await Promise.all(Array.from({ length: 10 }, () => world.checkout()));
  await Promise.all(orders.map((order) => world.pay(order)));
  for (const order of orders) await wholeStore(order);
  await Promise.all(processes.map((alta) => alta.stop()));
}, 120_000);
