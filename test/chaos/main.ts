import { randomInt } from 'node:crypto';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { watchExit } from '../../local/exit.ts';
import { DATA_DIR } from '../../local/paths.ts';
import { messageOf } from '../../local/wait.ts';
import { describeCommit, describeMachine } from '../support/run-facts.ts';
import { render, untouched } from './report.ts';
import { runChaos } from './run.ts';

const FOLDER = join(DATA_DIR, 'proof');
const LOGS = join(FOLDER, 'chaos-logs');
const TEN_MINUTES = 600_000;

const note = (text: string): void => void process.stderr.write(`${text}\n`);

/**
 * `npm run chaos -- [--orders 500] [--minutes 12] [--seed n]`: Alta's own processes on a stack of their own under kills, stops, restarts and
 * bad webhooks; then no more faults, and everything has to come right within ten minutes. Prints the figures and writes
 * `.alta/proof/chaos.txt` and `chaos.json`. Exit code 1 when a law is broken or a protection was not reached; the processes' logs are then kept.
 */
async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      orders: { type: 'string', default: '500' },
      minutes: { type: 'string', default: '12' },
      seed: { type: 'string', default: String(randomInt(1_000_000)) },
    },
  });
  const [orders, minutes, seed] = [values.orders, values.minutes, values.seed].map(Number) as [number, number, number];
  if (![orders, minutes].every((value) => value > 0) || !Number.isInteger(seed)) {
    note('--orders and --minutes are numbers above zero, --seed is a whole number');
    return 2;
  }
  const machine = describeMachine();
  const commit = describeCommit();
  const forMs = minutes * 60_000;
  const began = performance.now();
  note(`chaos: ${String(orders)} orders in ${String(minutes)} minutes, seed ${String(seed)}`);
  mkdirSync(FOLDER, { recursive: true });
  rmSync(LOGS, { recursive: true, force: true });
  const result = await runChaos({
    seed,
    size: { worker: 3, relay: 2, api: 2 },
    plan: {
      forMs,
      killEveryMs: [500, 2_000],
      stops: 0.15,
      stopMs: 5_000,
      postgresEveryMs: 30_000,
      temporalRestarts: 2,
      clusterKills: Math.max(1, Math.round(minutes / 3)),
    },
    traffic: { orders, overMs: forMs * 0.98, duplicated: 0.2, shuffled: 0.2, lost: 0.05 },
    changed: 0.2,
    doomed: 0.3,
    late: 0.04,
    convergeMs: TEN_MINUTES,
    histories: 20,
    note,
    onFailure: (ground) => ground.keepLogs(LOGS),
  });
  result.broken.push(...untouched(result));
  const report = { at: new Date().toISOString(), machine, commit, minutes, tookMs: performance.now() - began, ...result };
  const text = render(report);
  process.stdout.write(`${text}\n`);
  writeFileSync(join(FOLDER, 'chaos.txt'), text);
  writeFileSync(join(FOLDER, 'chaos.json'), `${JSON.stringify(report, null, 2)}\n`);
  return result.broken.length === 0 ? 0 : 1;
}

const watch = watchExit(() => note('ending at once'));
const code = await Promise.race([
  watch.wished,
  main().catch((error: unknown) => {
    note(messageOf(error));
    return 1;
  }),
]);
process.exit(code);
