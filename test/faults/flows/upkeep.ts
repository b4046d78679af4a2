import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { taskQueue } from '../../../contract/ids.ts';
import { UPKEEP_TASKS, UPKEEP_WORKFLOWS, upkeepScheduleId, type UpkeepResult, type UpkeepTask } from '../../../contract/upkeep.ts';
import { flowOf, troubled, type Flow, type Subject } from '../flow.ts';
import type { Stage } from '../stage.ts';
import { expectOneStore } from '../../support/one-store.ts';
import { give, openLive, quiet, type Live } from './account.ts';
import { openOrder, type Ordered } from './onboarding.ts';

/** Runs one task as its schedule does, under the subject's id. */
async function sweep({ world }: Stage, task: UpkeepTask, { id }: Subject): Promise<UpkeepResult> {
  const { temporal, config } = world;
  const handle = await temporal.workflow.start(UPKEEP_WORKFLOWS[task], {
    workflowId: `${upkeepScheduleId(task, config.ALTA_QUEUE_PREFIX)}-${id}-${randomUUID().slice(0, 8)}`,
    taskQueue: taskQueue('upkeep', config.ALTA_QUEUE_PREFIX),
    workflowExecutionTimeout: '2 minutes',
  });
  return (await handle.result()) as UpkeepResult;
}

/** A sweep that holds or fails does no harm, and its next run gets through. */
const upkeepOf = (task: UpkeepTask): Flow =>
  flowOf<Subject>({
    name: `upkeep ${task}`,
    open: () => Promise.resolve({ id: randomUUID() }),
    async run(stage, subject) {
      await sweep(stage, task, subject).catch(() => undefined);
    },
    async check(stage, subject) {
      assert.equal((await sweep(stage, task, subject)).held, null);
    },
  });

/** A payment whose webhook never came is found by a poll, and is one store. */
const found: Flow = flowOf<Ordered>({
  name: 'a lost webhook',
  open: openOrder,
  async run(stage, subject) {
    await stage.world.pay(subject.order, { notify: false });
    await sweep(stage, 'poll-payments', subject).catch(() => undefined);
    // What a poll did not get to is the next one's.
    await sweep(stage, 'poll-payments', subject);
    await stage.job(subject.id, 'completed', 'parked', 'compensated', 'rejected');
  },
  check: ({ world }, { order }) => expectOneStore(world, order),
});

/** An add-on that has run out is taken off, and the store is told once. */
const expiry: Flow = flowOf<Live>({
  name: 'an add-on that ran out',
  open: openLive,
  async run(stage, subject) {
    const { world } = stage;
    subject.turn += 1;
    await give(stage, subject, { action: 'add-addon', addonKey: 'extra-staff', quantity: 1 + subject.turn });
    await world.sql(`update account_addons set expires_at = now() - interval '1 second' where account_id = $1`, [subject.id]);
    await sweep(stage, 'expire-reservations', subject).catch(() => undefined);
    await sweep(stage, 'expire-reservations', subject);
    await quiet(stage, subject.id);
  },
  async check(stage, { id }) {
    await quiet(stage, id);
    const addons = await stage.world.sql('select 1 from account_addons where account_id = $1 and active', [id]);
    assert.equal(addons.length, 0, 'an add-on still counts');
  },
  reusable: () => true,
});

export const upkeep = [...UPKEEP_TASKS.map(upkeepOf), found, expiry];

/** Mercado Pago asks to be left alone for a moment: the sweep holds, and the next one gets through. */
export const rest = troubled(upkeepOf('poll-payments'), 'asked to rest', ({ faults }, { id }) =>
  faults.at('mercadopago.search-payments', { mode: 'fail-before', code: 'MP_RATE_LIMITED', retryAfterMs: 1, times: 1, of: id }),
);
