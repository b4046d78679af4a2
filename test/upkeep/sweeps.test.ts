import { describe, expect, test } from '@jest/globals';
import { openJob, recordPayment } from '../../adapters/admin-db/index.ts';
import type { AltaClient } from '../../client/index.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';
import type { ExpiryResult, PurgeResult, RestartResult } from '../../contract/upkeep.ts';
import { draftAccount, nextPaymentId, paidAccount } from '../support/admin-db-fixtures.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import { expectOneStore } from '../support/one-store.ts';
import { ageJob, runTask } from '../support/upkeep.ts';
import type { PlacedOrder, World } from '../support/world.ts';

/** The sweeps of upkeep: lost starts, reservations that ran out, delivered rows that are old. */
let world: World;
let alta: AltaClient;
let faults: Faults;
useFaultyWorld({}, (made) => ({ world, alta, faults } = made));

const settled = (paymentId: string, result: RegExp): Promise<unknown> =>
  eventually(
    async () =>
      (await world.sql<{ result: string | null }>('select result from webhook_inbox where payment_id = $1', [paymentId])).some((row) =>
        result.test(row.result ?? ''),
      ),
    `a notification of ${paymentId} that ended with ${String(result)}`,
  );

describe('restart-lost', () => {
  const restart = (): Promise<RestartResult> => runTask<RestartResult>(world, 'restart-lost');

  /** A paid order whose start fails for good, after the job was committed: the order to start it is dead. */
  async function lost(): Promise<PlacedOrder & { paymentId: string }> {
    faults.at('temporal.start-onboarding', { mode: 'fail-before', code: 'INPUT_INVALID' });
    const order = await world.checkout();
    const { paymentId } = await world.pay(order);
    await settled(paymentId, /^dead/);
    faults.clear();
    return { ...order, paymentId };
  }

  test('P-112: a job whose start was lost for good is started again, once it is queued for two minutes', async () => {
    const order = await lost();
    await ageJob(world, order.accountId, 110);
    expect(await restart()).toEqual({ held: null, queued: 0, restarted: 0 });
    await ageJob(world, order.accountId, 15);
    expect(await restart()).toEqual({ held: null, queued: 1, restarted: 1 });
    await expectOneStore(world, order);
    await settled(order.paymentId, /^onboarding started$/);
    expect(await restart()).toEqual({ held: null, queued: 0, restarted: 0 });
  });

  test("P-112 P-121: an operator's retry that died between commit and start is started, also against the verdict of the first run", async () => {
    const order = await world.checkout();
    await world.sql(`update nv_accounts set order_amount = order_amount + 1 where id = $1`, [order.accountId]);
    await world.pay(order);
    await world.job(order.accountId, 'rejected');
    await world
      .handle(order.accountId)
      .result()
      .catch(() => undefined);
    await world.sql(`update nv_accounts set order_amount = order_amount - 1 where id = $1`, [order.accountId]);
    faults.at('temporal.start-onboarding', { mode: 'fail-before', code: 'TEMPORAL_UNAVAILABLE' });
    await expect(alta.onboardings.retry(order.accountId, { actor: 'ana', reason: 'corrected' })).rejects.toMatchObject({
      code: 'TEMPORAL_UNAVAILABLE',
    });
    faults.clear();
    await world.job(order.accountId, 'queued');
    await ageJob(world, order.accountId, 150);
    expect(await restart()).toMatchObject({ restarted: 1 });
    await world.job(order.accountId, 'completed');
    expect(await world.stores(order.accountId)).toHaveLength(1);
  });

  test('P-112 law 11: a payment that was charged back before its lost start ends as rejected; nothing is made', async () => {
    const order = await lost();
    await world.simulator.control.setStatus(order.paymentId, 'charged_back', { notify: false });
    await ageJob(world, order.accountId, 150);
    expect(await restart()).toMatchObject({ restarted: 1 });
    expect((await world.job(order.accountId, 'rejected')).error_code).toBe('PAYMENT_NOT_APPROVED');
    expect(await world.stores(order.accountId)).toEqual([]);
  });

  test('P-112: what is on its way is left alone; what was given again waits until its age has doubled', async () => {
    await world.stopRelay();
    const { accountId, paymentId } = await paidAccount(world.db);
    await ageJob(world, accountId, 150);
    expect(await restart()).toEqual({ held: null, queued: 1, restarted: 1 });
    expect(await restart()).toEqual({ held: null, queued: 1, restarted: 0 });
    await world.sql(`update outbox set status = 'completed', completed_at = now() where status = 'pending'`);
    expect(await restart()).toEqual({ held: null, queued: 1, restarted: 0 });
    await world.sql(`update outbox set updated_at = now() - interval '80 seconds' where payload ->> 'paymentId' = $1`, [paymentId]);
    expect(await restart()).toEqual({ held: null, queued: 1, restarted: 1 });
    expect(await world.sql('select delivery_key, deliveries from webhook_inbox where payment_id = $1', [paymentId])).toEqual([
      { delivery_key: expect.stringMatching(/^restart\//), deliveries: 2 },
    ]);
    await world.sql(`delete from outbox where payload ->> 'paymentId' = $1`, [paymentId]);
    await world.sql(`update provisioning_jobs set status = 'rejected' where account_id = $1`, [accountId]);
  });

  test('law 11: while the Admin DB looks dead the sweep holds, and says so', async () => {
    faults.at('admin-db.restart-lost-jobs', { mode: 'fail-before', code: 'ADMIN_DB_UNAVAILABLE' });
    expect(await restart()).toEqual({ held: 'ADMIN_DB_UNAVAILABLE', queued: 0, restarted: 0 });
    expect(faults.passed.filter((name) => name.startsWith('admin-db.'))).toEqual(['admin-db.restart-lost-jobs']);
  });
});

describe('expire-reservations', () => {
  const expire = (): Promise<ExpiryResult> => runTask<ExpiryResult>(world, 'expire-reservations');
  const polledUntilNow = (): Promise<unknown> =>
    world.sql(
      `insert into upkeep_marks (task, completed_at) values ('poll-payments', now())
       on conflict (task) do update set completed_at = excluded.completed_at`,
    );
  const slugOf = async (accountId: string): Promise<string> =>
    (await world.sql<{ status: string }>('select status from slug_reservations where account_id = $1', [accountId]))[0]!.status;
  const runOut = (accountId: string): Promise<unknown> =>
    world.sql(`update slug_reservations set expires_at = now() - interval '1 minute' where account_id = $1`, [accountId]);

  const payment = (accountId: string, status: string) =>
    recordPayment(world.db, {
      paymentId: nextPaymentId(),
      accountId,
      status,
      statusDetail: null,
      amount: '1',
      amountRefunded: '0',
      currency: 'ARS',
      collectorId: '1',
      externalReference: accountId,
      liveMode: false,
      dateApproved: null,
      dateLastUpdated: null,
    });

  const RULES: [what: string, prepare: (accountId: string) => Promise<unknown>, expected: string][] = [
    ['an unpaid draft', () => Promise.resolve(), 'released'],
    ['a draft whose payment was rejected', (id) => payment(id, 'rejected'), 'released'],
    ['a draft whose payment is pending', (id) => payment(id, 'pending'), 'reserved'],
    ['a draft whose payment is approved', (id) => payment(id, 'approved'), 'reserved'],
    ['an account that was undone', (id) => world.sql(`update nv_accounts set status = 'provision_failed' where id = $1`, [id]), 'reserved'],
    ['a draft with a job', (id) => openJob(world.db, { accountId: id, paymentId: '1', workflowId: onboardingWorkflowId(id) }), 'reserved'],
  ];

  test.each(RULES)('P-010: the name of %s whose reservation ran out', async (_what, prepare, expected) => {
    const { accountId } = await draftAccount(world.db);
    await prepare(accountId);
    await runOut(accountId);
    await polledUntilNow();
    const { slugs } = await expire();
    expect([await slugOf(accountId), slugs]).toEqual([expected, expected === 'released' ? 1 : 0]);
    await world.sql(`update slug_reservations set expires_at = now() + interval '1 day' where account_id = $1 and status = 'reserved'`, [
      accountId,
    ]);
  });

  test('P-010 law 11: a name is kept until the poll has been through after it ran out, and while notified payments wait to be read', async () => {
    const { accountId } = await draftAccount(world.db);
    await polledUntilNow();
    await world.sql(`update slug_reservations set expires_at = now() where account_id = $1`, [accountId]);
    expect(await expire()).toMatchObject({ slugs: 0 });
    await polledUntilNow();
    await world.sql(`insert into outbox (target, event_key, event_type, payload, created_at)
      values ('onboarding', 'unread', 'payment.notified', '{}', now() - interval '1 hour')`);
    expect(await expire()).toMatchObject({ slugs: 0 });
    expect(await slugOf(accountId)).toBe('reserved');
    await world.sql(`delete from outbox where event_key = 'unread'`);
    expect(await expire()).toMatchObject({ slugs: 1 });
  });

  const slot = async (accountId: string, jobId: string): Promise<void> => {
    await world.sql(
      `insert into placements (account_id, job_id, cluster_id, expires_at) values ($1, $2, 'north', now() - interval '1 minute')`,
      [accountId, jobId],
    );
    await world.sql(`update backend_clusters set tenant_count = tenant_count + 1 where cluster_id = 'north'`);
  };
  const tenants = async (): Promise<number> =>
    (await world.sql<{ n: number }>(`select tenant_count::int as n from backend_clusters where cluster_id = 'north'`))[0]!.n;

  test('P-112 decision 14: slots whose time ran out are free again; while the fleet looks dead none is', async () => {
    const { accountId, jobId } = await paidAccount(world.db);
    const before = await tenants();
    await slot(accountId, jobId);
    await world.sql(`update backend_clusters set status = 'error'`);
    expect(await expire()).toMatchObject({ held: null, unsure: true, placements: 0 });
    await world.sql(`update backend_clusters set status = 'ready'`);
    expect(await expire()).toMatchObject({ unsure: false, placements: 1 });
    expect(await tenants()).toBe(before);
    expect(await expire()).toMatchObject({ placements: 0 });
  });
});

test('P-230: the purge deletes what was delivered or discarded more than 30 days ago, however much it is', async () => {
  await world.sql(`insert into outbox (target, event_key, event_type, payload, status, completed_at)
    select 'account', 'old/' || n, 'x', '{}', case when n % 2 = 0 then 'completed' else 'discarded' end, now() - interval '31 days'
    from generate_series(1, 12000) n`);
  await world.sql(`insert into outbox (target, event_key, event_type, payload, status, completed_at) values
    ('account', 'young', 'x', '{}', 'discarded', now() - interval '29 days')`);
  expect(await runTask<PurgeResult>(world, 'purge-outbox')).toEqual({ held: null, purged: 12_000 });
  expect(await world.sql(`select 1 from outbox where event_key = 'young'`)).toHaveLength(1);
  expect(await runTask<PurgeResult>(world, 'purge-outbox')).toEqual({ held: null, purged: 0 });
});
