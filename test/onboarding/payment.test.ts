import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import type { PaymentOverrides } from '../../local/mercadopago/control.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** Which payments make a store, and which never do. */
let world: World;
beforeAll(async () => {
  world = await startWorld();
}, 120_000);
afterAll(() => world.close());

const settled = (paymentId: string, count = 1) =>
  eventually(async () => {
    const rows = await world.sql<{ status: string; result: string | null }>(
      `select * from webhook_inbox where payment_id = $1 and status <> 'received'`,
      [paymentId],
    );
    return rows.length >= count ? rows : undefined;
  }, `the notification of ${paymentId}`);

async function runsOf(order: PlacedOrder): Promise<number> {
  let runs = 0;
  for await (const run of world.temporal.workflow.list({ query: `WorkflowId = "onboarding/${order.accountId}"` }))
    runs += run.workflowId ? 1 : 0;
  return runs;
}

async function untouched(order: PlacedOrder): Promise<void> {
  expect(await world.account(order.accountId)).toMatchObject({ status: 'draft', backend_cluster_id: null });
  expect(await world.stores(order.accountId)).toEqual([]);
}

test('P-111 P-170: 100 copies of a webhook at once make one store by one run', async () => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { notify: false });
  const reports = await world.simulator.control.deliver({ paymentId, copies: 100 });
  expect(reports.map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 200));
  await world.job(order.accountId, 'completed');
  await world.simulator.control.idle();
  await eventually(
    async () => (await world.sql(`select 1 from outbox where status in ('pending', 'processing')`)).length === 0,
    'a drained outbox',
  );
  expect(await world.stores(order.accountId)).toHaveLength(1);
  expect(await world.sql('select 1 from provisioning_jobs where account_id = $1', [order.accountId])).toHaveLength(1);
  await eventually(async () => (await runsOf(order)) === 1, 'one run');
  expect(world.mail.messages().filter(({ to }) => to.includes(order.checkout.email))).toHaveLength(1);
});

test('P-107: a pending payment makes nothing and keeps the slug; its approval makes the store', async () => {
  const order = await world.checkout();
  const before = await world.sql<{ expires_at: string }>('select expires_at from slug_reservations where slug = $1', [order.slug]);
  const { paymentId } = await world.pay(order, { status: 'pending' });
  await settled(paymentId);
  await untouched(order);
  const after = await world.sql<{ expires_at: string }>('select expires_at from slug_reservations where slug = $1', [order.slug]);
  expect(Date.parse(after[0]!.expires_at)).toBeGreaterThanOrEqual(Date.parse(before[0]!.expires_at));
  await world.simulator.control.setStatus(paymentId, 'approved');
  await world.job(order.accountId, 'completed');
  expect(await world.stores(order.accountId)).toHaveLength(1);
});

test.each(['rejected', 'cancelled'])('P-107: a %s payment is recorded only', async (status) => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { status });
  await settled(paymentId);
  await untouched(order);
  expect(await world.sql('select 1 from payments where payment_id = $1 and status = $2', [paymentId, status])).toHaveLength(1);
});

const MISMATCHES: [string, PaymentOverrides, string][] = [
  ['a smaller amount', { amount: '1' }, 'PAYMENT_AMOUNT_MISMATCH'],
  ['a larger amount', { amount: '9999999' }, 'PAYMENT_AMOUNT_MISMATCH'],
  ['another currency', { currency: 'BRL' }, 'PAYMENT_CURRENCY_MISMATCH'],
  ['another collector', { collectorId: '987654321' }, 'PAYMENT_COLLECTOR_MISMATCH'],
  ['a live payment on a test installation', { liveMode: true }, 'PAYMENT_MODE_MISMATCH'],
];

test.each(MISMATCHES)(
  'P-106 P-022: %s is rejected with its reason, and a later right payment makes the store',
  async (_what, overrides, code) => {
    const order = await world.checkout();
    const { paymentId } = await world.pay(order, overrides);
    const job = await world.job(order.accountId, 'rejected');
    expect(job.error_code).toBe(code);
    await expect(world.handle(order.accountId).result()).rejects.toMatchObject({ cause: { type: code } });
    await untouched(order);
    // The same payment, notified again, is not judged twice.
    await world.simulator.control.deliver({ paymentId });
    await settled(paymentId, 2);
    expect(await world.sql('select 1 from provisioning_jobs where account_id = $1', [order.accountId])).toHaveLength(1);
    await world.pay(order);
    await world.job(order.accountId, 'completed');
    expect(await world.stores(order.accountId)).toHaveLength(1);
  },
);

test('P-105: what the notification says does not matter, only what Mercado Pago answers', async () => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { status: 'in_process' });
  await settled(paymentId);
  await world.simulator.control.deliver({ paymentId, action: 'payment.approved' });
  await settled(paymentId, 1);
  await untouched(order);
});

test('decision 4: a payment of nobody ends as ignored, with its reason', async () => {
  const { paymentId } = await world.simulator.control.pay(null, { notificationUrl: `${world.url}/webhooks/mercadopago` });
  const [row] = await settled(paymentId);
  expect(row).toMatchObject({ status: 'ignored' });
});

test('decision 18: a second payment of a live account never makes a second store', async () => {
  const order = await world.checkout();
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  const second = await world.pay(order);
  const [row] = await settled(second.paymentId);
  expect(row!.result).toContain('paid twice');
  expect(await world.stores(order.accountId)).toHaveLength(1);
  expect(await world.sql('select 1 from provisioning_jobs where account_id = $1', [order.accountId])).toHaveLength(1);
});

test('P-103: the requirements’ own webhook path works like the short one', async () => {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order, { notify: false });
  await world.simulator.control.deliver({ paymentId, url: `${world.url}/onboarding/checkout/webhook` });
  await world.job(order.accountId, 'completed');
});

test('P-106: a payment that bought one account buys no other', async () => {
  const [first, second] = [await world.checkout(), await world.checkout()];
  const { paymentId } = await world.pay(first);
  await world.job(first.accountId, 'completed');
  await world.sql('update payments set external_reference = $2 where payment_id = $1', [paymentId, second.accountId]);
  await world.simulator.control.deliver({ paymentId });
  await settled(paymentId, 2);
  await untouched(second);
});

test('P-110: two accounts that want one slug: the second is told at checkout', async () => {
  const order = await world.checkout();
  await expect(world.checkout({ slug: order.slug })).rejects.toThrow('SLUG_TAKEN');
});

test('P-122: a country that lost its support after checkout ends the run by name, with no cluster write', async () => {
  const order = await world.checkout();
  await world.sql(`update nv_accounts set country = 'US' where id = $1`, [order.accountId]);
  await world.pay(order);
  expect((await world.job(order.accountId, 'rejected')).error_code).toBe('COUNTRY_UNSUPPORTED');
  expect(await world.stores(order.accountId)).toEqual([]);
});

test('P-122: a connected account without a token stops before any side effect', async () => {
  const order = await world.checkout();
  await world.sql('update nv_accounts set mp_access_token_encrypted = null where id = $1', [order.accountId]);
  await world.pay(order);
  expect((await world.job(order.accountId, 'rejected')).error_code).toBe('MP_TOKEN_MISSING');
  expect(await world.stores(order.accountId)).toEqual([]);
});

test('P-128 P-741: a merchant who never connected gets a store without credentials; the step says skipped', async () => {
  const order = await world.checkout({}, { connected: false });
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  const [step] = await world.sql<{ status: string }>(
    `select s.status from provisioning_job_steps s join provisioning_jobs j on j.id = s.job_id where j.account_id = $1 and s.step = 'sync-mp-credentials'`,
    [order.accountId],
  );
  expect(step).toEqual({ status: 'skipped' });
  expect((await world.store(order.accountId))!.mp_fingerprint).toBeNull();
});

test('P-740 P-744 P-092: two tenants on two clusters: each operation lands on its own', async () => {
  const setActive = (id: string, active: boolean) =>
    world.sql('update backend_clusters set is_active = $2 where cluster_id = $1', [id, active]);
  await setActive('south', false);
  const first = await world.checkout();
  await world.pay(first);
  await world.job(first.accountId, 'completed');
  await setActive('south', true);
  await setActive('north', false);
  const second = await world.checkout();
  await world.pay(second);
  await world.job(second.accountId, 'completed');
  await setActive('north', true);
  expect(await world.account(first.accountId)).toMatchObject({ backend_cluster_id: 'north' });
  expect(await world.account(second.accountId)).toMatchObject({ backend_cluster_id: 'south' });
  for (const [order, own, other] of [
    [first, 'north', 'south'],
    [second, 'south', 'north'],
  ] as const) {
    const tokens = async (id: string) =>
      (
        await (await world.clusters.get(id)).client.from('clients').select('mp_access_token').eq('nv_account_id', order.accountId)
      ).data!.map((row) => row['mp_access_token'] as string);
    expect(await tokens(own)).toEqual([order.merchantToken]);
    expect(await tokens(other)).toEqual([]);
  }
});
