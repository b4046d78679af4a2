import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { createVault } from '../../adapters/vault/index.ts';
import { diagnose, type Diagnosis } from '../../client/operations/doctor/index.ts';
import { runCli } from '../../client/cli/program.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

let world: World;
let env: Record<string, string>;

beforeAll(async () => {
  world = await startWorld({ run: { relay: false, api: false } });
  env = { ...world.env, NODE_ENV: 'development', PUBLIC_URL: 'https://alta.example.com' };
  // The queues count once a poll has reached the server.
  await eventually(async () => (await diagnose(env)).healthy, 'a healthy stack', 60_000);
}, 300_000);
afterEach(() => Promise.all(world.lines.map((line) => line.up())));
afterAll(() => world.close());

const failed = ({ findings }: Diagnosis): string[] => findings.filter(({ verdict }) => verdict === 'fail').map(({ name }) => name);

test('a healthy stack passes, with every setting and connection named', async () => {
  const diagnosis = await diagnose(env);
  expect(failed(diagnosis)).toEqual([]);
  const names = diagnosis.findings.map(({ name }) => name);
  for (const name of ['setting ADMIN_DATABASE_URL', 'setting TEMPORAL_*', 'admin db', 'admin db migrations', 'clock', 'cluster north'])
    expect(names).toContain(name);
  for (const name of [
    'temporal',
    'temporal namespace',
    'temporal search attributes',
    'temporal queue provisioning',
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
          ALTA_CODEC_KEYS: `c1:${Buffer.alloc(32, 4).toString('base64')}`,
        }),
    ],
    ['setting MP_COLLECTOR_ID', 'a missing setting', () => Promise.resolve({ ...env, MP_COLLECTOR_ID: '' })],
  ];
  test.each(broken)('%s: %s', async (name, _what, breakIt) => {
    const diagnosis = await diagnose(await breakIt());
    expect(diagnosis.healthy).toBe(false);
    const finding = diagnosis.findings.find((one) => one.name === name && one.verdict === 'fail');
    expect(finding?.fix?.length).toBeGreaterThan(8);
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

test('alta doctor exits 1 when something fails', async () => {
  const before = { ...process.env };
  Object.assign(process.env, env, { TEMPORAL_ADDRESS: '127.0.0.1:9' });
  try {
    expect(await runCli(['doctor', '--json'])).toBe(1);
  } finally {
    process.env = before;
    process.exitCode = 0;
  }
});
