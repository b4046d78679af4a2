import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { watchExit } from '../../local/exit.ts';
import { DATA_DIR } from '../../local/paths.ts';
import { messageOf, waitUntil } from '../../local/wait.ts';
import { median, p99 } from '../bench/statistics.ts';
import { openGround, type Ground } from '../chaos/ground.ts';
import { describeCommit, describeMachine } from '../support/run-facts.ts';
import { runLoad } from './load.ts';
import { judgeSeries, render, type SoakReport } from './report.ts';
import { startSampler, type Watched } from './sampler.ts';

const FOLDER = join(DATA_DIR, 'proof');
/** Share of the time that is cut off before the slopes are taken: caches and pools fill, code is compiled. */
const WARM_UP = 0.25;
const SAMPLES = 480;
/** How long what was paid last may take to become a store, ms. */
const CATCH_UP_MS = 300_000;
/** Checkouts a minute that one API process takes from one address, with room to spare. */
const PER_API = 240;

const note = (text: string): void => void process.stderr.write(`${text}\n`);

/** The processes that are watched; Alta's own, which are judged, come first. */
async function startProcesses({ stack }: Ground, apis: number): Promise<{ watched: Watched[]; urls: string[] }> {
  const names = ['worker', 'relay', ...Array.from({ length: apis }, (_, index) => `api-${String(index + 1)}`)];
  const started = await Promise.all(
    names.map((name) => stack.startService(name.startsWith('api') ? 'api' : (name as 'worker' | 'relay'), name, { API_PORT: '0' })),
  );
  const own = started.map(({ name, pid }) => ({ name, pid, applicationName: `alta-${name.split('-')[0] ?? ''}` }));
  const below = ['temporal', 'mercadopago', ...stack.clusters.map(({ clusterId }) => clusterId)];
  return {
    watched: [...own, ...below.map((name) => ({ name, pid: stack.child(name).pid }))],
    urls: started.flatMap(({ ready }) => (typeof ready['url'] === 'string' ? [ready['url']] : [])),
  };
}

const UNFINISHED = {
  name: 'soak.unfinished',
  text: `select (select count(*)::int from payments p where p.status = 'approved' and not exists (
             select from provisioning_jobs j where j.payment_id = p.payment_id and j.status = 'completed')) as jobs,
           (select count(*)::int from provisioning_jobs where status = 'completed') as completed`,
};

async function soak(minutes: number, perSecond: number, signal: AbortSignal): Promise<SoakReport> {
  const [machine, commit] = [describeMachine(), describeCommit()];
  const ground = await openGround({ env: { LOG_LEVEL: 'warn', RELAY_LEASE_SECONDS: '300' } });
  try {
    const { watched, urls } = await startProcesses(ground, Math.ceil((perSecond * 60) / PER_API));
    ground.apis = () => urls;
    note(`the stack runs: ${watched.map(({ name, pid }) => `${name} (${String(pid)})`).join(', ')}`);
    const forMs = minutes * 60_000;
    const sampler = startSampler(ground.db, watched, Math.max(500, forMs / SAMPLES));
    const load = await runLoad(ground, perSecond, forMs, signal);
    await sampler.stop();
    note(`${String(load.paid)} orders are paid`);
    const look = async (): Promise<{ jobs: number; completed: number }> =>
      (await ground.db.query<{ jobs: number; completed: number }>(UNFINISHED))[0] ?? { jobs: load.paid, completed: 0 };
    const done = async (): Promise<boolean> => (await look()).completed >= load.paid;
    await waitUntil('every store', done, { timeoutMs: CATCH_UP_MS, everyMs: 500 }).catch(() => undefined);
    const unfinished = load.paid - (await look()).completed;
    const times = await ground.db.query<{ took: number }>({
      name: 'soak.times',
      text: `select extract(epoch from completed_at - created_at)::float8 * 1000 as took from provisioning_jobs where completed_at is not null`,
    });
    const took = times.map((row) => row.took);
    const warmUpSeconds = (forMs / 1_000) * WARM_UP;
    const own = new Set([
      ...watched.flatMap(({ name, applicationName = [] }) => (applicationName.length > 0 ? [name, applicationName].flat() : [])),
      'outbox',
    ]);
    const slopes = judgeSeries(sampler.series, warmUpSeconds, (name) => own.has(name));
    const broken = [
      ...slopes
        .filter(({ grows }) => grows)
        .map(({ name, measure, perHour }) => `${name}: ${measure} grows by ${perHour.toFixed(1)} an hour`),
      ...(unfinished > 0 ? [`${String(unfinished)} paid orders have no store`] : []),
      ...(load.skipped > 0 ? [`${String(load.skipped)} orders were left out: the rate is more than this machine carries`] : []),
    ];
    return {
      at: new Date().toISOString(),
      machine,
      commit,
      minutes,
      perSecond,
      load,
      unfinished,
      onboardingMs: { p50: median(took), p99: p99(took) },
      failedLooks: sampler.failed(),
      warmUpSeconds,
      slopes,
      broken,
    };
  } finally {
    await ground.close();
  }
}

/**
 * `npm run soak -- [--hours n | --minutes n] [--rate 5]`: orders at a steady rate on a stack of its own, and the slopes of memory, file
 * descriptors, connections and outbox age of each process. Prints them and writes `.alta/proof/soak.txt` and `soak.json`. Exit code 1 when
 * something grows by the rule in `slopes.ts`, an order has no store, or the rate was not held.
 */
async function main(signal: AbortSignal): Promise<number> {
  const { values } = parseArgs({
    options: { hours: { type: 'string' }, minutes: { type: 'string' }, rate: { type: 'string', default: '5' } },
  });
  const minutes = values.minutes === undefined ? Number(values.hours ?? '4') * 60 : Number(values.minutes);
  const rate = Number(values.rate);
  if (![minutes, rate].every((value) => value > 0)) {
    note('--hours or --minutes, and --rate, are numbers above zero');
    return 2;
  }
  if (!existsSync('/proc/self/status')) {
    note('the soak needs Linux: it reads memory and file descriptors from /proc');
    return 2;
  }
  const report = await soak(minutes, rate, signal);
  const text = render(report);
  process.stdout.write(`${text}\n`);
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(join(FOLDER, 'soak.txt'), text);
  writeFileSync(join(FOLDER, 'soak.json'), `${JSON.stringify(report, null, 2)}\n`);
  return report.broken.length === 0 ? 0 : 1;
}

const watch = watchExit(() => note('ending at once'));
const code = await Promise.race([
  watch.wished,
  main(watch.signal).catch((error: unknown) => {
    note(messageOf(error));
    return 1;
  }),
]);
process.exit(code);
