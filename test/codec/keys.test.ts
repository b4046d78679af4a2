import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import { randomBytes } from 'node:crypto';
import { createActivities } from '../../activities/index.ts';
import { loadCluster, loadMpCredentials } from '../../adapters/admin-db/index.ts';
import { createLogger } from '../../adapters/log.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { keysStatus, rotateKeys } from '../../client/operations/keys.ts';
import { taskQueue } from '../../contract/ids.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { workerDataConverter } from '../../worker/codec.ts';
import { runAlta } from '../support/alta-cli.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { wholeHistory } from '../support/histories/files.ts';
import { startWorld, type World } from '../support/world.ts';

const key = (id: string): string => `${id}:${randomBytes(32).toString('base64')}`;
const VAULT = { old: key('v1'), next: key('v2') };
const CODEC = { old: key('c1'), next: key('c2') };

let world: World;
let faults: Faults;
const processes: AltaProcess[] = [];

beforeAll(async () => {
  world = await startWorld({
    env: { ALTA_VAULT_KEYS: VAULT.old, ALTA_CODEC_KEYS: CODEC.old },
    // What the SDK says of payloads that do not open is many lines.
    log: createLogger('test', 'silent'),
  });
  faults = installFaults();
}, 120_000);
afterEach(async () => {
  faults.clear();
  await Promise.all(processes.splice(0).map((child) => child.stop()));
});
afterAll(async () => {
  faults.remove();
  await world.close();
});

const worker = async (env: Record<string, string>): Promise<AltaProcess> => {
  const child = startAlta('worker', { ...world.env, ...env });
  processes.push(child);
  await child.ready;
  return child;
};

/** An onboarding that stops at its content and waits for an operator. */
async function parked(): Promise<string> {
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  const order = await world.checkout();
  await world.pay(order);
  await world.job(order.accountId, 'parked');
  faults.clear();
  return order.accountId;
}

describe('rotation', () => {
  test('P-018 key rotation in mid-saga: a run parked under the old keys ends under the new ones, and the old vault key can go', async () => {
    const accountId = await parked();
    await world.stopWorker();
    const before = await world.account(accountId);

    // 1. The new keys second, then first, in every process.
    for (const [vault, codec] of [
      [`${VAULT.old},${VAULT.next}`, `${CODEC.old},${CODEC.next}`],
      [`${VAULT.next},${VAULT.old}`, `${CODEC.next},${CODEC.old}`],
    ] as const) {
      await Promise.all(processes.splice(0).map((child) => child.stop()));
      await worker({ ALTA_VAULT_KEYS: vault, ALTA_CODEC_KEYS: codec });
    }
    const both = { ...world.env, ALTA_VAULT_KEYS: `${VAULT.next},${VAULT.old}`, ALTA_CODEC_KEYS: `${CODEC.next},${CODEC.old}` };
    const resolved = await runAlta(both, 'onboardings', 'resolve', accountId, 'retry', '--reason', 'the key is right now');
    expect(resolved).toMatchObject({ code: 0 });
    await world.job(accountId, 'completed');
    const history = await world.handle(accountId).fetchHistory();
    const sealedUnder = new Set<string>();
    JSON.stringify(wholeHistory(history), (name, value: unknown) => {
      if (name === 'alta-key') sealedUnder.add(Buffer.from(value as string, 'base64').toString());
      return value;
    });

    // 2. Rotate.
    const status = JSON.parse((await runAlta(both, 'keys', 'status', '--json')).out) as Awaited<ReturnType<typeof keysStatus>>;
    expect(status.vault.map(({ keyId, state }) => [keyId, state])).toEqual([
      ['v2', 'current'],
      ['v1', 'needed'],
    ]);
    expect(status.codec).toEqual(['c2', 'c1']);
    const events = await world.sql<{ n: number }>('select count(*)::int as n from outbox');
    const rotated = await runAlta(both, 'keys', 'rotate', '--batch', '1', '--json');
    expect(rotated.code).toBe(0);
    expect(JSON.parse(rotated.out)).toMatchObject({ resealed: 4, changedMeanwhile: 0, unopened: [] });
    expect(JSON.parse((await runAlta(both, 'keys', 'rotate', '--json')).out)).toMatchObject({ resealed: 0 });
    const human = await runAlta(both, 'keys', 'status');
    expect(human.out).toMatch(/v1\s+removable\s+0/);

    // 3. The old vault key goes; everything opens, and nothing was made known to anybody.
    const next = createVault(VAULT.next);
    for (const id of world.clusterIds) await loadCluster(world.db, next, id);
    expect((await loadMpCredentials(world.db, next, accountId))?.accessToken).toMatch(/^APP_USR-/);
    const after = await world.account(accountId);
    expect(after['mp_access_token_encrypted']).not.toBe(before['mp_access_token_encrypted']);
    expect(await world.sql('select count(*)::int as n from outbox')).toEqual(events);
    expect([...sealedUnder].sort()).toEqual(['c1', 'c2']);
    await Promise.all(processes.splice(0).map((child) => child.stop()));
    await worker({ ALTA_VAULT_KEYS: VAULT.next, ALTA_CODEC_KEYS: both.ALTA_CODEC_KEYS });
    const replayed = await runAlta({ ...both, ALTA_VAULT_KEYS: VAULT.next }, 'replay', `onboarding/${accountId}`, '--json');
    expect(JSON.parse(replayed.out)).toMatchObject({ same: true });
  }, 240_000);
});

describe('sealing anew', () => {
  const [first, second] = [key('a'), key('b')];
  const place = (id: string) => ({ table: 'nv_accounts', id, field: 'mp_access_token_encrypted' });
  const tokenOf = async (id: string): Promise<string> =>
    (await world.sql<{ token: string }>('select mp_access_token_encrypted as token from nv_accounts where id = $1', [id]))[0]!.token;
  const versionOf = async (id: string): Promise<number> => (await world.account(id))['version'] as number;

  beforeAll(() =>
    world.sql('update nv_accounts set mp_access_token_encrypted = null, mp_refresh_token_encrypted = null, mp_connected = false'),
  );

  async function accountWith(token: string | null): Promise<string> {
    const { accountId } = await world.checkout({}, { connected: false });
    await world.sql('update nv_accounts set mp_access_token_encrypted = $2 where id = $1', [accountId, token]);
    return accountId;
  }

  test('P-018: raises no version, leaves alone what was written meanwhile, and names what does not open', async () => {
    const old = createVault(first);
    const accounts = await Promise.all(Array.from({ length: 5 }, () => accountWith('v1.a.AAAAAAAAAAAAAAAA.AAAAAAAAAAAAAAAAAAAAAAAAAA')));
    const [kept, changing, lost, ...rest] = accounts as [string, string, string, ...string[]];
    for (const id of [kept, changing, ...rest])
      await world.sql('update nv_accounts set mp_access_token_encrypted = $2 where id = $1', [id, old.seal(`token of ${id}`, place(id))]);
    const versions = await Promise.all(accounts.map(versionOf));
    const config = { ALTA_VAULT_KEYS: `${second},${first},${world.env['ALTA_VAULT_KEYS']!},${VAULT.next}`, ALTA_CODEC_KEYS: undefined };

    // Somebody stores a new token between the read and the write of its batch.
    const fresh = createVault(second).seal('a newer token', place(changing));
    faults.before('admin-db.reseal-nv_accounts-mp_access_token_encrypted', async () => {
      await world.sql('update nv_accounts set mp_access_token_encrypted = $2 where id = $1', [changing, fresh]);
    });
    const report = await rotateKeys(world.db, config, { actor: 'ana' });
    expect(report).toMatchObject({
      changedMeanwhile: 1,
      unopened: [{ table: 'nv_accounts', field: 'mp_access_token_encrypted', id: lost, code: 'VAULT_TAMPERED' }],
    });
    const onlyNew = createVault(second);
    expect(await tokenOf(changing)).toBe(fresh);
    for (const id of [kept, ...rest]) expect(onlyNew.open(await tokenOf(id), place(id))).toBe(`token of ${id}`);
    const changed = await Promise.all(accounts.map(versionOf));
    expect(changed.map((version, index) => version - versions[index]!)).toEqual(accounts.map((id) => (id === changing ? 1 : 0)));
    expect((await keysStatus(world.db, config)).vault.slice(0, 2)).toMatchObject([
      { keyId: 'b', state: 'current' },
      { keyId: 'a', state: 'needed', rows: 1 },
    ]);
    expect((await keysStatus(world.db, { ...config, ALTA_VAULT_KEYS: second })).vault).toContainEqual({
      keyId: 'a',
      state: 'missing',
      rows: 1,
    });

    // Only a change of sealed text alone is passed over: with anything else in it the version rises.
    await world.db.tx('test.reseal', async (tx) => {
      await tx.query({ name: 'test.reseal-on', text: `select set_config('alta.reseal', 'on', true)` });
      await tx.query({
        name: 'test.rename',
        text: 'update nv_accounts set business_name = $2 where id = $1',
        values: [kept, 'another name'],
      });
    });
    expect(await versionOf(kept)).toBe(versions[accounts.indexOf(kept)]! + 1);
  });

  test('P-018: stopped in the middle it goes on with what is left', async () => {
    const config = { ALTA_VAULT_KEYS: `${key('z')},${second},${first},${VAULT.next},${VAULT.old}`, ALTA_CODEC_KEYS: undefined };
    const total = (await keysStatus(world.db, config)).vault.reduce((sum, { rows }) => sum + rows, 0);
    faults.at('admin-db.reseal-nv_accounts-mp_access_token_encrypted', { mode: 'fail-after', code: 'ADMIN_DB_UNAVAILABLE' });
    await expect(rotateKeys(world.db, config, { actor: 'ana', batch: 2 })).rejects.toMatchObject({ code: 'ADMIN_DB_UNAVAILABLE' });
    const halfway = (await keysStatus(world.db, config)).vault[0]!.rows;
    expect(halfway).toBeGreaterThan(0);
    faults.clear();
    const { resealed, unopened } = await rotateKeys(world.db, config, { actor: 'ana', batch: 2 });
    expect(resealed + halfway + unopened.length).toBe(total);
  });
});

describe('a worker without the key', () => {
  test('CODEC_KEY_UNKNOWN fails the workflow task, not the run: it goes on as soon as the key is there', async () => {
    const other = await startWorld({ env: { ALTA_CODEC_KEYS: CODEC.old }, run: { worker: false } });
    try {
      const wrong = startAlta('worker', { ...other.env, ALTA_CODEC_KEYS: CODEC.next });
      await wrong.ready;
      const order = await other.checkout();
      await other.pay(order);
      await other.job(order.accountId, 'queued', 'running');
      const failedTasks = async (): Promise<number> =>
        ((await other.handle(order.accountId).fetchHistory()).events ?? []).filter((event) => event.workflowTaskFailedEventAttributes)
          .length;
      await eventually(async () => (await failedTasks()) > 0, 'a failed workflow task', 120_000);
      const tasks = ((await other.handle(order.accountId).fetchHistory()).events ?? []).flatMap(
        ({ workflowTaskFailedEventAttributes: failed }) => (failed ? [failed.failure?.applicationFailureInfo?.type] : []),
      );
      expect(new Set(tasks)).toEqual(new Set(['CODEC_KEY_UNKNOWN']));
      expect((await other.handle(order.accountId).describe()).status.name).toBe('RUNNING');
      await wrong.stop();
      const right = startAlta('worker', { ...other.env, ALTA_CODEC_KEYS: `${CODEC.next},${CODEC.old}` });
      await right.ready;
      await other.job(order.accountId, 'completed');
      expect((await other.steps(order.accountId)).filter(({ status }) => status === 'failed')).toEqual([]);
      await right.stop();
    } finally {
      await other.close();
    }
  }, 180_000);

  const both = `${CODEC.next},${CODEC.old}`;
  /** Why the activities that a run waits for failed last. */
  const lastFailures = async (one: World, accountId: string): Promise<unknown[]> =>
    ((await one.handle(accountId).describe()).raw.pendingActivities ?? []).map(
      ({ lastFailure }) => lastFailure?.applicationFailureInfo?.type,
    );

  test('an activity whose arguments were sealed under a key that its worker has not yet fails as CODEC_KEY_UNKNOWN, and goes on with the key', async () => {
    const other = await startWorld({
      policy: { fastPath: false, retryAttempts: 10_000, stepTimeoutMs: 3_000 },
      env: { ALTA_CODEC_KEYS: CODEC.old },
      run: { worker: false },
    });
    try {
      // The worker with the new key dies in a step; what it ordered is sealed under that key.
      const ahead = startAlta('worker', { ...other.env, ALTA_CODEC_KEYS: both }, 'admin-db.accept-payment:before:1');
      await ahead.ready;
      const order = await other.checkout();
      await other.pay(order);
      expect((await ahead.ended).signal).toBe('SIGKILL');
      const behind = startAlta('worker', other.env);
      await behind.ready;
      await eventually(
        async () => {
          expect(await lastFailures(other, order.accountId)).toEqual(['CODEC_KEY_UNKNOWN']);
          return true;
        },
        'an activity that fails for want of the key',
        120_000,
      );
      await behind.stop();
      const right = startAlta('worker', { ...other.env, ALTA_CODEC_KEYS: both });
      await right.ready;
      await other.job(order.accountId, 'completed');
      expect((await other.steps(order.accountId)).filter(({ status }) => status !== 'done' && status !== 'skipped')).toEqual([]);
      await right.stop();
    } finally {
      await other.close();
    }
  }, 240_000);

  test('P-610: when its retries are used up the run parks as CODEC_KEY_UNKNOWN, with an alert, and nothing is undone; retry ends it', async () => {
    const other = await startWorld({
      policy: { fastPath: false },
      env: { ALTA_CODEC_KEYS: both },
      run: { worker: false },
    });
    const alerts: string[] = [];
    const log = createLogger('test', 'error', { write: (line) => void alerts.push(line) });
    const queue = taskQueue('provisioning', other.config.ALTA_QUEUE_PREFIX);
    // Workflow tasks go to a worker with the new key, activities to one without it.
    const ahead = await Worker.create({
      connection: other.native,
      namespace: other.config.TEMPORAL_NAMESPACE,
      taskQueue: queue,
      workflowBundle: await workflowBundle(),
      dataConverter: workerDataConverter(other.config, log),
    });
    const running = ahead.run();
    try {
      const config = { ...other.config, ALTA_CODEC_KEYS: CODEC.old };
      const behind = await Worker.create({
        connection: other.native,
        namespace: config.TEMPORAL_NAMESPACE,
        taskQueue: queue,
        activities: createActivities({ ...other.deps, config }),
        dataConverter: workerDataConverter(config, log),
      });
      const order = await other.checkout();
      await behind.runUntil(async () => {
        await other.pay(order);
        await eventually(
          async () => {
            expect((await other.progress(order.accountId)).parked).toMatchObject([{ step: 'verify-payment', code: 'CODEC_KEY_UNKNOWN' }]);
            return true;
          },
          'a parked run',
          120_000,
        );
      });
      expect(alerts.filter((line) => line.includes('"alert":"payload not opened"')).length).toBeGreaterThan(0);
      expect(alerts.join('')).not.toContain(CODEC.next.split(':')[1]);
      const right = startAlta('worker', other.env);
      await right.ready;
      expect(await other.job(order.accountId, 'parked')).toMatchObject({ error_code: 'CODEC_KEY_UNKNOWN' });
      await other.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'the key is rolled out' });
      await other.job(order.accountId, 'completed');
      await right.stop();
    } finally {
      ahead.shutdown();
      await running;
      await other.close();
    }
  }, 240_000);
});
