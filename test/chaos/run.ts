import { setTimeout as timer } from 'node:timers/promises';
import { verify } from '../../client/operations/verify/index.ts';
import { messageOf, waitUntil } from '../../local/wait.ts';
import { seededRandom } from '../support/random.ts';
import { gatherEvidence, type Evidence } from './evidence.ts';
import { startFleet, type Fleet, type FleetTally } from './fleet.ts';
import { openGround, type Ground } from './ground.ts';
import { startLife, type Life } from './life.ts';
import { makeDoom, makePlan, type FleetSize, type PlanOptions } from './plan.ts';
import { searchSecrets, type SecretSearch } from './secrets.ts';
import { strike, type StrikeTally } from './strike.ts';
import { startTraffic, type PaidOrder, type Traffic, type TrafficOptions } from './traffic.ts';
import { judge, type Verdict } from './verdict.ts';

export interface ChaosOptions {
  seed: number;
  size: FleetSize;
  plan: Omit<PlanOptions, 'clusters'>;
  traffic: TrafficOptions;
  /** Share of the accounts that operators change meanwhile. */
  changed: number;
  /** Share of the processes that end, or stop, at an effect boundary by themselves. */
  doomed: number;
  /** Share of the writes to clusters that come after their caller has given up. */
  late: number;
  /** How long everything may take to come right once the faults are over, ms. */
  convergeMs: number;
  /** Histories that are opened in the search for secrets. */
  histories: number;
  note: (text: string) => void;
  /** Called before the stack is gone when something is wrong: keeps the logs. */
  onFailure?: (ground: Ground) => void;
}

export interface ChaosResult {
  seed: number;
  orders: number;
  fleet: FleetTally;
  struck: StrikeTally;
  traffic: Traffic['tally'];
  life: Life['tally'] & { given: number };
  evidence: Evidence;
  /** Orders that were paid and not done when the last fault was over, and when each was, ms after it. */
  recoveryMs: number[];
  /** From the last fault until nothing was under way any more, ms; null when it did not come to that. */
  settledMs: number | null;
  verdict: Verdict;
  secrets: SecretSearch;
  /** Everything that makes the run a failure. */
  broken: string[];
}

/** One whole run: faults and traffic together, then no more faults, then everything must come right within a bound, then the verdict. */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { seed, note } = options;
  // One stream for each use, so that the moments of one do not depend on how often another asks.
  const [plans, dooms, lates, buyers] = [1, 2, 3, 4].map((stream) => seededRandom(seed * 8 + stream)) as [Random, Random, Random, Random];
  const died: string[] = [];
  const ground = await openGround({
    late: { hold: () => lates() < options.late, holdMs: 6_000 },
    // Alta's own are the fleet's to judge; nothing else dies without being told to.
    onDeath: (name, lastLines) => void (/^(worker|relay|api)-/.test(name) || died.push(`${name}: ${lastLines}`)),
  });
  let fleet: Fleet | undefined;
  try {
    const doom = (kind: Parameters<typeof makeDoom>[1]): string | undefined => makeDoom(dooms, kind, options.doomed);
    fleet = await startFleet({ stack: ground.stack, size: options.size, doom, stopMs: options.plan.stopMs });
    ground.apis = fleet.apis;
    note(`the stack runs; seed ${String(seed)}`);
    const result = await play(ground, fleet, makePlan(plans, { ...options.plan, clusters: ground.stack.clusters.length }), buyers, options);
    result.broken.push(...died.map((what) => `ended by itself: ${what}`));
    if (result.broken.length > 0) options.onFailure?.(ground);
    return result;
  } catch (error) {
    options.onFailure?.(ground);
    throw new Error(`seed ${String(seed)}: ${messageOf(error)}`, { cause: error });
  } finally {
    await fleet?.close();
    await ground.close();
  }
}

type Random = () => number;

async function play(
  ground: Ground,
  fleet: Fleet,
  plan: ReturnType<typeof makePlan>,
  buyers: Random,
  { seed, traffic: wanted, changed, convergeMs, histories, note }: ChaosOptions,
): Promise<ChaosResult> {
  const overdue = new AbortController();
  const traffic = startTraffic(ground, buyers, wanted, overdue.signal);
  const life = startLife(ground, wanted.orders, changed, traffic.paid, overdue.signal);
  const progress = setInterval(() => note(`${String(traffic.paid.length)} orders paid, ${String(fleet.tally.starts)} starts`), 30_000);
  try {
    const struck = await strike(ground, fleet, plan, { signal: overdue.signal, note });
    for (const line of ground.lines) line.calm();
    await fleet.calm();
    const calmAt = Date.now();
    note(`the faults are over; ${String(traffic.paid.length)} orders are paid`);
    const late: string[] = [];
    const left = (): number => Math.max(0, calmAt + convergeMs - Date.now());
    const withinBound = async (what: string, work: Promise<unknown>): Promise<void> => {
      const bound = timer(left(), undefined, { ref: false }).then(() => Promise.reject(new Error('the time is up')));
      await Promise.race([work, bound]).catch((error: unknown) => late.push(`${what}: ${messageOf(error)}`));
    };
    await withinBound('orders', traffic.done);
    await withinBound('changes of accounts', life.done);
    overdue.abort();
    await withinBound('onboardings and events', settled(ground, traffic.paid, left()));
    const settledMs = late.length === 0 ? Date.now() - calmAt : null;
    const recoveryMs = await recoveries(ground, calmAt);
    note('looking at what stands');
    const verdict = await judge(ground, life.given, traffic.paid);
    const some = traffic.paid.filter((_, index) => index % Math.ceil(traffic.paid.length / histories) === 0);
    const secrets = await searchSecrets(
      ground,
      some.map(({ accountId }) => accountId),
    );
    const evidence = await gatherEvidence(ground, {
      killedAfterTheAct: fleet.tally.killedAfterTheAct,
      checkoutsUnheard: traffic.tally.checkoutsUnheard,
    });
    const broken = [
      ...late.map((what) => `not right in time: ${what}`),
      ...wrongs(verdict),
      ...secrets.leaked.map((where) => `leaked: ${where}`),
      ...Object.entries(life.tally.refused).map(([code, times]) => `commands refused: ${code} (${String(times)})`),
      ...fleet.tally.died.map((name) => `ended by itself: ${name}`),
    ];
    const { paid, tally } = traffic;
    return {
      seed,
      orders: paid.length,
      fleet: fleet.tally,
      struck,
      traffic: tally,
      life: { ...life.tally, given: life.given.length },
      evidence,
      recoveryMs,
      settledMs,
      verdict,
      secrets,
      broken,
    };
  } finally {
    overdue.abort();
    clearInterval(progress);
  }
}

/** What a verdict says, a line each. */
const wrongs = ({ violations, ...lists }: Verdict): string[] => [
  ...Object.entries(lists).flatMap(([kind, list]) => list.map((what) => `${kind}: ${what}`)),
  ...violations.map(({ law, row, what }) => `${law}: ${row} ${what}`),
];

/** Waits until every payment has its store, nothing is on its way and the oracle is silent; tells what is missing when that does not come. */
async function settled({ db, oracle }: Ground, paid: readonly PaidOrder[], timeoutMs: number): Promise<void> {
  const query = {
    name: 'chaos.settled',
    text: `select (select count(*)::int from nv_accounts where id = any($1::uuid[]) and status <> 'provisioned') as unfinished,
             (select coalesce(jsonb_object_agg(status, n), '{}') from (select status, count(*) as n from provisioning_jobs where status <> 'completed' group by 1) j) as jobs,
             (select count(*)::int from outbox where status in ('pending', 'processing')) as under_way,
             (select count(*)::int from webhook_inbox where status = 'received') as unread`,
    values: [paid.map(({ accountId }) => accountId)],
  };
  const look = async (): Promise<boolean> => {
    const [row] = await db.query<{ unfinished: number; jobs: object; under_way: number; unread: number }>(query);
    if (row?.unfinished === 0 && row.under_way === 0 && row.unread === 0 && Object.keys(row.jobs).length === 0) return true;
    throw new Error(JSON.stringify(row));
  };
  const deadline = Date.now() + timeoutMs;
  await waitUntil('nothing under way', look, { everyMs: 250, timeoutMs });
  const silent = async (): Promise<boolean> => {
    const { violations } = await verify(oracle);
    if (violations.length === 0) return true;
    throw new Error(`${String(violations.length)} broken laws, such as ${JSON.stringify(violations[0])}`);
  };
  await waitUntil('a silent oracle', silent, { everyMs: 1_000, timeoutMs: Math.max(0, deadline - Date.now()) });
}

/** How long after `calmAt` the onboardings ended that had not before, ms. */
async function recoveries({ db }: Ground, calmAt: number): Promise<number[]> {
  const rows = await db.query<{ at: number }>({
    name: 'chaos.recoveries',
    text: `select extract(epoch from completed_at)::float8 * 1000 as at from provisioning_jobs
           where completed_at > to_timestamp($1::float8 / 1000)`,
    values: [calmAt],
  });
  return rows.map(({ at }) => at - calmAt);
}
