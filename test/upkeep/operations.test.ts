import { describe, expect, test } from '@jest/globals';
import { publish } from '../../adapters/admin-db/index.ts';
import { createLogger } from '../../adapters/log.ts';
import type { DeadLetter, MoneyReport, ScheduleRow } from '../../client/index.ts';
import { UPKEEP_TASKS, upkeepScheduleId } from '../../contract/upkeep.ts';
import { runAlta, type CliOutcome } from '../support/alta-cli.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import type { PlacedOrder, World } from '../support/world.ts';

/** Dead letters, the outbox, the money lists and the schedules, as an operator works with them. */
let world: World;
let faults: Faults;
const lines: { alert?: string; jobId?: string; eventKey?: string }[] = [];
const log = createLogger('test', 'warn', { write: (line: string) => void lines.push(JSON.parse(line) as object) });
const leave = async (): Promise<void> => {
  for (const task of UPKEEP_TASKS)
    await world.temporal.schedule
      .getHandle(upkeepScheduleId(task, world.config.ALTA_QUEUE_PREFIX))
      .delete()
      .catch(() => undefined);
};
useFaultyWorld({ log, leave }, (made) => ({ world, faults } = made));

const run = (...args: string[]): Promise<CliOutcome> => runAlta(world.env, ...args);
const json = async <T>(...args: string[]): Promise<T> => {
  const { out, err } = await run(...args, '--json');
  if (out === '') throw new Error(err);
  return JSON.parse(out) as T;
};
const letterOf = async ({ accountId }: PlacedOrder): Promise<DeadLetter | undefined> =>
  (await json<DeadLetter[]>('dlq', 'list')).find((letter) => letter.accountId === accountId);

describe('alta dlq', () => {
  test('P-613: a parked run is a dead letter with step, error and attempts, and raised an alert; abandoning an open run is refused', async () => {
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const order = await world.checkout();
    await world.pay(order);
    const { id: jobId } = await world.job(order.accountId, 'parked');
    expect(await letterOf(order)).toMatchObject({
      kind: 'parked',
      state: 'parked',
      step: 'seed-content',
      code: 'CLUSTER_UNAUTHORIZED',
      attempts: expect.any(Number),
      jobAttempt: 1,
    });
    expect(lines.filter((line) => line.alert === 'onboarding parked').map((line) => line.jobId)).toContain(jobId);
    const refused = await run('onboardings', 'abandon', order.slug, '--reason', 'no hope', '--json');
    expect(JSON.parse(refused.err)).toMatchObject({ code: 'RESOLVE_REFUSED' });
    faults.clear();
    await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'mended' });
    await world.job(order.accountId, 'completed');
    expect(await letterOf(order)).toBeUndefined();
  });

  test('P-613 P-161: a compensated run is a dead letter while the money is here, until it is abandoned, which is on record; retry takes it back', async () => {
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_REJECTED' });
    const order = await world.checkout();
    const { paymentId } = await world.pay(order);
    const { id: jobId } = await world.job(order.accountId, 'compensated');
    faults.clear();
    await world
      .handle(order.accountId)
      .result()
      .catch(() => undefined);
    expect(await letterOf(order)).toMatchObject({ kind: 'failed', state: 'compensated', code: 'CLUSTER_REJECTED' });
    expect(lines.filter((line) => line.alert === 'paid without store').map((line) => line.jobId)).toContain(jobId);
    const money = await json<MoneyReport>('money');
    expect(money.lists.paidWithoutStore.items).toContainEqual(expect.objectContaining({ paymentId, state: 'compensated' }));
    expect((await run('money', '--fail-if-any')).code).toBe(1);
    expect((await run('money')).out).toContain('paid without store: 1');

    expect(await json('onboardings', 'abandon', order.slug, '--reason', 'the customer left', '--actor', 'ana')).toMatchObject({
      jobId,
      state: 'compensated',
    });
    expect(await letterOf(order)).toBeUndefined();
    await json('onboardings', 'abandon', order.slug, '--reason', 'again');
    expect(await world.sql('select action, actor, reason from operator_actions where job_id = $1', [jobId])).toEqual([
      { action: 'abandon-onboarding', actor: 'ana', reason: 'the customer left' },
    ]);
    expect(await json('onboardings', 'retry', order.slug, '--reason', 'back again')).toMatchObject({ attempt: 2 });
    await world.job(order.accountId, 'completed');
    expect((await json<MoneyReport>('money')).lists.paidWithoutStore.items).toEqual([]);
    expect((await run('money', '--fail-if-any')).code).toBe(0);
  });

  test('P-613: an undo that fails is a dead letter of its own kind', async () => {
    faults.at('cluster.set-entitlements', { mode: 'fail-after', code: 'CLUSTER_REJECTED' });
    faults.at('cluster.undo-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const order = await world.checkout();
    await world.pay(order);
    await world.job(order.accountId, 'parked');
    await eventually(async () => (await letterOf(order))?.kind === 'undo-failed', 'a failed undo on the list');
    expect(await letterOf(order)).toMatchObject({ step: 'seed-content', code: 'CLUSTER_UNAUTHORIZED' });
    faults.clear();
    await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'mended' });
    await world.job(order.accountId, 'compensated');
    await world.simulator.control.setStatus(
      (await world.sql<{ id: string }>('select payment_id as id from payments where account_id = $1', [order.accountId]))[0]!.id,
      'refunded',
    );
    await eventually(async () => (await letterOf(order)) === undefined, 'an empty list once the money went back');
  });

  test('P-613: a job whose run was terminated becomes abandoned', async () => {
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const order = await world.checkout();
    await world.pay(order);
    const { id } = await world.job(order.accountId, 'parked');
    await world.handle(order.accountId).terminate('gone');
    expect(await json('onboardings', 'abandon', order.slug, '--reason', 'gone')).toMatchObject({ jobId: id, state: 'abandoned' });
    await world.job(order.accountId, 'abandoned');
    expect(await letterOf(order)).toBeUndefined();
  });
});

describe('alta outbox', () => {
  /** A dead row: a payment that Mercado Pago answered with something that no retry mends. */
  async function dead(): Promise<{ order: PlacedOrder; paymentId: string; id: string; eventKey: string }> {
    faults.at('mercadopago.get-payment', { mode: 'fail-before', code: 'INPUT_INVALID' });
    const order = await world.checkout();
    const { paymentId } = await world.pay(order);
    const row = await eventually(
      async () =>
        (
          await world.sql<{ id: string; eventKey: string }>(
            `select id, event_key as "eventKey" from outbox where payload ->> 'paymentId' = $1 and status = 'failed'`,
            [paymentId],
          )
        )[0],
      'a dead row',
    );
    faults.clear();
    return { order, paymentId, ...row };
  }

  test('P-232: a dead row is listed with its error, shown, retried with a reason, and delivered; its death raised an alert', async () => {
    const { order, id, eventKey } = await dead();
    expect(await json('outbox', 'list', '--state', 'failed')).toContainEqual(
      expect.objectContaining({ id, eventKey, code: 'INPUT_INVALID', attempts: 1 }),
    );
    expect(await json('outbox', 'stats')).toContainEqual(expect.objectContaining({ target: 'onboarding', failed: 1 }));
    expect(lines.filter((line) => line.alert === 'dead letter').map((line) => line.eventKey)).toContain(eventKey);
    expect(await json('outbox', 'retry', id, '--reason', 'mended', '--actor', 'ana')).toEqual([id]);
    await world.job(order.accountId, 'completed');
    expect(await json('outbox', 'show', id)).toMatchObject({
      state: 'completed',
      actions: [{ action: 'retry-outbox', actor: 'ana', reason: 'mended' }],
    });
    const late = await run('outbox', 'retry', id, '--reason', 'again', '--json');
    expect([late.code, JSON.parse(late.err)]).toEqual([1, expect.objectContaining({ code: 'RESOLVE_REFUSED' })]);
  });

  test('P-232: all dead rows of one error are retried at once', async () => {
    const two = [await dead(), await dead()];
    const retried = await json<string[]>('outbox', 'retry', '--all-failed', '--code', 'INPUT_INVALID', '--reason', 'the fault was ours');
    expect(retried.sort()).toEqual(two.map(({ id }) => id).sort());
    for (const { order } of two) await world.job(order.accountId, 'completed');
  });

  test('P-232: a discarded row is delivered no more, the notification says so, and the same fact told again brings it back', async () => {
    const { order, paymentId, id } = await dead();
    expect((await run('outbox', 'discard', id, '--reason', 'a test payment', '--actor', 'ana')).out).toBe(`discarded: ${id}\n`);
    expect(await world.sql('select status, result from webhook_inbox where payment_id = $1', [paymentId])).toEqual([
      { status: 'ignored', result: 'discarded by ana: a test payment' },
    ]);
    expect(await json('outbox', 'show', id)).toMatchObject({ state: 'discarded', actions: [{ action: 'discard-outbox' }] });
    expect(await world.sql('select 1 from provisioning_jobs where account_id = $1', [order.accountId])).toEqual([]);
    const [{ delivery_key: key }] = (await world.sql<{ delivery_key: string }>(
      'select delivery_key from webhook_inbox where payment_id = $1',
      [paymentId],
    )) as [{ delivery_key: string }];
    await world.simulator.control.deliver({ paymentId, notificationId: key.replace(/^\D+/, '') });
    await world.job(order.accountId, 'completed');
  });

  test('P-232: nothing is done without a reason, to an unknown row, or to rows that nobody named', async () => {
    const unknown = '00000000-0000-4000-8000-000000000000';
    expect((await run('outbox', 'retry', unknown)).code).toBe(2);
    expect((await run('outbox', 'retry', '--reason', 'x')).code).toBe(2);
    expect((await run('outbox', 'discard', 'not-an-id', '--reason', 'x')).code).toBe(2);
    const missing = await run('outbox', 'discard', unknown, '--reason', 'x', '--json');
    expect([missing.code, JSON.parse(missing.err)]).toEqual([1, expect.objectContaining({ code: 'NOT_FOUND' })]);
    await publish(world.db, {
      target: 'account',
      eventKey: 'kept',
      accountId: null,
      payload: { type: 'payment.changed', accountId: unknown, paymentId: '1', version: 0 },
    });
    expect(await world.sql(`select 1 from operator_actions where event_key = 'kept'`)).toEqual([]);
  });
});

test('P-230: alta schedules apply makes the schedules, list shows them', async () => {
  expect((await run('schedules', 'apply')).out.split('\n').filter((line) => line.startsWith('created: '))).toHaveLength(
    UPKEEP_TASKS.length,
  );
  const again = (await run('schedules', 'apply', '--prune')).out;
  expect(again.split('\n').filter((line) => line.startsWith('updated: '))).toHaveLength(UPKEEP_TASKS.length);
  expect(again).not.toMatch(/created|deleted|left over/);
  const listed = await json<ScheduleRow[]>('schedules', 'list');
  expect(listed.map(({ task, present }) => [task, present])).toEqual(UPKEEP_TASKS.map((task) => [task, true]));
  expect((await run('schedules', 'list')).out).toContain('daily at 03:00 UTC');
});
