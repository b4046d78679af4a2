import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { ScheduleNotFoundError, ScheduleOverlapPolicy } from '@temporalio/client';
import { createAltaClient, type AltaClient, type AppliedSchedule } from '../../client/index.ts';
import { taskQueue } from '../../contract/ids.ts';
import { UPKEEP_TASKS, UPKEEP_WORKFLOWS, upkeepScheduleId, type UpkeepTask } from '../../contract/upkeep.ts';
import { eventually } from '../support/eventually.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type World } from '../support/world.ts';

/** What runs by itself: schedules made by a deployment. */
let world: World;
let alta: AltaClient;
beforeAll(async () => {
  world = await startWorld({ env: { PAYMENT_POLL_SECONDS: '600', EXPIRY_SECONDS: '900' } });
  alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
}, 120_000);
afterAll(async () => {
  for (const task of UPKEEP_TASKS)
    await scheduleOf(task)
      .delete()
      .catch(() => undefined);
  await world.close();
});

const scheduleOf = (task: UpkeepTask) => world.temporal.schedule.getHandle(upkeepScheduleId(task, world.config.ALTA_QUEUE_PREFIX));

const PLANS = [
  ['poll-payments', 600_000, ScheduleOverlapPolicy.BUFFER_ONE, 600_000],
  ['restart-lost', 60_000, ScheduleOverlapPolicy.SKIP, 60_000],
  ['expire-reservations', 900_000, ScheduleOverlapPolicy.SKIP, 60_000],
  ['refresh-credentials', 3_600_000, ScheduleOverlapPolicy.SKIP, 3_600_000],
  ['apply-due-dates', 3_600_000, ScheduleOverlapPolicy.SKIP, 3_600_000],
  ['purge-outbox', 86_400_000, ScheduleOverlapPolicy.BUFFER_ONE, 43_200_000],
] as const;

test('decision 9: a deployment makes every schedule, and repeating it changes nothing but what an operator may not lose', async () => {
  expect((await alta.schedules.list()).map(({ present }) => present)).toEqual(PLANS.map(() => false));
  expect((await alta.schedules.apply()).map(({ outcome }) => outcome)).toEqual(PLANS.map(() => 'created'));
  await scheduleOf('restart-lost').pause('an operator looks at it');
  expect((await alta.schedules.apply()).map(({ outcome }) => outcome)).toEqual(PLANS.map(() => 'updated'));
  const rows = await alta.schedules.list();
  expect(rows.find(({ task }) => task === 'restart-lost')).toMatchObject({ present: true, paused: true, note: 'an operator looks at it' });
  await scheduleOf('restart-lost').unpause();
});

test.each(PLANS)(
  'decision 9: %s has an explicit overlap, catch-up window and a run time below its interval',
  async (task, every, overlap, catchup) => {
    await alta.schedules.apply();
    const { spec, policies, action } = await scheduleOf(task).describe();
    expect(policies).toEqual({ overlap, catchupWindow: catchup, pauseOnFailure: false });
    expect(action).toMatchObject({
      workflowType: UPKEEP_WORKFLOWS[task],
      workflowId: upkeepScheduleId(task, world.config.ALTA_QUEUE_PREFIX),
      taskQueue: taskQueue('upkeep', world.config.ALTA_QUEUE_PREFIX),
    });
    expect(action.workflowExecutionTimeout).toBeLessThan(every);
    if (task === 'purge-outbox') expect(spec.calendars?.[0]).toMatchObject({ hour: [{ start: 3, end: 3 }] });
    else expect(spec.intervals).toMatchObject([{ every }]);
  },
);

describe('schedules of another version', () => {
  const prefix = (): string => world.config.ALTA_QUEUE_PREFIX;
  const made: string[] = [];
  afterEach(async () => {
    for (const id of made.splice(0))
      await world.temporal.schedule
        .getHandle(id)
        .delete()
        .catch(() => undefined);
  });

  /** A schedule that somebody made, paused, and that Temporal lists by now. */
  async function listedSchedule(scheduleId: string, queue: string): Promise<string> {
    await world.temporal.schedule.create({
      scheduleId,
      spec: { intervals: [{ every: '1 day' }] },
      state: { paused: true, note: 'made by a test' },
      action: { type: 'startWorkflow', workflowType: 'renamedSince', taskQueue: queue, args: [] },
    });
    made.push(scheduleId);
    const { workflowService, options } = world.temporal;
    await eventually(async () => {
      const { schedules } = await workflowService.listSchedules({ namespace: options.namespace, maximumPageSize: 1_000 });
      return schedules.some((one) => one.scheduleId === scheduleId);
    }, `a listed schedule ${scheduleId}`);
    return scheduleId;
  }
  const exists = (id: string): Promise<boolean> =>
    world.temporal.schedule
      .getHandle(id)
      .describe()
      .then(() => true)
      .catch((error: unknown) => {
        if (error instanceof ScheduleNotFoundError) return false;
        throw error;
      });
  const updated = (): AppliedSchedule[] =>
    UPKEEP_TASKS.map((task) => ({ scheduleId: upkeepScheduleId(task, prefix()), outcome: 'updated' as const }));

  test('decision 9: one under a name that no task has is told of, and deleted only on demand; those of others never', async () => {
    await alta.schedules.apply();
    const old = await listedSchedule(`${prefix()}upkeep/poll-everything`, taskQueue('upkeep', prefix()));
    const others = [
      await listedSchedule(`${prefix()}upkeep/of-another-product`, 'their-queue'),
      await listedSchedule(`other-${prefix()}upkeep/poll-everything`, taskQueue('upkeep', `other-${prefix()}`)),
      await listedSchedule(`${prefix()}reports`, taskQueue('upkeep', prefix())),
    ];
    expect(await alta.schedules.apply()).toEqual([...updated(), { scheduleId: old, outcome: 'left over' }]);
    expect(await exists(old)).toBe(true);
    expect(await alta.schedules.apply({ prune: true })).toEqual([...updated(), { scheduleId: old, outcome: 'deleted' }]);
    expect(await exists(old)).toBe(false);
    for (const id of others) expect({ id, exists: await exists(id) }).toEqual({ id, exists: true });
    expect((await alta.schedules.list()).map(({ present }) => present)).toEqual(PLANS.map(() => true));
    await eventually(async () => (await alta.schedules.apply({ prune: true })).length === UPKEEP_TASKS.length, 'a list without it');
  });
});

test('P-230: the purge is next due at 03:00 UTC', async () => {
  await alta.schedules.apply();
  const row = (await alta.schedules.list()).find(({ task }) => task === 'purge-outbox')!;
  expect(row.nextAt).toMatch(/T03:00:00/);
});

test('P-111: a run of its schedule finds a payment whose webhook was dropped; what it did stands in the run', async () => {
  await alta.schedules.apply();
  const order = await world.checkout();
  await world.pay(order, { notify: false });
  await scheduleOf('poll-payments').trigger();
  await expectOneStore(world, order);
  const action = await eventually(async () => (await scheduleOf('poll-payments').describe()).info.recentActions.at(-1)?.action, 'a run');
  const handle = world.temporal.workflow.getHandle(action.workflow.workflowId, action.workflow.firstExecutionRunId);
  expect(await handle.result()).toEqual({ held: null, pages: 1, seen: 1, fed: 1, complete: true });
  const description = await handle.describe();
  expect(description).toMatchObject({ type: 'pollPayments', taskQueue: taskQueue('upkeep', world.config.ALTA_QUEUE_PREFIX) });
});
