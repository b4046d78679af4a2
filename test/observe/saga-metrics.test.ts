import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { freePorts } from '../../local/ports.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { eventually } from '../support/eventually.ts';
import { samplesOf, sumBy, type Sample } from '../support/scrape.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/**
 * What real orders in three real processes leave in the scrapes, against what they left in the Admin DB: every figure is compared
 * with a statement that was not written for the metrics.
 */
type Kind = 'worker' | 'relay' | 'api';
const AGREE_MS = 120_000;
let world: World;
let url: string;
const running = new Map<Kind, { process: AltaProcess; metrics: string }>();

const start = async (kind: Kind): Promise<void> => {
  const process = startAlta(kind, { ...world.env, PUBLIC_URL: url, API_PORT: new URL(url).port, METRICS_PORT: '0' });
  running.set(kind, { process, metrics: String((await process.ready)['metrics']) });
};

beforeAll(async () => {
  world = await startWorld({ run: { worker: false, relay: false, api: false } });
  const [port] = await freePorts(1);
  url = `http://127.0.0.1:${port!}`;
  await Promise.all([start('worker'), start('relay'), start('api')]);
}, 300_000);
afterEach(() => Promise.all(world.lines.map((line) => line.up())));
afterAll(async () => {
  await Promise.all([...running.values()].map(({ process }) => process.stop()));
  await world.close();
});

const scraped = async (kind: Kind): Promise<Sample[]> => samplesOf(await (await fetch(running.get(kind)!.metrics)).text());
const place = (overrides: Parameters<World['checkout']>[0] = {}): Promise<PlacedOrder> => world.checkout(overrides, { url });
/** `{completed: 2}`: what a statement counts, by its first column. */
const counted = async (text: string): Promise<Record<string, number>> =>
  Object.fromEntries((await world.sql<{ key: string; n: number | string }>(text)).map(({ key, n }) => [key, Number(n)]));

/** Looks at one metric, by one label, until it says what the statement says. */
const agree = (
  kind: Kind,
  name: string,
  label: string,
  where: Record<string, string>,
  statement: string,
): Promise<Record<string, number>> =>
  eventually(
    async () => {
      const wanted = await counted(statement);
      expect(sumBy(await scraped(kind), name, label, where)).toEqual(wanted);
      return wanted;
    },
    `${name} by ${label} as in the Admin DB`,
    AGREE_MS,
  );

const JOBS = 'select status as key, count(*) as n from provisioning_jobs where status';
const STEPS = 'select step as key, count(*) as n from provisioning_job_steps where status';

test('P-601 P-610 P-611: onboardings by their end, steps done, undone, tried again and failed are those of the ledger', async () => {
  const stores = [await place(), await place()];
  for (const order of stores) await world.pay(order);
  const wrong = await place();
  await world.pay(wrong, { amount: '1' });
  // A token that was sealed for another place does not open: the run parks, and an operator has it undone.
  const undone = await place();
  await world.sql('update nv_accounts set mp_access_token_encrypted = mp_refresh_token_encrypted where id = $1', [undone.accountId]);
  await world.pay(undone);
  await world.job(undone.accountId, 'parked');
  await agree('relay', 'alta_jobs', 'state', {}, `${JOBS} in ('queued', 'running', 'waiting', 'parked', 'compensating') group by 1`);
  await world.resolve(undone.accountId, { action: 'compensate', actor: 'ana', reason: 'the token is lost' });
  await world.job(undone.accountId, 'compensated');
  for (const { accountId } of stores) await world.job(accountId, 'completed');
  await world.job(wrong.accountId, 'rejected');

  const ended = `${JOBS} in ('completed', 'rejected', 'compensated') group by 1`;
  expect(await agree('worker', 'alta_onboardings_total', 'state', {}, ended)).toEqual({ completed: 2, rejected: 1, compensated: 1 });
  await agree('relay', 'alta_jobs_ended_2h', 'state', {}, ended);

  const done = `${STEPS} in ('done', 'compensated') and finished_at is not null and error_code is null group by 1`;
  const steps = await agree('worker', 'alta_step_seconds_count', 'step', { act: 'do', outcome: 'done' }, done);
  expect(Object.keys(steps).length).toBeGreaterThan(10);
  const undos = `${STEPS} = 'compensated' group by 1`;
  expect(await agree('worker', 'alta_step_seconds_count', 'step', { act: 'undo', outcome: 'done' }, undos)).toMatchObject({
    'upsert-client': 1,
  });
  const again = `select step as key, sum(attempt - 1) as n from provisioning_job_steps where attempt > 1 group by 1`;
  await agree('worker', 'alta_step_retries_total', 'step', { act: 'do' }, again);
  expect(sumBy(await scraped('worker'), 'alta_step_failures_total', 'code', { step: 'sync-mp-credentials', act: 'do' })).toEqual(
    await counted(
      `select error_code as key, sum(attempt) as n from provisioning_job_steps where step = 'sync-mp-credentials' and error_code is not null group by 1`,
    ),
  );
}, 300_000);

test('P-611: the latency of a step covers what the ledger says that it took', async () => {
  const order = await place();
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  const took = await world.sql<{ step: string; seconds: number }>(
    `select step, sum(extract(epoch from finished_at - started_at))::float8 as seconds from provisioning_job_steps
     where step not in (select step from provisioning_job_steps where attempt > 1 or error_code is not null or finished_at is null)
     group by 1`,
  );
  expect(took.length).toBeGreaterThan(8);
  await agree('worker', 'alta_onboardings_total', 'state', { state: 'completed' }, `${JOBS} = 'completed' group by 1`);
  const samples = await scraped('worker');
  const sums = sumBy(samples, 'alta_step_seconds_sum', 'step', { act: 'do' });
  // The ledger's two times are taken within the time that is measured, on another clock; its ticks may differ by milliseconds.
  for (const { step, seconds } of took) expect(sums[step]!).toBeGreaterThan(seconds - 0.05);
  for (const { step } of took) {
    const counts = sumBy(samples, 'alta_step_seconds_count', 'step', { act: 'do' })[step]!;
    expect(sumBy(samples, 'alta_step_seconds_bucket', 'step', { act: 'do', le: '+Inf' })[step]).toBe(counts);
  }
});

test('P-606 P-610: a cluster that is down shows as parked runs and failed tries on it, and as none when it is back', async () => {
  await world.lines[0]!.down();
  await world.lines[1]!.down();
  const order = await place();
  await world.pay(order);
  await world.job(order.accountId, 'parked');
  const parked = `${JOBS} = 'parked' group by 1`;
  expect(await agree('relay', 'alta_jobs', 'state', { state: 'parked' }, parked)).toEqual({ parked: 1 });
  const [{ oldest, cluster } = { oldest: 0, cluster: '' }] = await world.sql<{ oldest: number; cluster: string }>(
    `select extract(epoch from now() - updated_at)::float8 as oldest, cluster_id as cluster from provisioning_jobs where status = 'parked'`,
  );
  await eventually(
    async () => sumBy(await scraped('relay'), 'alta_jobs_parked_oldest_seconds', 'none')['undefined']! >= oldest,
    'the age of the parked run',
    AGREE_MS,
  );
  const [{ tries } = { tries: 0 }] = await world.sql<{ tries: number }>(
    `select s.attempt as tries from provisioning_job_steps s join provisioning_jobs j on j.id = s.job_id where s.step = 'upsert-client' and j.status = 'parked'`,
  );
  expect(tries).toBeGreaterThan(1);
  expect(sumBy(await scraped('worker'), 'alta_cluster_steps_total', 'cluster', { outcome: 'failed' })).toEqual({ [cluster]: tries });

  await Promise.all(world.lines.map((line) => line.up()));
  await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'the cluster is back' });
  await world.job(order.accountId, 'completed');
  await agree('relay', 'alta_jobs', 'state', { state: 'parked' }, parked);
  await agree('relay', 'alta_jobs_ended_2h', 'state', {}, `${JOBS} in ('completed', 'rejected', 'compensated') group by 1`);
}, 300_000);

test('P-603 P-611: a row that waits in the outbox ages, and is gone when the relay has carried it', async () => {
  const rows = `select target || '/' || status as key, count(*) as n from outbox where status <> 'completed' group by 1`;
  const scrapedRows = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await scraped('relay'))
        .filter(({ name, value }) => name === 'alta_outbox_rows' && value > 0)
        .map(({ labels, value }) => [`${labels['target']!}/${labels['state']!}`, value]),
    );
  const sameRows = (): Promise<boolean> =>
    eventually(
      async () => {
        expect(await scrapedRows()).toEqual(await counted(rows));
        return true;
      },
      'the rows of the outbox',
      AGREE_MS,
    );
  await eventually(async () => Object.keys(await counted(rows)).length === 0, 'an empty outbox', AGREE_MS);

  // While no relay runs the API writes the row; then somebody holds it, so that the relay that comes cannot claim it.
  await running.get('relay')!.process.stop();
  const order = await place();
  await world.pay(order);
  await eventually(async () => (await counted(rows))['onboarding/pending'] === 1, 'a row in the outbox', AGREE_MS);
  const holder = await world.db.pool.connect();
  try {
    await holder.query('begin');
    await holder.query(`select 1 from outbox where status = 'pending' for update`);
    await start('relay');
    await sameRows();
    const dueFor = async (): Promise<number> =>
      (
        await world.sql<{ age: number }>(`select extract(epoch from now() - due_at)::float8 as age from outbox where status = 'pending'`)
      )[0]!.age;
    const shown = async (): Promise<number> => sumBy(await scraped('relay'), 'alta_outbox_oldest_due_seconds', 'target')['onboarding'] ?? 0;
    const before = await dueFor();
    // What is told was read after `before`, and not later than now.
    const age = await eventually(
      async () => {
        const found = await shown();
        return found >= before ? found : undefined;
      },
      'the age of the oldest row',
      AGREE_MS,
    );
    expect(age).toBeLessThanOrEqual(await dueFor());
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  await world.job(order.accountId, 'completed');
  await sameRows();
  await eventually(
    async () => Object.keys(sumBy(await scraped('relay'), 'alta_outbox_oldest_due_seconds', 'target')).length === 0,
    'no row that is due',
    AGREE_MS,
  );
}, 300_000);

test('P-611: the webhook’s answers are those of the inbox: every delivery is counted, accepted once and repeated after that', async () => {
  const order = await place();
  const { paymentId } = await world.pay(order);
  await world.simulator.control.deliver({ paymentId, copies: 7 });
  await world.simulator.control.idle();
  const answers = `
    select 'accepted' as key, count(*) as n from webhook_inbox where delivery_key not like 'poll/%'
    union all select 'repeated', sum(deliveries - 1) from webhook_inbox having sum(deliveries) > count(*)`;
  const seen = await agree('api', 'alta_webhook_acks_total', 'reason', { status: '200' }, answers);
  expect(seen['repeated']).toBeGreaterThan(0);
  const samples = await scraped('api');
  const total = Object.values(seen).reduce((sum, n) => sum + n, 0);
  expect(sumBy(samples, 'alta_webhook_ack_seconds_count', 'status')).toEqual({ '200': total });
  expect(sumBy(samples, 'alta_http_request_seconds_count', 'route', { status: '200', method: 'POST' })).toEqual({
    '/webhooks/mercadopago': total,
  });
});
