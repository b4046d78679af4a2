import { DefaultLogger, makeTelemetryFilterString, Runtime } from '@temporalio/worker';
import { circumstances, saveFigures } from '../proof/figures.ts';
import { burstOfAccounts } from './accounts.ts';
import { burstAtDeadCluster } from './dead-cluster.ts';
import { burstOfOutbox } from './outbox.ts';
import { burstOfSignals } from './signals.ts';

const BURSTS = {
  signals: burstOfSignals,
  'dead-cluster': burstAtDeadCluster,
  outbox: burstOfOutbox,
  accounts: burstOfAccounts,
} as const;
type Name = keyof typeof BURSTS;
const NAMES = Object.keys(BURSTS) as Name[];

const note = (text: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

/**
 * `npm run bursts`: every burst on a stack of its own, one after another, or those that are named. Writes `.alta/proof/burst-<name>.json`;
 * exit 1 when one broke a law or did not come to rest.
 */
async function main(): Promise<void> {
  const asked = process.argv.slice(2);
  const unknown = asked.filter((name) => !NAMES.includes(name as Name));
  if (unknown.length > 0) throw new Error(`no burst is called ${unknown.join(', ')}; there are ${NAMES.join(', ')}`);
  const filter = makeTelemetryFilterString({ core: 'ERROR', other: 'ERROR' });
  Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter, forward: {} } } });
  for (const name of NAMES) {
    if (asked.length > 0 && !asked.includes(name)) continue;
    note(`burst: ${name}`);
    const where = circumstances();
    try {
      const figures = await BURSTS[name](note);
      process.stdout.write(`${name}: ${JSON.stringify(figures)}\n`);
      saveFigures(`burst-${name}`, { ...where, ...figures });
      if (('violations' in figures && figures.violations > 0) || ('twice' in figures && figures.twice > 0)) process.exitCode = 1;
    } catch (error) {
      process.exitCode = 1;
      note(`${name} failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
      saveFigures(`burst-${name}`, { ...where, failed: error instanceof Error ? error.message : String(error) });
    }
  }
  await Runtime.instance().shutdown();
}

await main();
