import { Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import { randomUUID } from 'node:crypto';
import type { WorkflowHandle } from '@temporalio/client';
import { dataConverter } from '../../adapters/temporal/index.ts';
import { createActivities } from '../../activities/index.ts';
import { UPDATE_ACCOUNT_COMMAND, type AccountCommand, type CommandAnswer } from '../../contract/account-commands.ts';
import { SIGNAL_ACCOUNT_EVENT, type AccountEvent, type AccountState, type Aspect } from '../../contract/account.ts';
import { ACCOUNT_WORKFLOW, accountWorkflowId, taskQueue } from '../../contract/ids.ts';
import { isPushback } from '../../client/index.ts';
import { buildBundle, workflowBundle } from '../../worker/bundle.ts';
import { changeAccount, touch } from '../support/account-changes.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { liveOrder } from '../support/live-order.ts';
import { runWorkers } from '../support/workers.ts';
import { startWorld, type World } from '../support/world.ts';

const BEFORE = fileURLToPath(new URL('../support/workflows/account-before-fire.ts', import.meta.url));

let world: World;
let faults: Faults;
beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
}, 120_000);
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await world.close();
});

interface Live {
  accountId: string;
  handle: WorkflowHandle;
}

/** A live store whose account has nothing to do. */
async function live(): Promise<Live> {
  const order = await liveOrder(world);
  return { accountId: order.accountId, handle: world.temporal.workflow.getHandle(accountWorkflowId(order.accountId)) };
}

const stateOf = ({ handle }: Live): Promise<AccountState> => handle.query<AccountState>('state');
const versionOf = async (accountId: string): Promise<number> => Number((await world.account(accountId))['version']);
const raise = async (accountId: string): Promise<number> => {
  await touch(world.db, accountId);
  return versionOf(accountId);
};
const event = (eventKey: string, version: number, aspects: Aspect[] = ['client']): AccountEvent => ({
  eventKey,
  type: 'account.updated',
  version,
  aspects,
});
const signal = ({ handle }: Live, ...events: unknown[]): Promise<unknown> =>
  Promise.all(events.map((raw) => handle.signal(SIGNAL_ACCOUNT_EVENT, raw)));
/** Waits until the account has taken in so many signals in all (or more: an answer that was lost is sent again) and has nothing left to do. */
const settled = (account: Live, received: number): Promise<AccountState> =>
  eventually(
    async () => {
      const state = await stateOf(account);
      return state.received >= received && Object.keys(state.dirty).length === 0 ? state : undefined;
    },
    `${String(received)} signals taken in and nothing to do`,
    120_000,
  );
/** Holds the next apply open at the cluster's row, until it may go on: what is told meanwhile meets a drain that is under way. */
function holdNextApply(): { isUnderWay: () => boolean; goOn: () => void } {
  let goOn = (): void => undefined;
  const held = new Promise<void>((resolve) => (goOn = resolve));
  let reached = false;
  faults.before('cluster.upsert-client', async () => {
    reached = true;
    await held;
  });
  return { isUnderWay: () => reached, goOn };
}
const isActive = async (accountId: string): Promise<unknown> => (await world.store(accountId))?.client.is_active;

describe('messages that lead to nothing', () => {
  test('P-226 law 10: unreadable ones are parked, counted and shown without their values; the newest are kept, and the account works on', async () => {
    const account = await live();
    const { received } = await stateOf(account);
    const version = await raise(account.accountId);
    const unreadable: unknown[] = [
      null,
      'APP_USR-secret',
      { ...event('k', version), access_token: 'APP_USR-secret' },
      { ...event('k', version), aspects: ['APP_USR-secret'] },
      { ...event('k', version), version: -1 },
      ...Array.from({ length: 20 }, () => ({ nonsense: 'APP_USR-secret' })),
    ];
    for (const raw of unreadable) await signal(account, raw);
    await signal(account, event('good', version));
    const state = await settled(account, received + unreadable.length + 1);
    expect(state.bad.count).toBe(unreadable.length);
    expect(state.parked).toHaveLength(20);
    expect(state.parked[0]).toEqual({ at: expect.any(String) as string, why: expect.stringMatching(/^unreadable: /) as string });
    expect(JSON.stringify(state)).not.toContain('APP_USR');
    expect(state.applied.client).toBe(version);
  });

  test('P-226: an event ahead of the Admin DB is parked after one look, and is not asked for again and again', async () => {
    const account = await live();
    const { received, applies } = await stateOf(account);
    const version = await versionOf(account.accountId);
    await signal(account, event('ahead', version + 1_000));
    const parked = await settled(account, received + 1);
    expect(parked.applies).toBe(applies + 1);
    expect(parked.parked.at(-1)?.why).toBe(`ahead of the Admin DB, which is at ${String(version)}: client ${String(version + 1_000)}`);
    const next = await raise(account.accountId);
    await signal(account, event('after', next));
    expect((await settled(account, received + 2)).applied.client).toBe(next);
  });
});

describe('order does not matter', () => {
  test('P-229: suspended and resumed within one drain ends open, in whichever order the two are told', async () => {
    for (const order of ['as it was', 'the other way round']) {
      const account = await live();
      const { accountId } = account;
      const apply = holdNextApply();
      const { received } = await stateOf(account);
      await signal(account, event('earlier', await raise(accountId)));
      await eventually(() => apply.isUnderWay(), 'an apply under way');
      await world.sql(`update nv_accounts set status = 'suspended' where id = $1`, [accountId]);
      const suspended = event('suspended', await versionOf(accountId));
      await world.sql(`update nv_accounts set status = 'provisioned' where id = $1`, [accountId]);
      const resumed = event('resumed', await versionOf(accountId));
      for (const told of order === 'as it was' ? [suspended, resumed] : [resumed, suspended]) await signal(account, told);
      apply.goOn();
      const state = await settled(account, received + 3);
      expect({ order, active: await isActive(accountId), applied: state.applied.client }).toEqual({
        order,
        active: true,
        applied: resumed.version,
      });
    }
  });

  test('P-229: a stale event that comes late is taken note of and costs no apply', async () => {
    const account = await live();
    const { received } = await stateOf(account);
    const version = await raise(account.accountId);
    await signal(account, event('newest', version));
    const { applies } = await settled(account, received + 1);
    await signal(account, event('stale', version - 1), event('same version', version));
    const state = await settled(account, received + 3);
    expect(state.applies).toBe(applies);
    expect(state.seen).toEqual(expect.arrayContaining(['stale', 'same version']));
    expect((await world.store(account.accountId))!.client.sync_version).toBe(version);
  });

  test('law 4: what is told while an apply is under way is applied after it', async () => {
    const account = await live();
    const { accountId } = account;
    const { received } = await stateOf(account);
    const apply = holdNextApply();
    await signal(account, event('first', await raise(accountId)));
    await eventually(() => apply.isUnderWay(), 'an apply that has read the account');
    const newest = await raise(accountId);
    await signal(account, event('second', newest));
    await eventually(async () => (await stateOf(account)).received >= received + 2, 'the second event');
    apply.goOn();
    await settled(account, received + 2);
    expect((await world.store(accountId))!.client.sync_version).toBe(newest);
  });

  test('P-307 law 5: a deletion that comes while a sync is under way wins, whenever that sync ends', async () => {
    const account = await live();
    const { accountId } = account;
    const apply = holdNextApply();
    // A try that its workflow gave up, say, and that is still alive somewhere.
    await raise(accountId);
    const sync = createActivities(world.deps)['apply-aspects']({ accountId, aspects: ['client', 'entitlements', 'mp_credentials'] });
    await eventually(() => apply.isUnderWay(), 'a sync under way');
    await changeAccount(world.db, { type: 'account.deleted', accountId, deletedAt: new Date().toISOString() }, (tx) =>
      tx.query({ name: 'test.delete', text: `update nv_accounts set status = 'deleted' where id = $1`, values: [accountId] }),
    );
    await eventually(async () => (await world.store(accountId))?.client.deleted_at, 'the deletion');
    apply.goOn();
    await expect(sync).rejects.toMatchObject({ code: 'CONFLICT' });
    const store = await world.store(accountId);
    expect(store!.client).toMatchObject({ is_active: false, deleted_at: expect.any(String) as string });
    expect(store!.mp_fingerprint).toBeNull();
  });
});

/** A run of its own for an account, with these limits; the account's own goes on beside it. */
async function runWith({ accountId }: Live, limits: { signals?: number; events?: number }): Promise<Live> {
  const handle = await world.temporal.workflow.start(ACCOUNT_WORKFLOW, {
    workflowId: accountWorkflowId(randomUUID()),
    taskQueue: taskQueue('accounts', world.config.ALTA_QUEUE_PREFIX),
    args: [accountId, undefined, limits],
  });
  return { accountId, handle: world.temporal.workflow.getHandle(handle.workflowId) };
}
const runIdOf = async ({ handle }: Live): Promise<string> => (await handle.describe()).runId;

describe('continue-as-new', () => {
  test('P-300: by signals counted, with what is dirty, seen, parked and failing carried along', async () => {
    const account = await runWith(await live(), { signals: 10 });
    const first = await runIdOf(account);
    faults.at('cluster.upsert-client', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const version = await raise(account.accountId);
    await signal(account, event('dirty', version), { nonsense: true });
    await eventually(async () => (await stateOf(account)).failing, 'a failed apply');
    for (let n = 0; n < 12; n += 1) await signal(account, event(`key-${String(n)}`, 1));
    await eventually(async () => (await runIdOf(account)) !== first, 'another run');
    const carried = await eventually(async () => {
      const state = await stateOf(account);
      return state.received === 14 ? state : undefined;
    }, 'every signal');
    expect(carried).toMatchObject({ dirty: { client: version }, bad: { count: 1 }, failing: { code: 'CLUSTER_UNAUTHORIZED' } });
    expect(carried.parked).toHaveLength(1);
    expect(carried.seen).toEqual(expect.arrayContaining(['dirty', 'key-0', 'key-11']));
    faults.clear();
    // Told again in another run: known.
    await signal(account, event('dirty', version));
    const state = await settled(account, 15);
    expect(state.applied.client).toBe(version);
    expect(state.seen.filter((key) => key === 'dirty')).toHaveLength(1);
    await account.handle.terminate('test over');
  });

  test('P-300: by the length of its history, while an apply fails and nobody signals', async () => {
    const account = await runWith(await live(), { events: 20 });
    const first = await runIdOf(account);
    faults.at('cluster.upsert-client', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const version = await raise(account.accountId);
    await signal(account, event('dirty', version));
    await eventually(async () => (await runIdOf(account)) !== first, 'another run', 120_000);
    expect((await stateOf(account)).dirty).toEqual({ client: version });
    faults.clear();
    expect((await settled(account, 1)).applied.client).toBe(version);
    await account.handle.terminate('test over');
  });

  test('P-300: 1,200 signals of 600 keys in runs of 100 signals: none is lost, and each change counts once', async () => {
    const account = await runWith(await live(), { signals: 100 });
    const from = await versionOf(account.accountId);
    await world.sql(
      `do $$ begin for i in 1..600 loop update nv_accounts set version = version + 1 where id = '${account.accountId}'; end loop; end $$`,
    );
    const events = Array.from({ length: 600 }, (_, n) => event(`key-${String(n)}`, from + n + 1, n % 2 ? ['client'] : ['entitlements']));
    await burst(account, [...events, ...events], 50);
    const state = await settled(account, 1_200);
    expect(state.applied).toMatchObject({ client: from + 600, entitlements: from + 600 });
    expect(state.bad.count).toBe(0);
    const store = await world.store(account.accountId);
    expect(store!.client).toMatchObject({ sync_version: from + 600, entitlements_version: from + 600 });
    await account.handle.terminate('test over');
  });
});

test('P-300: commands that come while runs follow one another every few events all get their answer, once', async () => {
  const account = await runWith(await live(), { events: 40 });
  const first = await runIdOf(account);
  const give = (n: number): Promise<CommandAnswer> =>
    account.handle.executeUpdate<CommandAnswer, [AccountCommand]>(UPDATE_ACCOUNT_COMMAND, {
      updateId: randomUUID(),
      args: [{ action: 'change-settings', actor: 'ana', reason: 'as agreed', settings: { headline: `n ${String(n)}` } }],
    });
  const given = async (from: number): Promise<CommandAnswer[]> => {
    const answers: CommandAnswer[] = [];
    for (let n = from; n < from + 10; n += 1) answers.push(await give(n));
    return answers;
  };
  const answers = (await Promise.all([given(0), given(10), given(20)])).flat();
  expect(answers.map(({ store }) => store)).toEqual(answers.map(() => 'shown'));
  expect(new Set(answers.map(({ version }) => version)).size).toBe(30);
  expect(await runIdOf(account)).not.toBe(first);
  const audit = await world.sql(`select 1 from lifecycle_events where account_id = $1 and event_type = 'command.change-settings'`, [
    account.accountId,
  ]);
  expect(audit).toHaveLength(30);
  await account.handle.terminate('test over');
}, 120_000);

/** Sends events so many at a time; what Temporal does not take now is sent again, as the relay does. */
async function burst(account: Live, events: AccountEvent[], atOnce: number): Promise<void> {
  const queue = [...events];
  const sender = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      try {
        await account.handle.signal(SIGNAL_ACCOUNT_EVENT, next);
      } catch (error) {
        if (!isPushback(error)) throw error;
        queue.push(next);
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, sender));
}

// With 10,000, and the server's limits lowered: `npm run bursts -- signals`.
test('P-300 law 4: 3,000 signals in a burst while the account changes: the newest version is on the cluster, nothing is lost, few applies', async () => {
  const account = await live();
  const { received, applies, bad } = await stateOf(account);
  const from = await versionOf(account.accountId);
  const change = (times: number): Promise<unknown> =>
    world.sql(
      `do $$ begin for i in 1..${String(times)} loop update nv_accounts set version = version + 1 where id = '${account.accountId}'; end loop; end $$`,
    );
  // Many changes of one row in one transaction are slow for PostgreSQL.
  for (let n = 0; n < 2_900; n += 290) await change(290);
  const events = Array.from({ length: 2_900 }, (_, n) => event(`key-${String(n)}`, from + n + 1));
  // As a few relays at once do, each of which tells one account one thing at a time.
  const sent = burst(account, events, 6);
  // The last hundred are changed and told one by one while the others come in.
  for (let n = 2_900; n < 3_000; n += 1) {
    await change(1);
    await signal(account, event(`key-${String(n)}`, from + n + 1));
  }
  await sent;
  const state = await settled(account, received + 3_000);
  expect(state.applied.client).toBe(from + 3_000);
  expect(state.bad).toEqual(bad);
  expect((await world.store(account.accountId))!.client.sync_version).toBe(from + 3_000);
  expect(state.applies - applies).toBeLessThan(200);
}, 300_000);

test('P-753: a run that began before this loop goes over to it when it next has something to do, with its state, and replays', async () => {
  const { accountId } = await live();
  const config = { ...world.config, ALTA_QUEUE_PREFIX: `o${randomUUID().slice(0, 8)}-`, ALTA_WORKER_QUEUES: ['accounts' as const] };
  const workersOf = async (bundle: Awaited<ReturnType<typeof workflowBundle>>): Promise<() => Promise<void>> =>
    (await runWorkers({ ...world.deps, config }, world.native, bundle)).stop;
  const { workflowId } = await world.temporal.workflow.start(ACCOUNT_WORKFLOW, {
    workflowId: accountWorkflowId(randomUUID()),
    taskQueue: taskQueue('accounts', config.ALTA_QUEUE_PREFIX),
    args: [accountId],
  });
  const account: Live = { accountId, handle: world.temporal.workflow.getHandle(workflowId) };
  const version = await raise(accountId);
  await signal(account, event('before', version), { nonsense: true });
  let stop = await workersOf(await buildBundle(BEFORE));
  const before = await eventually(async () => {
    const state = await stateOf(account);
    return state.applied.client === version ? state : undefined;
  }, 'the old loop’s apply');
  expect(before.received).toBeUndefined();
  const first = await runIdOf(account);
  await stop();

  const bundle = await workflowBundle();
  stop = await workersOf(bundle);
  const next = await raise(accountId);
  await signal(account, event('after', next));
  const state = await eventually(async () => {
    const now = await stateOf(account);
    return now.applied.client === next ? now : undefined;
  }, 'today’s apply');
  expect(await runIdOf(account)).not.toBe(first);
  // Today's code read the old run's history, so it counted what that run was told.
  expect(state).toMatchObject({ seen: ['before', 'after'], received: 3, applies: 1, bad: { count: 1 }, dirty: {} });
  await stop();
  const history = await world.temporal.workflow.getHandle(workflowId, first).fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: bundle, dataConverter: dataConverter(world.config) }, history, workflowId);
  await account.handle.terminate('test over');
}, 180_000);
