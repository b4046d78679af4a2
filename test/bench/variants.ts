import { randomUUID } from 'node:crypto';
import { waitUntil } from '../../local/wait.ts';
import { cpuBetween } from './cpu.ts';
import type { Ground, Mode } from './ground.ts';
import type { noop } from './noop-workflow.ts';
import { openOrders, type OpenOrder } from './orders.ts';
import { plainScript } from './plain-script.ts';

/** What a batch took: each item by itself, and all of it from the first start to the last end, ms. */
export interface Batch {
  each: number[];
  all: number;
  /** CPU that each process used meanwhile, ms. */
  cpu: Record<string, number>;
}

export interface Variant {
  name: string;
  /** Runs so many, one after another or all at once; what they need is made ready beforehand. */
  run(count: number, atOnce: boolean): Promise<Batch>;
}

interface Span {
  from: number;
  to: number;
}

/** By this machine's clock, which is also PostgreSQL's, ms. */
const clock = (): number => performance.timeOrigin + performance.now();

async function measure(ground: Ground, act: () => Promise<Span[]>): Promise<Batch> {
  const before = ground.cpu();
  const spans = await act();
  const all = Math.max(...spans.map(({ to }) => to)) - Math.min(...spans.map(({ from }) => from));
  return { each: spans.map(({ from, to }) => to - from), all, cpu: cpuBetween(before, ground.cpu()) };
}

type Item = () => Promise<unknown>;

/** Runs items of this process' own, one after another or all at once. */
function measureItems(ground: Ground, items: readonly Item[], atOnce: boolean): Promise<Batch> {
  const timed = async (item: Item): Promise<Span> => {
    const from = clock();
    await item();
    return { from, to: clock() };
  };
  return measure(ground, async () => {
    if (atOnce) return Promise.all(items.map(timed));
    const spans: Span[] = [];
    for (const item of items) spans.push(await timed(item));
    return spans;
  });
}

const COMPLETED = `
  select account_id as "accountId", status, extract(epoch from completed_at)::float8 * 1000 as at
  from provisioning_jobs where account_id = any($1::uuid[]) and completed_at is not null`;

/** Waits until all jobs are completed, and says when each was. One look for all, so that looking costs next to nothing. */
async function completions({ db }: Ground, accountIds: readonly string[], everyMs: number): Promise<Map<string, number>> {
  const query = { name: 'bench.completions', text: COMPLETED, values: [accountIds] };
  const look = async (): Promise<Map<string, number> | undefined> => {
    const jobs = await db.query<{ accountId: string; status: string; at: number }>(query);
    return jobs.length < accountIds.length
      ? undefined
      : new Map(jobs.map(({ accountId, status, at }) => [accountId, status === 'completed' ? at : Number.NaN]));
  };
  return waitUntil(`${accountIds.length} stores`, look, { everyMs, timeoutMs: 120_000 });
}

/**
 * Alta itself: from the payment at the simulator, whose signed webhook reaches the API over HTTP, to the job being completed. `seen`
 * collects the accounts of the serial runs.
 */
export function altaVariant(ground: Ground, mode: Mode, seen: string[]): Variant {
  const onboard = async (orders: readonly OpenOrder[], everyMs: number): Promise<Span[]> => {
    const began = await Promise.all(
      orders.map(async ({ accountId, preferenceId }) => {
        const from = clock();
        await ground.mercadoPago.pay(preferenceId);
        return { accountId, from };
      }),
    );
    const ended = await completions(
      ground,
      orders.map(({ accountId }) => accountId),
      everyMs,
    );
    return began.map(({ accountId, from }) => ({ from, to: ended.get(accountId) ?? Number.NaN }));
  };
  return {
    name: mode === 'fast' ? 'Alta, fast path on' : 'Alta, fast path off',
    async run(count, atOnce) {
      const [first, ...orders] = await openOrders(ground.deps, count + 1);
      ground.useRelay(mode);
      // The relay that just woke up takes one order first.
      if (first !== undefined) await onboard([first], 20);
      await ground.quiet();
      if (atOnce) {
        const batch = await measure(ground, () => onboard(orders, 50));
        await ground.quiet();
        return batch;
      }
      seen.push(...orders.map(({ accountId }) => accountId));
      return measure(ground, async () => {
        const spans: Span[] = [];
        for (const order of orders) {
          spans.push(...(await onboard([order], 10)));
          await ground.quiet();
        }
        return spans;
      });
    },
  };
}

/** (a): the same calls by a plain script in this process, of payments that nobody was notified of. */
export function plainVariant(ground: Ground): Variant {
  const script = plainScript(ground.deps);
  return {
    name: '(a) plain script, same calls',
    async run(count, atOnce) {
      const orders = await openOrders(ground.deps, count);
      const items: Item[] = [];
      for (const { accountId, preferenceId } of orders) {
        const { paymentId } = await ground.mercadoPago.pay(preferenceId, { notify: false });
        items.push(() => script({ accountId, paymentId }));
      }
      const batch = await measureItems(ground, items, atOnce);
      await ground.quiet();
      return batch;
    },
  };
}

/** (b): a workflow of as many steps that do nothing, on the same Temporal server. */
export function noopVariant(ground: Ground, mode: Mode): Variant {
  const { temporal, noopQueue: taskQueue } = ground;
  const item: Item = () =>
    temporal.workflow.execute<typeof noop>('noop', { workflowId: `noop/${randomUUID()}`, taskQueue, args: [mode === 'fast'] });
  return {
    name: mode === 'fast' ? '(b) no-op steps, local where fast' : '(b) no-op steps, all regular',
    run: (count, atOnce) =>
      measureItems(
        ground,
        Array.from({ length: count }, () => item),
        atOnce,
      ),
  };
}
