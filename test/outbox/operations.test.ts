import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createAdminDb, type AdminDb } from '../../adapters/admin-db/index.ts';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import type { AccountState } from '../../contract/account.ts';
import { accountWorkflowId } from '../../contract/ids.ts';
import { changeAccount } from '../support/account-changes.ts';
import { runAlta } from '../support/alta-cli.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { liveOrder } from '../support/live-order.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** What operators do with the outbox as a whole: pause a target, see how it fares, and have dead rows delivered at last. */
let world: World;
let faults: Faults;
let operatorDb: AdminDb;
let alta: AltaClient;
let order: PlacedOrder;
const who = { actor: 'ana', reason: 'as agreed' };

beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
  operatorDb = createAdminDb(world.database.url, { role: 'operator' });
  alta = createAltaClient({ db: operatorDb, temporal: world.temporal, config: world.config });
  order = await liveOrder(world);
}, 120_000);
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await operatorDb.close();
  await world.close();
});

/** Changes the name of the store and tells of it; the event's key. */
const rename = async (name: string): Promise<string> => {
  const { accountId } = order;
  const { eventKey } = await changeAccount(world.db, { type: 'account.updated', accountId, fields: ['name'] }, (tx) =>
    tx.query({ name: 'test.rename', text: 'update nv_accounts set business_name = $2 where id = $1', values: [accountId, name] }),
  );
  return eventKey;
};
const rowOf = async (eventKey: string): Promise<{ id: string; status: string }> =>
  (await world.sql<{ id: string; status: string }>('select id, status from outbox where event_key = $1', [eventKey]))[0]!;
const becomes = (eventKey: string, status: string): Promise<{ id: string }> =>
  eventually(async () => {
    const row = await rowOf(eventKey);
    return row.status === status ? row : undefined;
  }, `${eventKey} that is ${status}`);
const nameOnCluster = async (): Promise<string> => (await world.store(order.accountId))!.client.name;
const shown = (name: string): Promise<boolean> =>
  eventually(async () => (await nameOnCluster()) === name, `the name ${name} on the cluster`);
const state = (): Promise<AccountState> =>
  world.temporal.workflow.getHandle(accountWorkflowId(order.accountId)).query<AccountState>('state');

test('P-234 P-626: a paused target is delivered to by no relay, others go on, and on resuming everything is applied', async () => {
  const before = await nameOnCluster();
  await alta.outbox.pause('account', who);
  await expect(alta.outbox.pause('account', who)).rejects.toMatchObject({ code: 'RESOLVE_REFUSED' });
  const [first, second] = [await rename('Primero'), await rename('Segundo')];
  // Another target: a whole onboarding, from its webhook to its store, while the accounts' rows wait.
  const other = await world.checkout();
  await world.pay(other);
  await world.job(other.accountId, 'completed');
  expect([(await rowOf(first)).status, (await rowOf(second)).status]).toEqual(['pending', 'pending']);
  expect(await nameOnCluster()).toBe(before);
  expect((await alta.outbox.health()).paused).toEqual([
    { target: 'account', pausedBy: 'ana', reason: 'as agreed', pausedAt: expect.any(String) as unknown },
  ]);

  await alta.outbox.resume('account', who);
  await shown('Segundo');
  await Promise.all([becomes(first, 'completed'), becomes(second, 'completed')]);
  await expect(alta.outbox.resume('account', who)).rejects.toMatchObject({ code: 'RESOLVE_REFUSED' });
  const record = await world.sql(`select action, actor, reason from operator_actions where event_key = 'target/account' order by id`);
  expect(record).toEqual([
    { action: 'pause-target', ...who },
    { action: 'resume-target', ...who },
  ]);
}, 180_000);

test('P-231: the figures of health are those of the rows', async () => {
  await becomes(await rename('Tercero'), 'completed');
  const health = await alta.outbox.health();
  const [sql] = await world.sql<{ day: number; hour: number; last: string }>(
    `select count(*)::int as day, count(*) filter (where completed_at > now() - interval '1 hour')::int as hour, max(completed_at) as last
     from outbox where status = 'completed' and event_type = 'account.updated' and completed_at > now() - interval '1 day'`,
  );
  const told = health.delivered.find(({ eventType }) => eventType === 'account.updated');
  expect(told).toMatchObject({ target: 'account', lastDay: sql!.day, lastHour: sql!.hour });
  expect(new Date(told!.lastAt).getTime()).toBe(new Date(sql!.last).getTime());
  expect(sql!.day).toBeGreaterThan(0);
  expect(health.paused).toEqual([]);
});

test('P-232 P-229: a dead row that is delivered after newer events changes nothing; dead rows are chosen by filter, oldest first', async () => {
  faults.at('temporal.signal-account', { mode: 'fail-before', code: 'INPUT_INVALID' });
  const old = await rename('Viejo');
  const alsoOld = await rename('Casi viejo');
  await Promise.all([becomes(old, 'failed'), becomes(alsoOld, 'failed')]);
  faults.clear();
  expect((await alta.outbox.health()).dead).toEqual([
    { code: 'INPUT_INVALID', rows: 2, lastSixHours: 2, newestAt: expect.any(String) as unknown },
  ]);
  await rename('Nuevo');
  await shown('Nuevo');
  await world.quiet(order.accountId);
  const applied = await state();
  const version = (await world.store(order.accountId))!.client.sync_version;

  expect(await alta.outbox.retry({ allFailed: true, target: 'shop' }, who)).toEqual([]);
  expect(await alta.outbox.retry({ allFailed: true, eventType: 'plan.changed' }, who)).toEqual([]);
  expect(await alta.outbox.retry({ allFailed: true, accountId: '00000000-0000-4000-8000-000000000000' }, who)).toEqual([]);
  const wanted = [(await rowOf(old)).id, (await rowOf(alsoOld)).id];
  const filter = { code: 'INPUT_INVALID', target: 'account', eventType: 'account.updated', accountId: order.accountId } as const;
  expect(await alta.outbox.retry({ allFailed: true, ...filter }, who)).toEqual(wanted);
  await Promise.all([becomes(old, 'completed'), becomes(alsoOld, 'completed')]);
  await world.quiet(order.accountId);
  expect(await nameOnCluster()).toBe('Nuevo');
  expect((await world.store(order.accountId))!.client.sync_version).toBe(version);
  expect((await state()).applied).toEqual(applied.applied);
  expect((await alta.outbox.health()).dead).toEqual([]);
}, 180_000);

test('P-232: the command line pauses, resumes, shows health and refuses a filter without --all-failed', async () => {
  const run = (...args: string[]) => runAlta(world.env, 'outbox', ...args);
  expect(await run('pause', 'refund', '--reason', 'a drill')).toMatchObject({ code: 0, out: 'paused: refund\n' });
  const told = await run('health');
  expect(told).toMatchObject({ code: 0, err: '' });
  expect(told.out).toMatch(/refund +\S+ +\S+ \S+ +a drill/);
  expect((await run('resume', 'refund', '--reason', 'over')).out).toBe('resumed: refund\n');
  expect(JSON.parse((await run('health', '--json')).out)).toMatchObject({ paused: [], dead: [] });
  expect((await run('resume', 'refund', '--reason', 'over', '--json')).err).toContain('RESOLVE_REFUSED');
  expect((await run('pause', 'nothing', '--reason', 'x')).code).toBe(2);
  const wrong = await run('retry', '00000000-0000-4000-8000-000000000000', '--code', 'INTERNAL', '--reason', 'x', '--json');
  expect(wrong).toMatchObject({ code: 2 });
  expect(wrong.err).toContain('--all-failed');
}, 120_000);
