import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { DATA_DIR, PROJECT_ROOT } from '../../local/paths.ts';
import { dissect } from './anatomy.ts';
import { MODES, openGround, type Ground } from './ground.ts';
import { openOrders } from './orders.ts';
import { render, type Load, type Report, type Result } from './report.ts';
import { timelineOf } from './timeline.ts';
import { altaVariant, noopVariant, plainVariant, type Variant } from './variants.ts';
import { measureWebhookAck } from './webhook-ack.ts';

/** The server ages, so that every variant has its turn in every round, the second time in the opposite order. */
const ROUNDS = 2;
const SERIAL = 20;
const WARM_UP = 6;
const WEBHOOKS = 200;

const note = (text: string): void => void process.stderr.write(`${text}\n`);

function git(...args: string[]): string {
  return spawnSync('git', args, { cwd: PROJECT_ROOT, encoding: 'utf8' }).stdout.trim();
}

function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown CPU';
  const load = loadavg()[0]?.toFixed(1) ?? '?';
  return `${availableParallelism()} cores (${model}), ${Math.round(totalmem() / 2 ** 30)} GiB, ${process.platform}, Node ${process.versions.node}; load before the start ${load}`;
}

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
  ground.useRelay('fast');
  const [order] = await openOrders(ground.deps, 1);
  if (order === undefined) throw new Error('no order');
  const { paymentId } = await ground.mercadoPago.pay(order.preferenceId);
  await ground.quiet();
  await measureWebhookAck(ground, paymentId, 20);
  const webhookAckMs = await measureWebhookAck(ground, paymentId, WEBHOOKS);
  await ground.quiet();

  note('counting round trips');
  const timeline = await timelineOf(ground, fastSeen);
  const anatomy = [await dissect(ground, 'fast'), await dissect(ground, 'regular')];
  const dirty = git('status', '--porcelain') === '' ? '' : ' with uncommitted changes';
  return {
    machine,
    commit: `${git('rev-parse', '--short', 'HEAD')}${dirty}`,
    at: new Date().toISOString(),
    results,
    webhookAckMs,
    timeline,
    anatomy,
  };
}

/** `npm run bench`: brings up a stack of its own, measures, prints, writes `.alta/bench.json`, and leaves nothing running. */
async function main(): Promise<void> {
  const machine = describeMachine();
  const began = performance.now();
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter, forward: {} } } });
  note('bringing up a stack of its own');
  const ground = await openGround(note);
  try {
    const report = await bench(ground, machine);
    process.stdout.write(`${render(report)}\n`);
    mkdirSync(DATA_DIR, { recursive: true });
    const file = join(DATA_DIR, 'bench.json');
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
    note(`written to ${file}; the bench took ${Math.round((performance.now() - began) / 1_000)} s`);
  } finally {
    await ground.close();
  }
}

await main();
