import type { UpkeepTask } from '../../../contract/upkeep.ts';
import { eventually } from '../eventually.ts';
import { ageJob, startTask } from '../upkeep.ts';
import type { Scenario } from './onboarding-scenarios.ts';
import type { HistoryPath } from './paths.ts';

type UpkeepPath = Extract<HistoryPath, `${Exclude<UpkeepTask, 'refresh-credentials'>}.${string}`>;

export const UPKEEP_SCENARIOS: Record<UpkeepPath, Scenario> = {
  'poll-payments.fed': async ({ world, until }) => {
    const order = await world.checkout();
    await world.pay(order, { notify: false });
    const handle = await startTask(world, 'poll-payments');
    await until(order, 'completed');
    return handle;
  },
  'poll-payments.held': async ({ world, faults }) => {
    faults.at('mercadopago.search-payments', { mode: 'fail-before', code: 'MP_UNAVAILABLE' });
    const handle = await startTask(world, 'poll-payments');
    await handle.result();
    return handle;
  },
  'restart-lost.restarted': async ({ world, faults, until }) => {
    faults.at('temporal.start-onboarding', { mode: 'fail-before', code: 'INPUT_INVALID' });
    const order = await world.checkout();
    const { paymentId } = await world.pay(order);
    await eventually(
      async () => (await world.sql(`select 1 from webhook_inbox where payment_id = $1 and result like 'dead%'`, [paymentId])).length > 0,
      'a start that was lost',
    );
    faults.clear();
    await ageJob(world, order.accountId, 150);
    const handle = await startTask(world, 'restart-lost');
    await until(order, 'completed');
    return handle;
  },
  'apply-due-dates.woken': async ({ world, paid, until }) => {
    const order = await paid();
    await until(order, 'completed');
    await world.quiet(order.accountId);
    // Written past Alta, as when the Admin DB is restored: nobody has told the workflow.
    await world.sql(`update subscriptions set paid_until = now() - interval '1 hour' where account_id = $1`, [order.accountId]);
    return startTask(world, 'apply-due-dates');
  },
  'expire-reservations.freed': async ({ world }) => {
    const { accountId } = await world.checkout();
    await world.sql(`update slug_reservations set expires_at = now() - interval '1 minute' where account_id = $1`, [accountId]);
    await world.sql(`insert into upkeep_marks (task, completed_at) values ('poll-payments', now())
      on conflict (task) do update set completed_at = excluded.completed_at`);
    return startTask(world, 'expire-reservations');
  },
  'purge-outbox.purged': async ({ world }) => {
    await world.sql(`insert into outbox (target, event_key, event_type, payload, status, completed_at)
      select 'account', 'old/' || n, 'x', '{}', 'completed', now() - interval '31 days' from generate_series(1, 3) n`);
    return startTask(world, 'purge-outbox');
  },
};
