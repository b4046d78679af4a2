import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { drainedOutbox } from '../support/payments.ts';
import { watchRefunds } from '../support/refunds.ts';
import { startWorld, type World } from '../support/world.ts';

/** Alta's own processes, killed with SIGKILL around the call that gives money back: it goes back once all the same. */
let world: World;
let alta: AltaClient;
let refunds: ReturnType<typeof watchRefunds>;
const running = new Set<AltaProcess>();

beforeAll(async () => {
  world = await startWorld({
    run: { worker: false, relay: false },
    policy: { refundOnFailure: 'always' },
    env: {
      RELAY_LEASE_SECONDS: '1',
      ALTA_WORKER_QUEUES: 'provisioning',
      ALTA_REFUND_POLICY: JSON.stringify({ retryInitialMs: 50, retryMaxMs: 200, callTimeoutMs: 4_000, followInitialMs: 100 }),
    },
  });
  alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
  refunds = watchRefunds(world, alta);
}, 120_000);
afterAll(async () => {
  await Promise.all([...running].map((process) => process.stop('SIGKILL')));
  await world.close();
});

function start(kind: 'worker' | 'relay', killAt?: string): AltaProcess {
  const process = startAlta(kind, world.env, killAt);
  running.add(process);
  void process.ended.then(() => running.delete(process));
  return process;
}

/** An order that is paid with too little: its run is rejected, and the money is to go back. */
async function wrongPayment(): Promise<string> {
  const order = await world.checkout();
  return (await world.pay(order, { amount: '7' })).paymentId;
}

/** The money went back once, under one key, by one intent, and the record of the payment says so. */
async function backOnce(paymentId: string): Promise<void> {
  const { refundId } = await refunds.inState(paymentId, 'approved');
  expect(await refunds.handle(paymentId).result()).toMatchObject({ state: 'approved' });
  expect(await refunds.ledger(paymentId)).toEqual(['refund.approved']);
  expect(new Set(await refunds.calls(paymentId))).toEqual(new Set([refundId]));
  expect(await alta.refunds.show(paymentId)).toHaveLength(1);
  expect(await world.sql('select status from payments where payment_id = $1', [paymentId])).toEqual([{ status: 'refunded' }]);
}

/** Where the worker dies, and what had happened to the money by then. */
const KILLS: [boundary: string, between: string, ledger: string[]][] = [
  ['admin-db.end-job:after:1', 'the stored intent and the start of its run', []],
  ['mercadopago.refund-payment:before:1', 'the counted try and the call', []],
  ['mercadopago.refund-payment:after:1', 'the call and its recorded answer', ['refund.approved']],
  ['admin-db.end-refund-try:before:1', 'the call and its recorded answer', ['refund.approved']],
  ['admin-db.end-refund-try:after:1', 'the recorded answer and the end of the step', ['refund.approved']],
];

test.each(KILLS)(
  'P-161 G1: a worker that is killed at %s, between %s: another one goes on, and one refund goes back',
  async (killAt, _between, ledger) => {
    const relay = start('relay');
    const doomed = start('worker', killAt);
    await Promise.all([relay.ready, doomed.ready]);
    const paymentId = await wrongPayment();
    expect((await doomed.ended).signal).toBe('SIGKILL');
    expect(await refunds.ledger(paymentId)).toEqual(ledger);
    const next = start('worker');
    await backOnce(paymentId);
    expect((await next.stop()).code).toBe(0);
    expect((await relay.stop()).code).toBe(0);
  },
  240_000,
);

test.each(['temporal.start-refund:before:1', 'temporal.start-refund:after:1'])(
  'P-161 P-222: a relay that is killed at %s delivers the intent again, and one refund goes back',
  async (killAt) => {
    const worker = start('worker');
    const doomed = start('relay', killAt);
    await Promise.all([worker.ready, doomed.ready]);
    const paymentId = await wrongPayment();
    expect((await doomed.ended).signal).toBe('SIGKILL');
    const next = start('relay');
    await backOnce(paymentId);
    await drainedOutbox(world);
    await Promise.all([next.stop(), worker.stop()]);
  },
  240_000,
);
