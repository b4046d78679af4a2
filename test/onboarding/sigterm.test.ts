import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { STEP_NAMES, type StepName } from '../../contract/steps.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type World } from '../support/world.ts';

/** A worker process that is asked to end while a step is at its outside call. */
let world: World;
const running = new Set<AltaProcess>();

beforeAll(async () => {
  world = await startWorld({ run: { worker: false }, policy: { retryAttempts: 15 }, env: { ALTA_WORKER_QUEUES: 'provisioning' } });
}, 120_000);
afterAll(async () => {
  await Promise.all([...running].map((alta) => alta.stop('SIGKILL')));
  await world.close();
});

function start(killAt?: string): AltaProcess {
  const alta = startAlta('worker', world.env, killAt);
  running.add(alta);
  void alta.ended.then(() => running.delete(alta));
  return alta;
}

/** The outside call by which each step does what it is there for. */
const BOUNDARIES: Record<StepName, string> = {
  'verify-payment': 'mercadopago.get-payment',
  'claim-slug': 'admin-db.claim-slug',
  'reserve-placement': 'admin-db.take-slot',
  'upsert-client': 'cluster.upsert-client',
  'create-admin-user': 'cluster.create-auth-user',
  'sync-mp-credentials': 'cluster.set-mp-credentials',
  'seed-content': 'cluster.seed-content',
  'migrate-assets': 'cluster.upload-object',
  'sync-entitlements': 'cluster.set-entitlements',
  activate: 'admin-db.activate-account',
  'publish-store': 'cluster.publish-client',
  'start-account': 'temporal.start-account',
  notify: 'mailer.send',
};

const cleanly = { code: 0, signal: null };

test.each(STEP_NAMES)(
  'P-614: SIGTERM during %s: the worker ends by itself, another goes on, one store',
  async (step) => {
    const asked = start(`${BOUNDARIES[step]}:before:1:SIGTERM`);
    await asked.ready;
    const order = await world.checkout();
    await world.pay(order);
    // Code 0: what was in flight has ended, nothing was cut off by force, and nobody had to kill it.
    expect(await asked.ended).toEqual(cleanly);
    const next = start();
    await expectOneStore(world, order);
    expect(await next.stop()).toEqual(cleanly);
  },
  120_000,
);
