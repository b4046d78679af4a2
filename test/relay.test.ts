import { randomBytes, randomUUID } from 'node:crypto';
import { Client, Connection } from '@temporalio/client';
import { createAdminDb, publish, type AdminDb, type NamedQuery } from '../adapters/admin-db/index.ts';
import { loadConfig, type Config } from '../adapters/config.ts';
import { createLogger } from '../adapters/log.ts';
import { createRelay, type Relay } from '../client/relay/index.ts';
import { accountWorkflowId, onboardingWorkflowId } from '../contract/ids.ts';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.ts';
import { OUTBOX_BACKOFF_MS } from '../contract/outbox.ts';
import type { CheckoutAnswer } from '../contract/checkout.ts';
import { eventually } from './support/eventually.ts';
import { installFaults, type Faults } from './support/faults.ts';
import { openFrontDoor, type FrontDoor } from './support/front-door.ts';
import { connectTemporal, type TestTemporal } from './support/temporal.ts';

let door: FrontDoor;
let temporal: TestTemporal;
let faults: Faults;
let relay: Relay;
let config: Config;
const started = new Set<string>();

const relayFor = (db: AdminDb = door.db, client: Client = temporal.client, settings: Config = config, mp = door.mp): Relay =>
  createRelay({ db, mp, temporal: client, config: settings, log: createLogger('test', 'silent') });

beforeAll(async () => {
  [door, temporal] = await Promise.all([openFrontDoor(), connectTemporal()]);
  config = loadConfig({
    ...(Object.fromEntries(Object.entries(door.config).filter(([, value]) => typeof value === 'string')) as Record<string, string>),
    MP_LIVE_MODE: String(door.config.MP_LIVE_MODE),
    MP_WEBHOOK_SECRETS: 's1:unused',
    ALTA_ONBOARDING_POLICY: '{}',
    TEMPORAL_ADDRESS: temporal.address,
    ALTA_QUEUE_PREFIX: `t${randomBytes(4).toString('hex')}-`,
    RELAY_LEASE_SECONDS: '60',
  });
  faults = installFaults();
  relay = relayFor();
});
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await Promise.all(
    [...started].map((id) =>
      temporal.client.workflow
        .getHandle(id)
        .terminate('test over')
        .catch(() => undefined),
    ),
  );
  await temporal.close();
  await door.close();
});

interface Row {
  status: string;
  attempt_count: number;
  error_code: string | null;
  wait_ms: number;
}

/** The outbox row that leads to a payment, by the database's clock. */
const rowOf = async (paymentId: string): Promise<Row> => {
  const [row] = await door.sql<Row>(
    `select status, attempt_count, error_code, extract(epoch from next_attempt_at - updated_at)::float8 * 1000 as wait_ms
     from outbox where payload ->> 'paymentId' = $1 and target = 'onboarding' order by created_at desc limit 1`,
    [paymentId],
  );
  return row!;
};
const inboxOf = (paymentId: string): Promise<{ status: string; result: string | null }[]> =>
  door.sql('select status, result from webhook_inbox where payment_id = $1 order by first_received_at', [paymentId]);
/** Makes every waiting row due, as time would. */
const wind = (): Promise<unknown> => door.sql(`update outbox set next_attempt_at = now() where status = 'pending'`);
const jobsOf = (accountId: string): Promise<{ id: string; status: string; payment_id: string; attempt: number }[]> =>
  door.sql('select id, status, payment_id, attempt from provisioning_jobs where account_id = $1 order by attempt', [accountId]);
const signalsOf = async (workflowId: string): Promise<number> => {
  const { events } = await temporal.client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).filter((event) => event.workflowExecutionSignaledEventAttributes != null).length;
};

type Pay = Parameters<FrontDoor['simulator']['control']['pay']>[1];

/** Opens an order and pays it; the webhook has been answered when this returns. */
async function paid(overrides: Pay = {}): Promise<CheckoutAnswer & { paymentId: string }> {
  const order = await door.checkout();
  started.add(onboardingWorkflowId(order.accountId)).add(accountWorkflowId(order.accountId));
  const { paymentId } = await door.simulator.control.pay(order.preferenceId, overrides);
  await door.simulator.control.idle();
  return { ...order, paymentId };
}

const renotify = async (paymentId: string): Promise<void> => {
  await door.simulator.control.deliver({ paymentId, url: door.webhookUrl });
};

describe('an approved payment', () => {
  test('P-111 starts one run, named after the account, that carries ids only', async () => {
    const { accountId, paymentId } = await paid();
    await relay.tick();
    const [job] = await jobsOf(accountId);
    expect(job).toMatchObject({ status: 'queued', payment_id: paymentId, attempt: 1 });
    const run = await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).describe();
    expect(run).toMatchObject({
      type: 'onboarding',
      taskQueue: `${config.ALTA_QUEUE_PREFIX}alta-provisioning`,
      memo: { jobId: job!.id, paymentId },
    });
    expect(run.typedSearchAttributes.get(SEARCH_ATTRIBUTES.state)).toBe('Running');
    expect(run.typedSearchAttributes.get(SEARCH_ATTRIBUTES.account)).toBe(accountId);
    expect(await inboxOf(paymentId)).toEqual([{ status: 'processed', result: 'onboarding started' }]);
    expect((await rowOf(paymentId)).status).toBe('completed');
    expect(await relay.tick()).toBe(0);
  });

  test('P-111 notified again it tells the run that is there, and starts none', async () => {
    const { accountId, paymentId } = await paid();
    await relay.tick();
    await renotify(paymentId);
    await relay.tick();
    expect(await signalsOf(onboardingWorkflowId(accountId))).toBe(1);
    expect(await jobsOf(accountId)).toHaveLength(1);
    expect((await inboxOf(paymentId)).map(({ result }) => result)).toEqual(['onboarding started', 'the running onboarding was told']);
  });

  test('P-107 P-105 pending first: nothing starts and the slug stays reserved; approved later: it starts', async () => {
    const { accountId, slug, paymentId } = await paid({ status: 'pending' });
    await door.sql(`update slug_reservations set expires_at = now() + interval '1 minute' where slug = $1`, [slug]);
    await relay.tick();
    expect(await jobsOf(accountId)).toEqual([]);
    expect(await door.sql(`select expires_at > now() + interval '1 hour' as long from slug_reservations where slug = $1`, [slug])).toEqual([
      { long: true },
    ]);
    await door.simulator.control.setStatus(paymentId, 'approved');
    await door.simulator.control.idle();
    await relay.tick();
    expect(await jobsOf(accountId)).toHaveLength(1);
    expect((await inboxOf(paymentId)).map(({ result }) => result)).toEqual([
      'payment pending; the slug stays reserved',
      'onboarding started',
    ]);
  });

  test('P-106 P-111 a second payment of the account is "paid twice", never a second run', async () => {
    const first = await paid();
    await relay.tick();
    const second = await door.simulator.control.pay(first.preferenceId);
    await door.simulator.control.idle();
    await relay.tick();
    expect(await inboxOf(second.paymentId)).toEqual([{ status: 'processed', result: 'paid twice' }]);
    expect(await jobsOf(first.accountId)).toHaveLength(1);
    expect(await signalsOf(onboardingWorkflowId(first.accountId))).toBe(0);
  });

  test('P-107 a payment that was judged once is not judged twice, until its status changes', async () => {
    const { accountId, paymentId } = await paid();
    await relay.tick();
    // As the run's end would leave it.
    await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).terminate('rejected');
    await door.sql(`update provisioning_jobs set status = 'rejected' where account_id = $1`, [accountId]);
    await door.sql(
      `update payments set verdict = 'rejected', verdict_code = 'PAYMENT_AMOUNT_MISMATCH', judged_status = 'approved' where payment_id = $1`,
      [paymentId],
    );
    await renotify(paymentId);
    await relay.tick();
    expect((await inboxOf(paymentId)).at(-1)?.result).toBe('already judged: PAYMENT_AMOUNT_MISMATCH');
    expect(await jobsOf(accountId)).toHaveLength(1);
  });

  test('P-121 after a run was undone, the same payment starts nothing by itself', async () => {
    const { accountId, paymentId } = await paid();
    await relay.tick();
    await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).terminate('undone');
    await door.sql(`update provisioning_jobs set status = 'compensated' where account_id = $1`, [accountId]);
    await renotify(paymentId);
    await relay.tick();
    expect((await inboxOf(paymentId)).at(-1)?.result).toBe('the onboarding ended as compensated; an operator may retry it');
    expect(await jobsOf(accountId)).toHaveLength(1);
  });

  test('P-121 after a run was terminated, the next notification takes the same job up again', async () => {
    const { accountId, paymentId } = await paid();
    await relay.tick();
    await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).terminate('crashed');
    await renotify(paymentId);
    await relay.tick();
    const [job, ...others] = await jobsOf(accountId);
    expect(others).toEqual([]);
    const run = await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).describe();
    expect(run.status.name).toBe('RUNNING');
    expect(run.memo).toMatchObject({ jobId: job!.id });
  });

  test('P-111 a run of an earlier job that has not quite ended is waited for, without counting', async () => {
    const { accountId, paymentId } = await paid();
    await relay.tick();
    await door.sql(`update provisioning_jobs set status = 'rejected' where account_id = $1`, [accountId]);
    await renotify(paymentId);
    await relay.tick();
    expect(await rowOf(paymentId)).toMatchObject({ status: 'pending', attempt_count: 0 });
    await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).terminate('ended');
    await wind();
    await relay.tick();
    expect((await jobsOf(accountId)).map(({ attempt }) => attempt)).toEqual([1, 2]);
    expect((await rowOf(paymentId)).status).toBe('completed');
  });
});

describe('other payments', () => {
  test('P-104 a payment that Mercado Pago does not know is ignored, with the reason', async () => {
    await door.simulator.control.deliver({ paymentId: '880404', url: door.webhookUrl });
    await relay.tick();
    expect(await inboxOf('880404')).toEqual([{ status: 'ignored', result: 'Mercado Pago does not know this payment' }]);
  });

  test.each([
    ['no order', null, 'the payment names no order'],
    ['an unknown order', randomUUID(), 'no account has the external reference of the payment'],
    ['something that is no id', "x'; drop table outbox", 'no account has the external reference of the payment'],
  ])('P-106 a payment of %s is recorded and ignored', async (_name, externalReference, result) => {
    const order = await door.checkout();
    const { paymentId } = await door.simulator.control.pay(order.preferenceId, { externalReference });
    await door.simulator.control.idle();
    await relay.tick();
    expect(await inboxOf(paymentId)).toEqual([{ status: 'ignored', result }]);
    expect(await door.sql('select account_id from payments where payment_id = $1', [paymentId])).toEqual([{ account_id: null }]);
  });

  test('P-107 a refund before the store is there tells the run; after it, the account', async () => {
    const { accountId, paymentId } = await paid();
    await relay.tick();
    await door.simulator.control.setStatus(paymentId, 'refunded');
    await door.simulator.control.idle();
    await relay.tick();
    expect((await inboxOf(paymentId)).at(-1)?.result).toBe('payment refunded; the running onboarding was told');

    await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).terminate('as if completed');
    await door.sql(`update provisioning_jobs set status = 'completed' where account_id = $1`, [accountId]);
    await door.sql(`insert into backend_clusters (cluster_id, display_name, supabase_url, service_role_key, publishable_key)
                    values ('r1', 'r1', 'http://127.0.0.1:9', 'v1.t.t.t', 'p') on conflict do nothing`);
    await door.sql(`update nv_accounts set status = 'provisioned', backend_cluster_id = 'r1' where id = $1`, [accountId]);
    await door.simulator.control.setStatus(paymentId, 'charged_back');
    await door.simulator.control.idle();
    await relay.tick();
    await relay.tick();
    expect((await inboxOf(paymentId)).at(-1)?.result).toBe('payment charged back; the account was told');
    expect(await signalsOf(accountWorkflowId(accountId))).toBe(1);
    await renotify(paymentId);
    await relay.tick();
    await relay.tick();
    expect(await signalsOf(accountWorkflowId(accountId))).toBe(1);
  });
});

describe('when delivery fails', () => {
  test('P-225 P-226 P-227 P-755 waits of 30 s, 2 m, 8 m and 32 m; dead after the fifth attempt, with its reason', async () => {
    expect(OUTBOX_BACKOFF_MS).toEqual([30_000, 120_000, 480_000, 1_920_000]);
    const { paymentId } = await paid();
    const calls = (): number => faults.passed.filter((boundary) => boundary === 'mercadopago.get-payment').length;
    const before = calls();
    faults.at('mercadopago.get-payment', { mode: 'fail-before', code: 'MP_UNAVAILABLE' });
    for (const [index, wait] of OUTBOX_BACKOFF_MS.entries()) {
      await relay.tick();
      const row = await rowOf(paymentId);
      expect(row).toMatchObject({ status: 'pending', attempt_count: index + 1, error_code: 'MP_UNAVAILABLE' });
      expect(Math.abs(row.wait_ms - wait)).toBeLessThan(1_000);
      expect(await relay.tick()).toBe(0);
      await wind();
    }
    await relay.tick();
    expect(await rowOf(paymentId)).toMatchObject({ status: 'failed', attempt_count: 5, error_code: 'MP_UNAVAILABLE' });
    await wind();
    expect(await relay.tick()).toBe(0);
    expect(calls() - before).toBe(5);
    // Mercado Pago sends it once more: it is read afresh.
    faults.clear();
    const [inbox] = await door.sql<{ delivery_key: string }>('select delivery_key from webhook_inbox where payment_id = $1', [paymentId]);
    await door.simulator.control.deliver({ paymentId, url: door.webhookUrl, notificationId: inbox!.delivery_key.slice(2) });
    await relay.tick();
    expect((await rowOf(paymentId)).status).toBe('completed');
  });

  test.each(['TEMPORAL_UNAVAILABLE', 'MP_RATE_LIMITED'] as const)(
    'decision 7: pushback (%s) is a retry that does not count',
    async (code) => {
      const { accountId, paymentId } = await paid();
      faults.at(code === 'MP_RATE_LIMITED' ? 'mercadopago.get-payment' : 'temporal.start-onboarding', {
        mode: 'fail-before',
        code,
        times: 7,
      });
      for (let attempt = 0; attempt < 7; attempt += 1) {
        await relay.tick();
        expect(await rowOf(paymentId)).toMatchObject({ status: 'pending', attempt_count: 0 });
        await wind();
      }
      await relay.tick();
      expect((await rowOf(paymentId)).status).toBe('completed');
      expect(await jobsOf(accountId)).toHaveLength(1);
    },
  );

  test('a Temporal that is really away is pushback; the order stands and starts when it is back', async () => {
    const { accountId, paymentId } = await paid();
    const connection = Connection.lazy({ address: '127.0.0.1:9', interceptors: [] });
    await relayFor(door.db, new Client({ connection })).tick();
    await connection.close();
    expect(await rowOf(paymentId)).toMatchObject({ status: 'pending', attempt_count: 0 });
    await wind();
    await relay.tick();
    expect((await rowOf(paymentId)).status).toBe('completed');
    expect(await jobsOf(accountId)).toHaveLength(1);
  });

  test('P-226 a row that can never be delivered is dead at once', async () => {
    await publish(door.db, {
      target: 'account',
      eventKey: `odd/${randomUUID()}`,
      accountId: null,
      payload: { type: 'payment.notified', inboxId: randomUUID(), paymentId: '1' },
    });
    await relay.tick();
    expect(await rowOfKey('odd/')).toMatchObject({ status: 'failed', attempt_count: 1, error_code: 'INPUT_INVALID' });
  });

  const rowOfKey = async (prefix: string): Promise<Row | undefined> =>
    (await door.sql<Row>('select status, attempt_count, error_code from outbox where event_key like $1', [`${prefix}%`]))[0];
});

describe('claims', () => {
  test('P-227 who lost the claim marks nothing', async () => {
    const { paymentId } = await paid();
    let goOn = (): void => undefined;
    const held = new Promise<void>((resolve) => (goOn = resolve));
    let reading = false;
    const slowMp = {
      ...door.mp,
      getPayment: async (id: string) => {
        reading = true;
        await held;
        return door.mp.getPayment(id);
      },
    };
    const first = relayFor(door.db, temporal.client, config, slowMp).tick();
    await eventually(() => reading);
    // The lease runs out while the first relay is still at work, and another takes the row over.
    await door.sql(`update outbox set locked_until = now() - interval '1 second' where status = 'processing'`);
    expect(await relay.tick()).toBe(1);
    const after = await rowOf(paymentId);
    const told = await inboxOf(paymentId);
    expect(told).toEqual([{ status: 'processed', result: 'onboarding started' }]);
    goOn();
    await first;
    expect(await rowOf(paymentId)).toEqual(after);
    expect(await inboxOf(paymentId)).toEqual(told);
  });

  test('P-112 P-222 killed between publish and mark: the row is delivered again and leads to the same run', async () => {
    const { accountId, paymentId } = await paid();
    faults.at('relay.mark', { mode: 'fail-before', times: 1 });
    faults.at('relay.mark-failed', { mode: 'fail-before', times: 1 });
    await relay.tick();
    const run = await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).describe();
    expect((await rowOf(paymentId)).status).toBe('processing');
    await door.sql(`update outbox set locked_until = now() - interval '1 second' where status = 'processing'`);
    await relay.tick();
    expect((await rowOf(paymentId)).status).toBe('completed');
    expect((await temporal.client.workflow.getHandle(onboardingWorkflowId(accountId)).describe()).runId).toBe(run.runId);
    expect(await jobsOf(accountId)).toHaveLength(1);
  });

  test('P-112 a start whose answer is lost is looked at before it is believed', async () => {
    const { accountId, paymentId } = await paid();
    faults.at('temporal.start-onboarding', { mode: 'fail-after', code: 'TEMPORAL_UNAVAILABLE', times: 1 });
    await relay.tick();
    await wind();
    await relay.tick();
    expect(await inboxOf(paymentId)).toEqual([{ status: 'processed', result: 'the running onboarding was told' }]);
    expect(await jobsOf(accountId)).toHaveLength(1);
  });

  test('P-111 P-170 a hundred copies while two relays are at work: each answered 200, one run, nothing left over', async () => {
    const { accountId, paymentId } = await paid();
    const [inbox] = await door.sql<{ delivery_key: string }>('select delivery_key from webhook_inbox where payment_id = $1', [paymentId]);
    const relays = [relayFor(), relayFor()];
    const runs = relays.map((each) => each.run());
    const reports = await door.simulator.control.deliver({
      paymentId,
      url: door.webhookUrl,
      copies: 100,
      notificationId: inbox!.delivery_key.slice(2),
      retry: false,
    });
    expect(reports.map(({ status }) => status)).toEqual(Array(100).fill(200));
    await eventually(async () => (await rowOf(paymentId)).status === 'completed');
    await Promise.all(relays.map((each) => each.stop()));
    await Promise.all(runs);
    expect(await inboxOf(paymentId)).toHaveLength(1);
    expect((await inboxOf(paymentId))[0]?.status).toBe('processed');
    expect(await jobsOf(accountId)).toHaveLength(1);
  });

  test('P-222 P-300 a burst for one account is told one event at a time, in which nothing is lost; other accounts do not wait for it', async () => {
    const ids = [randomUUID(), randomUUID()];
    const underWay = new Map<string, number>();
    let most = 0;
    let together = 0;
    const client = new Client({
      connection: temporal.client.connection,
      namespace: temporal.namespace,
      interceptors: {
        workflow: [
          {
            async signalWithStart(input, next) {
              const id = input.options.workflowId;
              underWay.set(id, (underWay.get(id) ?? 0) + 1);
              most = Math.max(most, underWay.get(id)!);
              together = Math.max(together, [...underWay.values()].filter((n) => n > 0).length);
              try {
                return await next(input);
              } finally {
                underWay.set(id, underWay.get(id)! - 1);
              }
            },
          },
        ],
      },
    });
    for (const [n, id] of [...Array(20).keys()].flatMap((n) => ids.map((id) => [n, id] as const))) {
      started.add(accountWorkflowId(id));
      await publish(door.db, {
        target: 'account',
        eventKey: `burst/${id}/${String(n)}`,
        accountId: null,
        payload: { type: 'account.created', accountId: id, version: n + 1, aspects: ['client'] },
      });
    }
    await relayFor(door.db, client).tick();
    expect({ most, together }).toEqual({ most: 1, together: 2 });
    expect(await Promise.all(ids.map((id) => signalsOf(accountWorkflowId(id))))).toEqual([20, 20]);
  });

  test('P-220 a running relay takes new rows up by itself, one round after the other, and no setting lets it rest for 30 s', async () => {
    const refusal = (rest: string): string => {
      try {
        loadConfig({ ...process.env, RELAY_POLL_MAX_MS: rest });
      } catch (error) {
        return (error as Error).message;
      }
      return '';
    };
    expect(refusal('30000')).toContain('RELAY_POLL_MAX_MS');
    expect(refusal('1000')).not.toContain('RELAY_POLL_MAX_MS');
    const rounds = { under: 0, most: 0, begun: 0 };
    const counted: AdminDb = {
      ...door.db,
      async query<T>(statement: NamedQuery): Promise<T[]> {
        if (statement.name !== 'admin-db.claim-outbox') return door.db.query<T>(statement);
        rounds.begun += 1;
        rounds.under += 1;
        rounds.most = Math.max(rounds.most, rounds.under);
        return door.db.query<T>(statement).finally(() => (rounds.under -= 1));
      },
    };
    const running = relayFor(counted);
    const run = running.run();
    try {
      // It idles before the row is there.
      await eventually(() => rounds.begun > 3);
      const { accountId, paymentId } = await paid();
      await eventually(async () => (await rowOf(paymentId)).status === 'completed');
      expect(await jobsOf(accountId)).toHaveLength(1);
    } finally {
      await running.stop();
      await run;
    }
    expect(rounds).toMatchObject({ under: 0, most: 1 });
  });

  test('P-221 two relays at once deliver each of 60 rows once', async () => {
    const other = createAdminDb(door.config.ADMIN_DATABASE_URL);
    const accounts = Array.from({ length: 60 }, () => randomUUID());
    for (const id of accounts) {
      started.add(accountWorkflowId(id));
      await publish(door.db, {
        target: 'account',
        eventKey: `account.created/${id}`,
        accountId: null,
        payload: { type: 'account.created', accountId: id, version: 3, aspects: ['client'] },
      });
    }
    const relays = [relayFor(), relayFor(other)];
    const runs = relays.map((each) => each.run());
    await eventually(async () => {
      const [row] = await door.sql<{ n: number }>(
        `select count(*)::int as n from outbox where event_key = any($1) and status = 'completed' and attempt_count = 1`,
        [accounts.map((id) => `account.created/${id}`)],
      );
      return row!.n === accounts.length;
    });
    await Promise.all(relays.map((each) => each.stop()));
    await Promise.all(runs);
    await other.close();
    const signals = await Promise.all(accounts.map((id) => signalsOf(accountWorkflowId(id))));
    expect(signals).toEqual(accounts.map(() => 1));
  });
});
