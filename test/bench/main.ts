import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { DATA_DIR } from '../../local/paths.ts';
import { describeCommit, describeMachine } from '../support/run-facts.ts';
import { dissect } from './anatomy.ts';
import { MODES, openGround, type Ground } from './ground.ts';
import { measureLife, renderLife } from './life.ts';
import { openOrders } from './orders.ts';
import { render, renderAcks, type AckReport, type Load, type Report, type Result } from './report.ts';
import { timelineOf } from './timeline.ts';
import { altaVariant, noopVariant, plainVariant, type Variant } from './variants.ts';
import { measureAckLoad, measureWebhookAck } from './webhook-ack.ts';

/** The server ages, so that every variant has its turn in every round, the second time in the opposite order. */
const ROUNDS = 2;
const SERIAL = 20;
const WARM_UP = 6;
const WEBHOOKS = 200;
const ACK_LOAD = { perSecond: 100, seconds: 10 };

const note = (text: string): void => void process.stderr.write(`${text}\n`);

async function measure(variants: readonly Variant[], load: Load): Promise<Result[]> {
  const results = variants.map(({ name }): Result => ({ variant: name, load, batches: [] }));
  const count = load === 1 ? SERIAL / ROUNDS : load;
  for (let round = 0; round < ROUNDS; round += 1) {
    const order = round % 2 === 0 ? [...variants.keys()] : [...variants.keys()].reverse();
    for (const index of order) {
      const [variant, result] = [variants[index], results[index]];
      if (variant === undefined || result === undefined) continue;
      note(`round ${round + 1} of ${ROUNDS}, ${load === 1 ? `${count} one after another` : `${count} at once`}: ${variant.name}`);
      result.batches.push(await variant.run(count, load !== 1));
    }
  }
  return results;
}

async function bench(ground: Ground, machine: string): Promise<Report> {
  const seen: string[] = [];
  const variants = [
    ...MODES.map((mode) => altaVariant(ground, mode, seen)),
    plainVariant(ground),
    ...MODES.map((mode) => noopVariant(ground, mode)),
  ];
  note('warming up');
  for (const variant of variants) await variant.run(WARM_UP, true);
  for (const variant of variants) await variant.run(2, false);

  const fastSeen: string[] = [];
  variants[0] = altaVariant(ground, 'fast', fastSeen);
  const results: Result[] = [];
  for (const load of [1, 20, 50] as const) results.push(...(await measure(variants, load)));

  note(`${WEBHOOKS} webhooks`);
  const paymentId = await paidOrder(ground);
  await measureWebhookAck(ground, paymentId, 20);
  const webhookAckMs = await measureWebhookAck(ground, paymentId, WEBHOOKS);
  await ground.quiet();

  note('counting round trips');
  const timeline = await timelineOf(ground, fastSeen);
  const anatomy = [await dissect(ground, 'fast'), await dissect(ground, 'regular')];
  const acks = await measureAcks(ground, paymentId);
  return {
    machine,
    commit: describeCommit(),
    at: new Date().toISOString(),
    results,
    webhookAckMs,
    acks,
    timeline,
    anatomy,
  };
}

/** The payment of an order that has become a store: further notifications of it are read back and change nothing. */
async function paidOrder(ground: Ground): Promise<string> {
  ground.useRelay('fast');
  const [order] = await openOrders(ground.deps, 1);
  if (order === undefined) throw new Error('no order');
  const { paymentId } = await ground.mercadoPago.pay(order.preferenceId);
  await ground.quiet();
  return paymentId;
}

/** Webhook answers under load, with Temporal up and then without it. The last thing to do with a ground: Temporal stays down. */
async function measureAcks(ground: Ground, paymentId: string): Promise<AckReport> {
  const { perSecond, seconds } = ACK_LOAD;
  note(`webhooks at ${perSecond}/s for ${seconds} s, Temporal up, then down`);
  await measureAckLoad(ground, paymentId, { perSecond, seconds: 2 });
  const up = await measureAckLoad(ground, paymentId, ACK_LOAD);
  await ground.quiet();
  await ground.stack.child('temporal').stop();
  const down = await measureAckLoad(ground, paymentId, ACK_LOAD);
  return { perSecond, up, down };
}

/** `npm run bench`: brings up a stack of its own, measures, prints, writes `.alta/bench.json`, and leaves nothing running. `-- webhooks` measures the webhook answers only, `-- life` how a change reaches its cluster. */
async function main(): Promise<void> {
  const machine = describeMachine();
  const began = performance.now();
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter, forward: {} } } });
  note('bringing up a stack of its own');
  const ground = await openGround(note);
  try {
    if (process.argv[2] === 'webhooks') {
      process.stdout.write(`${machine}\n${renderAcks(await measureAcks(ground, await paidOrder(ground)))}\n`);
      return;
    }
    if (process.argv[2] === 'life') {
      process.stdout.write(`${machine}\n${renderLife(await measureLife(ground, note))}\n`);
      return;
    }
    const report = await bench(ground, machine);
    process.stdout.write(`${render(report)}\n`);
    mkdirSync(DATA_DIR, { recursive: true });
    const file = join(DATA_DIR, 'bench.json');
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
    note(`written to ${file}; the bench took ${Math.round((performance.now() - began) / 1_000)} s`);
  } finally {
    await ground.close();
    // Its threads would keep the process alive when the server that they know is gone.
    await Runtime.instance().shutdown();
  }
}

await main();
