import { NativeConnection } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type pg from 'pg';
import { loadConfig } from '../../adapters/config.ts';
import { setEffectHook } from '../../adapters/effect.ts';
import { createLogger } from '../../adapters/log.ts';
import { createRelay } from '../../client/relay/index.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';
import { createSupervisor } from '../../local/processes.ts';
import { waitUntil } from '../../local/wait.ts';
import { provideBundle } from '../../local/workflow-bundle.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { createWorkers } from '../../worker/create.ts';
import { connectDeps } from '../../worker/deps.ts';
import type { Ground, Mode } from './ground.ts';
import { openOrders } from './orders.ts';

export type Counts = Record<string, number>;

/** What one onboarding costs in round trips, from the relay's claim to the job's end. */
export interface Anatomy {
  mode: Mode;
  /** Effects by name (a transaction is one). */
  effects: Counts;
  /** Statements to the Admin DB, `begin` and `commit` included. */
  sql: number;
  /** HTTP requests by place and path. */
  http: Counts;
  /** Events of the run's history by type. */
  events: Counts;
}

const add = (counts: Counts, name: string): void => void (counts[name] = (counts[name] ?? 0) + 1);

/**
 * Runs one onboarding with relay and worker in this process, on task queues of its own, and counts what goes out. One is run before,
 * so that what is made once a process (connections, prepared statements, cluster keys) is not counted.
 */
export async function dissect(ground: Ground, mode: Mode): Promise<Anatomy> {
  const { stack, mercadoPago } = ground;
  ground.useRelay(undefined);
  const config = loadConfig({
    ...stack.env,
    ALTA_QUEUE_PREFIX: `bench-${randomUUID().slice(0, 8)}-`,
    ALTA_FAST_PATH: String(mode === 'fast'),
  });
  const log = createLogger('bench', 'warn');
  const supervisor = createSupervisor({ dataDir: stack.dataDir });
  const bundle = await workflowBundle(await provideBundle(supervisor));
  const native = await NativeConnection.connect({ address: stack.temporal.address });
  const deps = await connectDeps(config, log);
  const workers = await createWorkers(deps, native, bundle);
  const running = Promise.all(workers.map((worker) => worker.run()));
  const relay = createRelay(deps);

  const onboardOne = async (): Promise<Counts> => {
    const [order] = await openOrders(ground.deps, 1);
    if (order === undefined) throw new Error('no order');
    await mercadoPago.pay(order.preferenceId);
    await mercadoPago.idle();
    await waitUntil('the notification to be delivered', async () => (await relay.tick()) > 0);
    const handle = deps.temporal.workflow.getHandle(onboardingWorkflowId(order.accountId));
    await handle.result();
    const { events } = await handle.fetchHistory();
    const counts: Counts = {};
    for (const event of events ?? []) {
      const type = Object.entries(event).find(([key, value]) => key.endsWith('EventAttributes') && value != null)?.[0];
      add(counts, type?.replace('EventAttributes', '') ?? 'other');
    }
    return counts;
  };

  try {
    await onboardOne();
    await relay.tick();
    const counters = startCounting(
      deps.db.pool,
      stack.clusters.map(({ url, clusterId }) => ({ url, name: clusterId })),
    );
    try {
      const events = await onboardOne();
      return { mode, events, ...counters.counted() };
    } finally {
      counters.stop();
      await relay.tick();
    }
  } finally {
    for (const worker of workers) worker.shutdown();
    await running;
    await deps.close();
    await native.close();
    await supervisor.stopAll();
  }
}

interface SentRequest {
  request: { origin: string; method: string; path: string };
}

function startCounting(pool: pg.Pool, clusters: readonly { url: string; name: string }[]) {
  const effects: Counts = {};
  const http: Counts = {};
  let sql = 0;
  setEffectHook((name, act) => {
    if (!name.startsWith('relay.')) add(effects, name);
    return act();
  });
  const onRequest = (message: unknown): void => {
    const { request } = message as SentRequest;
    const path = request.path.split('?', 1)[0] ?? '';
    if (path.startsWith('/__sim')) return;
    const place = clusters.some(({ url }) => url === request.origin) ? 'cluster' : 'other';
    // Ids in paths would make every line another one.
    add(http, `${place} ${request.method} ${path.replaceAll(/[0-9a-f-]{36}|\d{6,}/g, ':id')}`);
  };
  subscribe('undici:request:create', onRequest);
  // A client is handed out for each statement or transaction; its own `query` sees every one.
  const watched = new WeakSet<pg.PoolClient>();
  const watch = (client: pg.PoolClient): void => {
    if (watched.has(client)) return;
    watched.add(client);
    const send = client.query.bind(client) as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      sql += 1;
      return send(...args);
    }) as typeof client.query;
  };
  pool.on('acquire', watch);
  return {
    counted: () => ({ effects: { ...effects }, http: { ...http }, sql }),
    stop(): void {
      setEffectHook(undefined);
      unsubscribe('undici:request:create', onRequest);
      pool.off('acquire', watch);
    },
  };
}
