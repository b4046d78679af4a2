import { NativeConnection } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type pg from 'pg';
import { loadConfig } from '../../adapters/config.ts';
import { setEffectHook } from '../../adapters/effect.ts';
import { createLogger } from '../../adapters/log.ts';
import { createRelay } from '../../client/relay/index.ts';
import { QUERY_ACCOUNT_STATE, type AccountState } from '../../contract/account.ts';
import { accountWorkflowId, onboardingWorkflowId } from '../../contract/ids.ts';
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

  /** Onboards one and counts meanwhile, from the delivery of its notification to the end of its run; then lets its upkeep end too. */
  const onboardOne = async (): Promise<Omit<Anatomy, 'mode'>> => {
    const [order] = await openOrders(ground.deps, 1);
    if (order === undefined) throw new Error('no order');
    const { accountId } = order;
    const handle = deps.temporal.workflow.getHandle(onboardingWorkflowId(accountId));
    await mercadoPago.pay(order.preferenceId);
    await mercadoPago.idle();
    const counters = startCounting(
      deps.db.pool,
      stack.clusters.map(({ url }) => url),
    );
    try {
      if ((await relay.tick()) !== 1) throw new Error('not one notification was delivered');
      await handle.result();
    } finally {
      counters.stop();
    }
    const { events } = await handle.fetchHistory();
    await relay.tick();
    await waitUntil('the first check of the store', async () => {
      const { dirty, applied } = await deps.temporal.workflow
        .getHandle(accountWorkflowId(accountId))
        .query<AccountState>(QUERY_ACCOUNT_STATE);
      return Object.keys(dirty).length === 0 && applied.client !== undefined;
    });
    return { ...counters.counted(), events: eventsByType(events ?? []) };
  };

  try {
    await onboardOne();
    return { mode, ...(await onboardOne()) };
  } finally {
    for (const worker of workers) worker.shutdown();
    await running;
    await deps.close();
    await native.close();
    await supervisor.stopAll();
  }
}

function eventsByType(events: readonly object[]): Counts {
  const counts: Counts = {};
  for (const event of events) {
    const type = Object.entries(event).find(([key, value]) => key.endsWith('EventAttributes') && value != null)?.[0];
    add(counts, type?.replace('EventAttributes', '') ?? 'other');
  }
  return counts;
}

interface SentRequest {
  request: { origin: string; method: string; path: string };
}

function startCounting(pool: pg.Pool, clusterUrls: readonly string[]) {
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
    const place = clusterUrls.includes(request.origin) ? 'cluster' : 'Mercado Pago';
    // Ids in paths would make every line another one.
    add(http, `${place} ${request.method} ${path.replaceAll(/[0-9a-f-]{36}|\d{6,}|logo-[0-9a-f]+/g, ':id')}`);
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
