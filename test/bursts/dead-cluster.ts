import { waitUntil } from '../../local/wait.ts';
import { QUEUES } from '../../worker/queues.ts';
import { openOrders } from '../bench/orders.ts';
import { median, p99 } from '../bench/statistics.ts';
import { inTurns } from '../support/in-turns.ts';
import { openLine } from '../support/switchboard.ts';
import { onGround, violationsOf, type Ground } from './ground.ts';

const ORDERS = 1_000;
/** So long the cluster says nothing after the last order was paid, ms. */
const DEAD_MS = 60_000;
const RECOVERY_MS = 900_000;

export interface DeadClusterBurst {
  orders: number;
  /** Connections to the dead cluster at the same time, at the most, and what the worker's slots allow. */
  mostAtOnce: number;
  slots: number;
  /** States of the jobs when the cluster came back. */
  atTheEnd: Record<string, number>;
  /** From the cluster's return to the end of a run, ms. */
  recovery: { p50: number; p99: number; last: number };
  /** Runs that waited for an operator. */
  parked: number;
  violations: number;
}

const jobs = async ({ db }: Ground): Promise<Record<string, number>> =>
  Object.fromEntries(
    (
      await db.query<{ status: string; count: number }>({
        name: 'burst.jobs',
        text: 'select status, count(*)::int as count from provisioning_jobs group by status',
      })
    ).map(({ status, count }) => [status, count]),
  );

/** 1,000 orders are paid while the only cluster takes calls and answers none: little is under way at once, and all end by themselves. */
export const burstAtDeadCluster = (note: (text: string) => void, orders = ORDERS): Promise<DeadClusterBurst> =>
  onGround(note, { clusterIds: ['cluster-a'] }, async (ground) => {
    const { deps, db, stack } = ground;
    const line = await openLine(stack.clusters[0]?.url ?? '');
    try {
      await db.query({ name: 'burst.by-line', text: 'update backend_clusters set supabase_url = $1', values: [line.url] });
      const open = await openOrders(deps, orders);
      line.hush();
      line.most();
      note(`${String(orders)} orders are paid; the cluster gives no answer`);
      await inTurns(8, open, ({ preferenceId }) => ground.mercadoPago.pay(preferenceId));
      await waitUntil(
        'a run of every order',
        async () => Object.values(await jobs(ground)).reduce((sum, count) => sum + count, 0) === orders,
        { everyMs: 1_000, timeoutMs: 600_000 },
      );
      const until = performance.now() + DEAD_MS;
      await waitUntil('a long outage', () => performance.now() >= until, { everyMs: 1_000, timeoutMs: 2 * DEAD_MS });
      const mostAtOnce = line.most();
      const atTheEnd = await jobs(ground);
      await line.up();
      const [back] = await db.query<{ at: Date }>({ name: 'burst.now', text: 'select clock_timestamp() as at' });
      note(`the cluster is back: ${JSON.stringify(atTheEnd)}`);
      await waitUntil('the end of every run', async () => ((await jobs(ground))['completed'] ?? 0) === orders, {
        everyMs: 2_000,
        timeoutMs: RECOVERY_MS,
      }).catch(async (error: unknown) => {
        throw new Error(`not all completed: ${JSON.stringify(await jobs(ground))}`, { cause: error });
      });
      const ends = await db.query<{ ms: number }>({
        name: 'burst.ends',
        text: 'select extract(epoch from completed_at - $1)::float8 * 1000 as ms from provisioning_jobs where completed_at > $1',
        values: [back?.at],
      });
      const each = ends.map(({ ms }) => ms);
      return {
        orders,
        mostAtOnce,
        slots: Object.values(QUEUES).reduce((sum, queue) => sum + (queue.maxConcurrentActivityTaskExecutions ?? 0), 0),
        atTheEnd,
        recovery: { p50: median(each), p99: p99(each), last: Math.max(...each) },
        parked: atTheEnd['parked'] ?? 0,
        violations: (await violationsOf(ground)).length,
      };
    } finally {
      await line.close();
    }
  });
