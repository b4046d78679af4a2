import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { eventually } from '../support/eventually.ts';
import { expectOneStore } from '../support/one-store.ts';
import { seededRandom } from '../support/seeded.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** Alta's own processes, killed with SIGKILL at chosen and at random boundaries. */
let world: World;
const running = new Set<AltaProcess>();

beforeAll(async () => {
  world = await startWorld({
    run: { worker: false, relay: false },
    policy: { retryAttempts: 15, stepTimeoutMs: 4_000 },
    env: { RELAY_LEASE_SECONDS: '1', RELAY_POLL_MAX_MS: '50' },
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

const BOUNDARIES = [
  'mercadopago.get-payment',
  'admin-db.begin-step',
  'admin-db.end-step',
  'admin-db.accept-payment',
  'admin-db.claim-slug',
  'admin-db.take-slot',
  'cluster.upsert-client',
  'cluster.create-auth-user',
  'cluster.put-admin-user',
  'cluster.set-mp-credentials',
  'cluster.seed-content',
  'cluster.upload-object',
  'cluster.put-assets',
  'cluster.set-entitlements',
  'admin-db.activate-account',
  'cluster.publish-client',
  'temporal.start-account',
  'mailer.send',
  'admin-db.end-job',
];

test('P-754 I7: 50 runs under workers that are killed at random boundaries all end as one whole store', async () => {
  const relay = start('relay');
  await relay.ready;
  const orders = await Promise.all(Array.from({ length: 50 }, () => world.checkout()));
  await Promise.all(orders.map((order) => world.pay(order)));
  const seed = Date.now();
  const random = seededRandom(seed);
  const plans: string[] = [];
  let kills = 0;
  const unfinished = async (): Promise<number> =>
    (
      await world.sql<{ id: string }>(`select id from nv_accounts where id = any($1::uuid[]) and status <> 'provisioned'`, [
        orders.map(({ accountId }) => accountId),
      ])
    ).length;
  const fleet = { whole: false };
  const done = eventually(async () => (fleet.whole ||= (await unfinished()) === 0), 'every store', 400_000).then(() => 'done' as const);
  while (!fleet.whole && kills < 6) {
    const plan = `${BOUNDARIES[Math.floor(random() * BOUNDARIES.length)]!}:${random() < 0.5 ? 'before' : 'after'}:${1 + Math.floor(random() * 10)}`;
    plans.push(plan);
    const doomed = start('worker', plan);
    const end = await Promise.race([doomed.ended, done]);
    if (end === 'done') await doomed.stop('SIGKILL');
    else if (end.signal === 'SIGKILL') kills += 1;
  }
  const survivor = start('worker');
  try {
    await done;
    for (const order of orders) await wholeStore(order);
  } catch (error) {
    throw new Error(`seed ${seed}, plans ${plans.join(' ')}: ${String(error)}`, { cause: error });
  }
  // How many die before all is done is chance: a worker that is to die late may end much of the work.
  expect(kills).toBeGreaterThan(0);
  await Promise.all([survivor.stop(), relay.stop()]);
}, 480_000);
