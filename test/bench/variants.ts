import { randomUUID } from 'node:crypto';
import { waitUntil } from '../../local/wait.ts';
import type { Ground, Mode } from './ground.ts';
import type { noop } from './noop-workflow.ts';
import { openOrders, type OpenOrder } from './orders.ts';
import { plainScript } from './plain-script.ts';

/** What a batch took: each item by itself, and all of it from the first start to the last end, ms. */
export interface Batch {
  each: number[];
  all: number;
}

export interface Variant {
  name: string;
  /** Runs so many, one after another or all at once; what they need is made ready beforehand. */
  run(count: number, atOnce: boolean): Promise<Batch>;
}

type Item = () => Promise<{ from: number; to: number }>;

async function runItems(items: readonly Item[], atOnce: boolean): Promise<Batch> {
  const spans: { from: number; to: number }[] = [];
  if (atOnce) spans.push(...(await Promise.all(items.map((item) => item()))));
  else for (const item of items) spans.push(await item());
  const all = Math.max(...spans.map(({ to }) => to)) - Math.min(...spans.map(({ from }) => from));
  return { each: spans.map(({ from, to }) => to - from), all };
}

/** Times by this machine's clock, which is also PostgreSQL's. */
const timed = async (act: () => Promise<unknown>): Promise<{ from: number; to: number }> => {
  const from = performance.timeOrigin + performance.now();
  await act();
  return { from, to: performance.timeOrigin + performance.now() };
};

/** Waits for the job of one account to be completed, and says when that was. */
async function completedAt({ db }: Ground, accountId: string, everyMs: number): Promise<number> {
  const query = {
    name: 'bench.completed-at',
    text: `select status, extract(epoch from completed_at)::float8 * 1000 as at from provisioning_jobs where account_id = $1`,
    values: [accountId],
  };
  return waitUntil(
    `the store of ${accountId}`,
    async () => {
      const [job] = await db.query<{ status: string; at: number | null }>(query);
      if (job?.at != null && job.status !== 'completed') throw new Error(`its job is ${job.status}`);
      return job?.at;
    },
    { everyMs, timeoutMs: 60_000 },
  );
}

/**
 * Alta itself: from the payment at the simulator, whose signed webhook reaches the API over HTTP, to the job being completed. `seen`
 * collects the accounts of the serial runs.
 */
export function altaVariant(ground: Ground, mode: Mode, seen: string[]): Variant {
  const item =
    (order: OpenOrder, everyMs: number): Item =>
    async () => {
      const { from } = await timed(() => ground.mercadoPago.pay(order.preferenceId));
      return { from, to: await completedAt(ground, order.accountId, everyMs) };
    };
  return {
    name: mode === 'fast' ? 'Alta, fast path on' : 'Alta, fast path off',
    async run(count, atOnce) {
      const orders = await openOrders(ground.deps, count + 1);
      const [first, ...rest] = orders;
      ground.useRelay(mode);
      // The relay that just woke up takes one order first.
      if (first !== undefined) await item(first, 20)();
      if (!atOnce) {
        seen.push(...rest.map(({ accountId }) => accountId));
        const single = rest.map((order) => async () => {
          await ground.quiet();
          return item(order, 10)();
        });
        return runItems(single, false);
      }
      await ground.quiet();
      const batch = await runItems(
        rest.map((order) => item(order, 100)),
        true,
      );
      await ground.quiet();
      return batch;
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
        items.push(() => timed(() => script({ accountId, paymentId })));
      }
      const batch = await runItems(items, atOnce);
      await ground.quiet();
      return batch;
    },
  };
}

/** (b): a workflow of as many steps that do nothing, on the same Temporal server. */
export function noopVariant(ground: Ground, mode: Mode): Variant {
  const { temporal, noopQueue: taskQueue } = ground;
  const item: Item = () =>
    timed(() =>
      temporal.workflow.execute<typeof noop>('noop', { workflowId: `noop/${randomUUID()}`, taskQueue, args: [mode === 'fast'] }),
    );
  return {
    name: mode === 'fast' ? '(b) no-op steps, local where fast' : '(b) no-op steps, all regular',
    run: (count, atOnce) =>
      runItems(
        Array.from({ length: count }, () => item),
        atOnce,
      ),
  };
}
