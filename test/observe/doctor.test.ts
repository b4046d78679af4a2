import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createVault } from '../../adapters/vault/index.ts';
import { diagnose, type Diagnosis, type Finding } from '../../client/operations/doctor/index.ts';
import { createAltaClient } from '../../client/index.ts';
import { UPKEEP_TASKS, upkeepScheduleId, type UpkeepTask } from '../../contract/upkeep.ts';
import { runAlta } from '../support/alta-cli.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let env: Record<string, string>;
let faults: Faults;
const key = (id: string, byte: number): string => `${id}:${Buffer.alloc(32, byte).toString('base64')}`;
const CODEC = { first: key('c1', 4), second: key('c2', 5) };

const applySchedules = (): Promise<unknown> =>
  createAltaClient({ db: world.db, temporal: world.temporal, config: world.config }).schedules.apply();
const scheduleOf = (task: UpkeepTask) => world.temporal.schedule.getHandle(upkeepScheduleId(task, world.config.ALTA_QUEUE_PREFIX));

beforeAll(async () => {
  world = await startWorld({ env: { ALTA_CODEC_KEYS: CODEC.first, REFUND_ON_FAILURE: 'never' } });
  faults = installFaults();
  await applySchedules();
  env = { ...world.env, NODE_ENV: 'development', PUBLIC_URL: 'https://alta.example.com' };
  // The queues count once a poll has reached the server.
  await eventually(
    async () => {
      expect((await diagnose(env)).findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
      return true;
    },
    'a healthy stack',
    120_000,
  );
}, 300_000);
afterEach(async () => {
  faults.clear();
  await Promise.all(world.lines.map((line) => line.up()));
});
afterAll(async () => {
  faults.remove();
  for (const task of UPKEEP_TASKS)
    await scheduleOf(task)
      .delete()
      .catch(() => undefined);
  await world.close();
});

const failed = ({ findings }: Diagnosis): string[] => findings.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);
const finding = async (name: string, settings = env): Promise<Finding | undefined> =>
  (await diagnose(settings)).findings.find((one) => one.name === name);

test('a healthy stack passes, with every setting and connection named', async () => {
  const diagnosis = await diagnose(env);
  expect(failed(diagnosis)).toEqual([]);
  const names = diagnosis.findings.map(({ name }) => name);
  for (const name of [
    'setting ADMIN_DATABASE_URL',
    'setting TEMPORAL_*',
    'admin db',
    'admin db migrations',
    'admin db log',
    'clock',
    'cluster north',
  ])
    expect(names).toContain(name);
  for (const name of [
    'temporal',
    'temporal namespace',
    'temporal search attributes',
    'temporal queue provisioning',
    'schedule poll-payments',
    'schedule purge-outbox',
    'codec keys',
    'codec plaintext',
    'codec keys of open runs',
    'mercado pago',
    'mail server',
  ])
    expect(names).toContain(name);
  expect(diagnosis.findings.find(({ name }) => name.startsWith('sealed values'))).toMatchObject({
    verdict: 'ok',
    detail: '2 can be opened',
  });
});

describe('each broken thing is found by its name, and says how to mend it', () => {
  const broken: [string, string, () => Promise<Record<string, string>>][] = [
    ['cluster south', 'a cluster that is down', async () => (await world.lines[1]!.down(), env)],
    ['mercado pago', 'a wrong token', () => Promise.resolve({ ...env, MP_ACCESS_TOKEN: 'nobody' })],
    ['mercado pago', 'the token of another account', () => Promise.resolve({ ...env, MP_COLLECTOR_ID: '1' })],
    ['mail server', 'no mail server', () => Promise.resolve({ ...env, SMTP_URL: 'smtp://127.0.0.1:9' })],
    ['temporal', 'no Temporal', () => Promise.resolve({ ...env, TEMPORAL_ADDRESS: '127.0.0.1:9' })],
    ['temporal namespace', 'no such namespace', () => Promise.resolve({ ...env, TEMPORAL_NAMESPACE: 'nowhere' })],
    ['temporal queue upkeep', 'a queue without workers', () => Promise.resolve({ ...env, ALTA_QUEUE_PREFIX: 'nobody-' })],
    ['admin db', 'no Admin DB', () => Promise.resolve({ ...env, ADMIN_DATABASE_URL: 'postgres://alta:alta@127.0.0.1:9/alta' })],
    [
      'sealed values of key t1',
      'a lost vault key',
      () => Promise.resolve({ ...env, ALTA_VAULT_KEYS: `t2:${Buffer.alloc(32, 3).toString('base64')}` }),
    ],
    [
      'webhook address',
      'http in production',
      () =>
        Promise.resolve({
          ...env,
          NODE_ENV: 'production',
          PUBLIC_URL: 'http://alta.example.com',
        }),
    ],
    [
      'codec plaintext',
      'plain payloads that pass in production',
      () => Promise.resolve({ ...env, NODE_ENV: 'production', ALTA_CODEC_PLAINTEXT: 'accept' }),
    ],
    ['codec keys', 'a codec key that is none', () => Promise.resolve({ ...env, ALTA_CODEC_KEYS: 'c1:short' })],
    ['schedule expire-reservations', 'a schedule of other settings', () => Promise.resolve({ ...env, EXPIRY_SECONDS: '77' })],
    ['schedule purge-outbox', 'a schedule that nobody applied', () => Promise.resolve({ ...env, ALTA_QUEUE_PREFIX: 'nobody-' })],
    ['setting MP_COLLECTOR_ID', 'a missing setting', () => Promise.resolve({ ...env, MP_COLLECTOR_ID: '' })],
  ];
  test.each(broken)('%s: %s', async (name, _what, breakIt) => {
    const diagnosis = await diagnose(await breakIt());
    expect(diagnosis.healthy).toBe(false);
    const found = diagnosis.findings.find((one) => one.name === name && one.verdict === 'fail');
    expect(found?.fix?.length).toBeGreaterThan(8);
    expect(JSON.stringify(diagnosis)).not.toContain(world.env['MP_ACCESS_TOKEN']);
  });

  test('admin db migrations: one that was not applied', async () => {
    await world.sql(`update schema_migrations set name = 'x' || name where name like '0001%'`);
    try {
      expect(failed(await diagnose(env))).toContain('admin db migrations');
    } finally {
      await world.sql(`update schema_migrations set name = substr(name, 2) where name like 'x0001%'`);
    }
  });
});

test('every column that holds sealed values is looked at: one value under a key that is gone is found wherever it stands', async () => {
  const before = await world.sql<{ url: string | null }>(`select db_url_encrypted as url from backend_clusters where cluster_id = 'north'`);
  const lost = createVault(`lost:${Buffer.alloc(32, 9).toString('base64')}`);
  const place = { table: 'backend_clusters', id: 'north', field: 'db_url_encrypted' };
  await world.sql(`update backend_clusters set db_url_encrypted = $1 where cluster_id = 'north'`, [lost.seal('postgres://x', place)]);
  try {
    expect(failed(await diagnose(env))).toEqual(['sealed values of key lost']);
  } finally {
    await world.sql(`update backend_clusters set db_url_encrypted = $1 where cluster_id = 'north'`, [before[0]?.url ?? null]);
  }
});

describe('schedules: each must be there as this version wants it, on, and its last run must have ended well', () => {
  const well = { verdict: 'ok' };
  test('one that an operator paused, with the note', async () => {
    await scheduleOf('poll-payments').pause('Mercado Pago is being moved');
    expect(await finding('schedule poll-payments')).toMatchObject({
      verdict: 'fail',
      detail: 'is paused (Mercado Pago is being moved)',
      fix: expect.stringContaining('--unpause'),
    });
    await scheduleOf('poll-payments').unpause();
    expect(await finding('schedule poll-payments')).toMatchObject(well);
  });

  test.each([
    ['spec', { spec: { intervals: [{ every: 61_000 }] } }],
    ['spec', { spec: { intervals: [{ every: 60_000 }], calendars: [{ hour: 5 }] } }],
    ['overlap', { policies: { overlap: 'ALLOW_ALL', catchupWindow: 60_000, pauseOnFailure: false } }],
    ['catch-up window', { policies: { overlap: 'SKIP', catchupWindow: 70_000, pauseOnFailure: false } }],
    ['pause on failure', { policies: { overlap: 'SKIP', catchupWindow: 60_000, pauseOnFailure: true } }],
  ] as const)('one whose %s somebody changed by hand: %j', async (what, change) => {
    await scheduleOf('restart-lost').update((is) => ({ ...is, ...(change as unknown as typeof is) }));
    expect(await finding('schedule restart-lost')).toMatchObject({
      verdict: 'fail',
      detail: `differs from what is wanted: ${what}`,
      fix: 'Run `alta schedules apply`.',
    });
    await applySchedules();
    expect(await finding('schedule restart-lost')).toMatchObject(well);
  });

  test('one that was deleted', async () => {
    await scheduleOf('purge-outbox').delete();
    expect(await finding('schedule purge-outbox')).toMatchObject({ verdict: 'fail', detail: expect.stringContaining('is not there') });
    await applySchedules();
    expect(await finding('schedule purge-outbox')).toMatchObject(well);
  });

  test('one whose last run failed, until a run ends well', async () => {
    faults.at('admin-db.purge-outbox', { mode: 'fail-before', code: 'ADMIN_DB_REJECTED' });
    await scheduleOf('purge-outbox').trigger();
    const found = await eventually(async () => {
      const one = await finding('schedule purge-outbox');
      return one?.verdict === 'fail' ? one : undefined;
    }, 'a failed run');
    expect(found).toMatchObject({ detail: 'its last run ended as FAILED', fix: expect.stringContaining('upkeep/purge-outbox') });
    faults.clear();
    await scheduleOf('purge-outbox').trigger();
    await eventually(async () => (await finding('schedule purge-outbox'))?.verdict === 'ok', 'a run that ended well');
  });
});

test('P-018: every codec key that seals payloads of an open run must be there; what an ended run was sealed under is not asked for', async () => {
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  const order = await world.checkout();
  await world.pay(order);
  await world.job(order.accountId, 'parked');
  faults.clear();

  // Visibility follows.
  const seen = (settings: Record<string, string>, verdict: string): Promise<Finding> =>
    eventually(async () => {
      const one = await finding('codec key c1', settings);
      return one?.verdict === verdict ? one : undefined;
    }, `codec key c1: ${verdict}`);
  expect(await seen(env, 'ok')).toMatchObject({ detail: 'seals payloads of 1 open runs, and is there to open them' });
  const lost = { ...env, ALTA_CODEC_KEYS: CODEC.second };
  expect(await seen(lost, 'fail')).toMatchObject({ fix: 'Put key c1 back into ALTA_CODEC_KEYS.' });
  // One finding, and not one that hides the others.
  expect(failed(await diagnose(lost))).toEqual(['codec key c1']);
  const both = { ...env, ALTA_CODEC_KEYS: `${CODEC.second},${CODEC.first}` };
  expect(await seen(both, 'ok')).toMatchObject({ verdict: 'ok' });
  expect(await finding('codec keys', both)).toMatchObject({ detail: 'payloads are sealed under c2; 2 can open' });

  await world.resolve(order.accountId, { action: 'compensate', actor: 'ana', reason: 'enough of it' });
  await world.job(order.accountId, 'compensated');
  await eventually(async () => (await finding('codec key c1', lost)) === undefined, 'no open run');
  expect(failed(await diagnose(lost))).toEqual([]);
}, 180_000);

test('alta doctor exits 0 where all is well, and 1 when something fails, which its JSON names', async () => {
  const well = await runAlta(env, 'doctor', '--json');
  // First, so that a failure tells which finding it was.
  expect((JSON.parse(well.out) as Diagnosis).findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
  expect(well).toMatchObject({ code: 0, err: '' });
  expect(JSON.parse(well.out)).toMatchObject({ healthy: true });
  const ill = await runAlta({ ...env, TEMPORAL_ADDRESS: '127.0.0.1:9' }, 'doctor', '--json');
  expect(ill).toMatchObject({ code: 1, err: '' });
  expect(failed(JSON.parse(ill.out) as Diagnosis)).toEqual(['temporal']);
});

test('a server that writes values of statements into its log is warned of, with what to set', async () => {
  const { pathname } = new URL(env['ADMIN_DATABASE_URL']!);
  const database = pathname.slice(1);
  expect(await finding('admin db log')).toMatchObject({ verdict: 'ok' });
  await world.sql(`alter database ${database} set log_min_duration_statement = 0`);
  await world.sql(`alter database ${database} set log_parameter_max_length_on_error = -1`);
  expect(await finding('admin db log')).toMatchObject({
    verdict: 'warn',
    fix: expect.stringContaining('Set log_parameter_max_length and log_parameter_max_length_on_error to 0') as unknown,
  });
  await world.sql(`alter database ${database} reset all`);
  expect(await finding('admin db log')).toMatchObject({ verdict: 'ok' });
});
