import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { verify } from '../../client/operations/verify/index.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { expectOneStore } from '../support/one-store.ts';
import { drainedOutbox } from '../support/payments.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';
import { onboarding } from './flows/index.ts';
import { discoverAlone } from './matrix.ts';
import { options, writeReport, type Report } from './options.ts';
import { inSeededOrder } from '../support/random.ts';

/**
 * Crashes: Alta's own worker and relay, killed with SIGKILL before and after every boundary that an onboarding passes in them. Each process
 * has one order more to serve and is to die at the next place; whatever it leaves behind is the next one's. `npm test` has a choice of
 * these (`test/onboarding/killed.test.ts`, `test/money/refund-killed.test.ts`, `test/credentials/killed.test.ts`).
 */
type Kind = 'relay' | 'worker';
interface Place {
  kind: Kind;
  at: string;
}

/** What is passed before the run begins is the relay's; the rest is the worker's, and some is passed in both. */
const RELAY_ONLY =
  /^(?:relay\.|temporal\.(?:start-onboarding|signal-account)|admin-db\.(?:claim-outbox|show-job|refunds-of|blocking-refund|open-onboarding|mark-delivered|complete-outbox))/;
const BOTH = new Set(['mercadopago.get-payment', 'admin-db.find-order', 'admin-db.record-payment']);

let world: World;
let places: Place[] = [];
const running = new Set<AltaProcess>();

beforeAll(async () => {
  const points = (await discoverAlone([onboarding], { busy: 1, waiting: 1 })).get(onboarding) ?? [];
  places = [...points, 'admin-db.claim-outbox']
    .filter((point) => point !== 'admin-db.accept-notification')
    .flatMap((point) => {
      const kinds: Kind[] = BOTH.has(point) ? ['relay', 'worker'] : [RELAY_ONLY.test(point) ? 'relay' : 'worker'];
      return kinds.flatMap((kind) => ['before', 'after'].map((when) => ({ kind, at: `${point}:${when}:1` })));
    });
  world = await startWorld({
    run: { worker: false, relay: false },
    policy: { retryAttempts: 30, stepTimeoutMs: 4_000 },
    env: { RELAY_LEASE_SECONDS: '1', RELAY_POLL_MAX_MS: '50' },
  });
}, 600_000);
afterAll(async () => {
  await Promise.all([...running].map((alta) => alta.stop('SIGKILL')));
  await world.close();
});

function start(kind: Kind, killAt?: string): AltaProcess {
  const alta = startAlta(kind, world.env, killAt);
  running.add(alta);
  void alta.ended.then(() => running.delete(alta));
  return alta;
}

test('P-117 P-222 P-754 G1: a process that is killed before and after any boundary loses nothing and does nothing twice', async () => {
  const { minutes, seed, from } = options();
  const began = performance.now();
  const end = began + minutes * 60_000;
  const list = inSeededOrder(places, seed);
  const report: Report = { seed, from, run: 0, of: list.length, injected: 0, late: 0, violations: [], seconds: 0 };
  const orders: PlacedOrder[] = [];
  const other: Record<Kind, AltaProcess | undefined> = { relay: undefined, worker: undefined };
  for (const { kind, at } of list.slice(from)) {
    if (performance.now() > end) break;
    // The process that is not to die goes on; of the other kind only the doomed one runs, so the order has to pass through it.
    const stays: Kind = kind === 'worker' ? 'relay' : 'worker';
    await other[kind]?.stop('SIGKILL');
    other[kind] = undefined;
    other[stays] ??= start(stays);
    const doomed = start(kind, at);
    await Promise.all([doomed.ready, other[stays].ready]);
    const order = await world.checkout();
    orders.push(order);
    await world.pay(order);
    const { signal } = await doomed.ended;
    report.run += 1;
    if (signal === 'SIGKILL') report.injected += 1;
    else report.violations.push(`${kind} at ${at} ended with ${signal ?? 'a code'}, and was to be killed`);
  }
  other.relay ??= start('relay');
  other.worker ??= start('worker');
  for (const order of orders) {
    await world.job(order.accountId, 'completed');
    await expectOneStore(world, order).catch((error: unknown) => report.violations.push(String(error)));
  }
  await drainedOutbox(world);
  const mine = new Set<string | null>([null, ...orders.map(({ accountId }) => accountId)]);
  const { violations } = await verify(world.deps);
  report.violations.push(
    ...violations.filter(({ accountId }) => mine.has(accountId)).map(({ law, row, what }) => `${law} ${row}: ${what}`),
  );
  await Promise.all([other.relay.stop(), other.worker.stop()]);
  writeReport('crash', { ...report, seconds: Math.round((performance.now() - began) / 1_000) });
  expect(report.violations).toEqual([]);
  expect(report.injected).toBeGreaterThan(0);
}, 86_400_000);
