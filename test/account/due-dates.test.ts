import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { setClock } from '../../adapters/clock.ts';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { QUERY_ACCOUNT_STATE, SIGNAL_ACCOUNT_EVENT, type AccountState } from '../../contract/account.ts';
import { ACCOUNT_WORKFLOW, accountWorkflowId, taskQueue } from '../../contract/ids.ts';
import type { DueSweepResult } from '../../contract/upkeep.ts';
import { runAlta } from '../support/alta-cli.ts';
import type { Asked } from '../support/account-changes.ts';
import { eventually } from '../support/eventually.ts';
import { runTask } from '../support/upkeep.ts';
import { runWorkers } from '../support/workers.ts';
import { liveOrder } from '../support/live-order.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** Due dates: the clock of the workers is moved, the dates stand in the Admin DB, and each store does what its own dates ask for. */
const DAY_MS = 86_400_000;
const POLICY = { graceDays: 7, deleteAfterDays: null };
let world: World;
let alta: AltaClient;

beforeAll(async () => {
  world = await startWorld();
  alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
}, 120_000);
afterEach(async () => {
  setClock(undefined);
  // The stores of one test are nobody's business in the next, whose sweeps count.
  await world.sql('delete from subscriptions');
  await world.sql('delete from account_suspensions');
  world.config.ALTA_DUNNING_POLICY = { ...POLICY };
});
afterAll(() => world.close());

const live = (): Promise<PlacedOrder> => liveOrder(world);

const give = (accountId: string, command: Asked): Promise<unknown> =>
  alta.accounts.command(accountId, { ...command, actor: 'ana', reason: 'as agreed' });
const inDays = (days: number): string => new Date(Date.now() + days * DAY_MS).toISOString();
/** The workers' clock is so many days ahead, and what is due is looked for. */
async function cross(days: number): Promise<number> {
  setClock(() => Date.now() + days * DAY_MS);
  return (await runTask<DueSweepResult>(world, 'apply-due-dates')).woken;
}
const isOpen = async (accountId: string): Promise<unknown> => (await world.store(accountId))?.client.is_active;
const becomes = (accountId: string, open: boolean): Promise<unknown> =>
  eventually(async () => (await isOpen(accountId)) === open, open ? 'an open store' : 'a closed store');
const reminders = (order: PlacedOrder): number =>
  world.mail.messages().filter(({ to, text }) => to.includes(order.checkout.email) && /Todavía no recibimos el pago/.test(text)).length;
const run = (accountId: string) => world.temporal.workflow.getHandle(accountWorkflowId(accountId));
const stateOf = (accountId: string): Promise<AccountState> => run(accountId).query<AccountState>(QUERY_ACCOUNT_STATE);

test('the clock crosses each due date: reminded once at the end of the trial, open during the grace, closed after it, open when paid', async () => {
  const order = await live();
  const { accountId } = order;
  await give(accountId, { action: 'set-due-dates', trialEndsAt: inDays(2) });
  await eventually(async () => (await stateOf(accountId)).due?.step === 'remind', 'a known due date');
  expect((await alta.dunning.forecast(accountId)).steps.map(({ step }) => step)).toEqual(['remind', 'suspend']);
  expect(await cross(1)).toBe(0);

  expect(await cross(3)).toBe(1);
  await eventually(() => reminders(order) === 1, 'a reminder');
  expect(await isOpen(accountId)).toBe(true);
  await eventually(async () => (await stateOf(accountId)).due?.step === 'suspend', 'the next due date');

  expect(await cross(10)).toBe(1);
  await becomes(accountId, false);
  expect((await alta.accounts.show(accountId)).account).toMatchObject({
    status: 'suspended',
    reasons: [{ reason: 'past_due', actor: 'alta:dunning' }],
  });
  expect(await cross(11)).toBe(0);

  await give(accountId, { action: 'set-due-dates', paidUntil: inDays(40) });
  await becomes(accountId, true);
  expect((await alta.accounts.show(accountId)).account).toMatchObject({ status: 'provisioned', reasons: [] });
  expect(reminders(order)).toBe(1);
}, 180_000);

test('the workflow waits for the date by its own timer: no sweep has to come', async () => {
  world.config.ALTA_DUNNING_POLICY = { graceDays: 0, deleteAfterDays: null };
  const { accountId } = await live();
  await give(accountId, { action: 'set-due-dates', paidUntil: new Date(Date.now() + 2_000).toISOString() });
  expect(await isOpen(accountId)).toBe(true);
  await becomes(accountId, false);
}, 120_000);

test('the timer survives continue-as-new', async () => {
  world.config.ALTA_DUNNING_POLICY = { graceDays: 0, deleteAfterDays: null };
  const { accountId } = await live();
  await run(accountId).terminate('a run with lower limits takes its place');
  const begun = await world.temporal.workflow.start(ACCOUNT_WORKFLOW, {
    workflowId: accountWorkflowId(accountId),
    taskQueue: taskQueue('accounts', world.config.ALTA_QUEUE_PREFIX),
    args: [accountId, undefined, { signals: 4 }],
  });
  await give(accountId, { action: 'set-due-dates', paidUntil: inDays(1) });
  await eventually(async () => (await stateOf(accountId)).due?.step === 'remind', 'a known due date');
  for (let n = 0; n < 5; n += 1) await run(accountId).signal(SIGNAL_ACCOUNT_EVENT, { poison: n });
  await eventually(async () => (await run(accountId).describe()).runId !== begun.firstExecutionRunId, 'a run that follows');
  const carried = await stateOf(accountId);
  expect(carried.due).toMatchObject({ step: 'remind' });
  // The date comes while the new run waits for it.
  await give(accountId, { action: 'set-due-dates', paidUntil: new Date(Date.now() + 1_000).toISOString() });
  await becomes(accountId, false);
}, 120_000);

test('a run that was lost is started again by the sweep, which does what came due meanwhile', async () => {
  const { accountId } = await live();
  await give(accountId, { action: 'set-due-dates', paidUntil: inDays(1) });
  await run(accountId).terminate('lost');
  expect(await cross(9)).toBe(1);
  await becomes(accountId, false);
}, 120_000);

test('a store that an operator let run again stays open until another date comes', async () => {
  const { accountId } = await live();
  await give(accountId, { action: 'set-due-dates', paidUntil: inDays(1) });
  await cross(9);
  await becomes(accountId, false);
  await give(accountId, { action: 'resume', cause: 'past_due' });
  expect(await isOpen(accountId)).toBe(true);
  expect(await cross(20)).toBe(0);
  expect((await alta.dunning.forecast(accountId)).steps).toEqual([]);
  setClock(undefined);
  await give(accountId, { action: 'set-due-dates', paidUntil: inDays(10) });
  expect(await cross(18)).toBe(1);
  await becomes(accountId, false);
}, 120_000);

test('a cancelled account is deleted when its time has come, and only where the policy says so', async () => {
  const { accountId } = await live();
  await give(accountId, { action: 'cancel' });
  expect(await cross(100)).toBe(0);
  world.config.ALTA_DUNNING_POLICY = { graceDays: 7, deleteAfterDays: 60 };
  expect(await cross(59)).toBe(0);
  expect(await cross(61)).toBe(1);
  await eventually(async () => (await world.store(accountId))?.client.deleted_at != null, 'a store with its tombstone');
  expect((await alta.accounts.show(accountId)).account.status).toBe('deleted');
  expect(await cross(62)).toBe(0);
  // Brought back by an operator it stays: the same cancellation deletes it no second time.
  setClock(undefined);
  await give(accountId, { action: 'restore' });
  expect((await alta.dunning.forecast(accountId)).steps).toEqual([]);
}, 120_000);

test('another policy is simulated: the stores that it would close or spare are named, and nothing changes', async () => {
  const { accountId, slug } = await live();
  await give(accountId, { action: 'set-due-dates', paidUntil: inDays(-3) });
  await eventually(async () => (await stateOf(accountId)).due?.step === 'suspend', 'a store in its grace');
  const mine = async (policy: object): Promise<unknown> =>
    (await alta.dunning.simulate(policy)).accounts.find((account) => account.accountId === accountId);
  expect(await mine({ graceDays: 2 })).toMatchObject({ slug, more: ['suspend'], fewer: [] });
  expect(await mine({ graceDays: 4 })).toBeUndefined();
  await expect(alta.dunning.simulate({ graceDays: -1 })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  const simulated = await runAlta(world.env, 'dunning', 'simulate', '--grace-days', '0');
  expect(simulated).toMatchObject({ code: 0, err: '' });
  expect(simulated.out).toMatch(new RegExp(`${slug}.*would suspend`));
  const forecast = await runAlta(world.env, 'accounts', 'forecast', slug);
  expect(forecast.out).toMatch(/the store is suspended/);
  expect(await isOpen(accountId)).toBe(true);
}, 120_000);

// The last: it takes the world's workers away.
test('a date that comes while no worker runs is acted on by the next one', async () => {
  world.config.ALTA_DUNNING_POLICY = { graceDays: 0, deleteAfterDays: null };
  const { accountId } = await live();
  const due = Date.now() + 3_000;
  await give(accountId, { action: 'set-due-dates', paidUntil: new Date(due).toISOString() });
  await world.stopWorker();
  await eventually(() => Date.now() > due, 'a date that has passed');
  expect(await isOpen(accountId)).toBe(true);
  const workers = await runWorkers(world.deps, world.native);
  try {
    await becomes(accountId, false);
  } finally {
    await workers.stop();
  }
}, 120_000);
