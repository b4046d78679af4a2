import { afterAll, beforeAll, expect, test } from '@jest/globals';
import pg from 'pg';
import type { CheckoutAnswer } from '../contract/checkout.ts';
import { clientIdOf } from '../adapters/ids.ts';
import { inventOrder, payOrder, placeOrder } from '../local/demo/order.ts';
import { startStack, type Stack } from '../local/stack.ts';
import { eventually } from './support/eventually.ts';

/**
 * The local stack as `npm start` brings it up, with Alta's own three processes; Temporal and PostgreSQL, which holds the Admin DB and
 * both clusters, are stopped and started in mid-saga. Nobody is asked: the runs end by themselves.
 */
const ORDERS = 4;
let stack: Stack;

beforeAll(async () => {
  stack = await startStack({
    ephemeral: true,
    env: {
      ALTA_ONBOARDING_POLICY: JSON.stringify({
        retryInitialMs: 200,
        retryMaxMs: 2_000,
        clusterWaitInitialMs: 200,
        clusterWaitMaxMs: 1_000,
      }),
    },
  });
}, 300_000);
afterAll(() => stack.close());

async function sql<T extends pg.QueryResultRow>(text: string, values: unknown[] = [], url = stack.adminDatabaseUrl): Promise<T[]> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<T>(text, values)).rows;
  } finally {
    await client.end();
  }
}

const clusters = (active: boolean): Promise<unknown> => sql('update backend_clusters set is_active = $1', [active]);

/** Paid orders whose runs wait in their second wave, because no cluster takes tenants. */
async function underWay(): Promise<CheckoutAnswer[]> {
  await clusters(false);
  const orders = await Promise.all(Array.from({ length: ORDERS }, () => placeOrder(stack.apiUrl, inventOrder())));
  for (const { preferenceId } of orders) await payOrder(stack, preferenceId);
  await allIn('waiting', orders);
  return orders;
}

/** Waits until every order's job is in the state; tells where each stood when that does not come. */
async function allIn(state: string, orders: CheckoutAnswer[]): Promise<void> {
  const ids = orders.map(({ accountId }) => accountId);
  await eventually(
    async () => {
      const rows = await sql<{ job: string | null; outbox: unknown }>(
        `select j.status as job, j.parked_step, j.error_code, a.status as account, (select jsonb_agg(jsonb_build_object('type', o.event_type, 'status', o.status,
           'tries', o.attempt_count, 'error', o.error_code, 'why', o.error_message)) from outbox o where o.account_id = a.id or o.account_id is null) as outbox
         from nv_accounts a left join provisioning_jobs j on j.account_id = a.id where a.id = any($1::uuid[])`,
        [ids],
      );
      if (rows.length === ORDERS && rows.every(({ job }) => job === state)) return true;
      throw new Error(JSON.stringify(rows));
    },
    `every job to be ${state}`,
    180_000,
  );
}

/** Every order is one store, published, on the cluster of its account and on no other. */
async function wholeStores(orders: CheckoutAnswer[]): Promise<void> {
  await allIn('completed', orders);
  for (const { accountId } of orders) {
    expect(await sql('select attempt, status from provisioning_jobs where account_id = $1', [accountId])).toEqual([
      { attempt: 1, status: 'completed' },
    ]);
    const found = await Promise.all(
      stack.clusters.map(({ databaseUrl }) =>
        sql('select id, publication_status, is_active from clients where nv_account_id = $1', [accountId], databaseUrl),
      ),
    );
    expect(found.flat()).toEqual([{ id: clientIdOf(accountId), publication_status: 'published', is_active: true }]);
  }
}

const readyz = async (): Promise<{ status: number; reason: string | null }> => {
  const response = await fetch(`${String(stack.child('worker').ready['probes'])}/readyz`);
  return { status: response.status, reason: ((await response.json()) as { reason: string | null }).reason };
};

test('P-117 P-611: Temporal is stopped and started in mid-saga: the runs go on by themselves, one store each', async () => {
  const orders = await underWay();
  await stack.child('temporal').stop();
  expect(await eventually(async () => ((await readyz()).status === 503 ? readyz() : undefined))).toMatchObject({
    reason: 'Temporal does not answer',
  });
  await clusters(true);
  await stack.restart('temporal');
  await wholeStores(orders);
  await eventually(async () => (await readyz()).status === 200, 'a ready worker');
}, 600_000);

test('P-117 P-611: PostgreSQL is stopped and started in mid-saga: the runs go on by themselves, one store each', async () => {
  const orders = await underWay();
  await clusters(true);
  // The runs wake up at once, so this meets them in the middle of their steps.
  await stack.child('postgres').stop();
  expect(await eventually(async () => ((await readyz()).status === 503 ? readyz() : undefined))).toMatchObject({
    reason: 'the Admin DB does not answer',
  });
  await stack.restart('postgres');
  await wholeStores(orders);
  await eventually(async () => (await readyz()).status === 200, 'a ready worker');
}, 600_000);
