import { eventually } from '../eventually.ts';
import { reversePayment } from '../payments.ts';
import type { PlacedOrder } from '../world.ts';
import type { Scenario } from './onboarding-scenarios.ts';
import type { HistoryPath } from './paths.ts';
import type { Stage } from './stage.ts';

type SafePointPath = Extract<HistoryPath, `onboarding.safe-point-${string}`>;

interface Paid {
  order: PlacedOrder;
  paymentId: string;
}

async function paid({ world }: Stage): Promise<Paid> {
  const order = await world.checkout();
  const { paymentId } = await world.pay(order);
  return { order, paymentId };
}

/** An order whose payment is reversed just before a boundary is passed. Every step is a regular activity, so that the news arrives. */
async function reversedAt(stage: Stage, boundary: string, status: string): Promise<Paid> {
  const { world, faults, policy } = stage;
  policy({ fastPath: false });
  const order = await world.checkout();
  let paymentId = '';
  faults.before(boundary, () => reversePayment(stage.world, paymentId, status));
  ({ paymentId } = await world.pay(order, { notify: false }));
  await world.simulator.control.deliver({ paymentId });
  return { order, paymentId };
}

/** Before the pivot: the run stops at the next safe point. */
const stopped =
  (boundary: string, status: string, end: string): Scenario =>
  async (stage) => {
    const { order } = await reversedAt(stage, boundary, status);
    return stage.until(order, end);
  };

/** A run that is cancelled just before a boundary is passed; the step that passes it ends well all the same. */
const cancelled =
  (boundary: string, end: string): Scenario =>
  async (stage) => {
    const { world, faults, policy } = stage;
    policy({ fastPath: false });
    const order = await world.checkout();
    faults.before(boundary, async () => {
      const run = world.handle(order.accountId);
      await run.cancel();
      await eventually(
        async () => ((await run.fetchHistory()).events ?? []).some((event) => event.workflowExecutionCancelRequestedEventAttributes),
        'a run that was told of its cancellation',
      );
    });
    await world.pay(order);
    return stage.until(order, end);
  };

const readings = async ({ world }: Stage, { accountId }: PlacedOrder): Promise<number> =>
  ((await world.handle(accountId).fetchHistory()).events ?? []).filter(
    (event) => event.activityTaskScheduledEventAttributes?.activityType?.name === 'verify-payment',
  ).length;

export const SAFE_POINT_SCENARIOS: Record<SafePointPath, Scenario> = {
  'onboarding.safe-point-rejected': stopped('admin-db.accept-payment', 'refunded', 'rejected'),
  'onboarding.safe-point-early': stopped('admin-db.claim-slug', 'refunded', 'compensated'),
  'onboarding.safe-point-client': stopped('cluster.upsert-client', 'charged_back', 'compensated'),
  'onboarding.safe-point-parked': async (stage) => {
    stage.policy({ fastPath: false });
    stage.faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    stage.faults.at('cluster.set-entitlements', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    const { order, paymentId } = await paid(stage);
    await eventually(async () => (await stage.world.progress(order.accountId)).parked.length === 2, 'two parked steps');
    await reversePayment(stage.world, paymentId, 'charged_back');
    return stage.until(order, 'compensated');
  },
  'onboarding.safe-point-unchanged': async (stage) => {
    stage.policy({ fastPath: false });
    stage.faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    const { order, paymentId } = await paid(stage);
    await stage.until(order, 'parked');
    await stage.world.simulator.control.deliver({ paymentId });
    await eventually(async () => (await readings(stage, order)) === 2, 'a second reading');
    await eventually(async () => (await stage.world.progress(order.accountId)).running.length === 1, 'the reading to end');
    stage.faults.clear();
    await stage.resolve(order, 'retry');
    return stage.until(order, 'completed');
  },
  'onboarding.safe-point-check-parked': async (stage) => {
    stage.policy({ fastPath: false });
    stage.faults.at('admin-db.accept-payment', { mode: 'fail-before', code: 'ADMIN_DB_UNAVAILABLE' });
    const { order, paymentId } = await paid(stage);
    await stage.until(order, 'parked');
    stage.faults.clear();
    await stage.world.simulator.control.deliver({ paymentId });
    return stage.until(order, 'completed');
  },
  'onboarding.safe-point-waiting': async (stage) => {
    stage.policy({ fastPath: false });
    await stage.clusters(false);
    const { order, paymentId } = await paid(stage);
    await stage.until(order, 'waiting');
    await stage.world.simulator.control.deliver({ paymentId });
    await eventually(async () => (await readings(stage, order)) === 2, 'a second reading');
    await stage.until(order, 'waiting');
    await reversePayment(stage.world, paymentId, 'refunded');
    return stage.until(order, 'compensated');
  },
  'onboarding.safe-point-past-pivot-skip': async (stage) => {
    const { order } = await reversedAt(stage, 'cluster.publish-client', 'refunded');
    await stage.until(order, 'parked');
    await stage.resolve(order, 'skip', 'verify-payment');
    return stage.until(order, 'completed');
  },
  'onboarding.safe-point-past-pivot-retry': async (stage) => {
    const { order, paymentId } = await reversedAt(stage, 'mailer.send', 'charged_back');
    await stage.until(order, 'parked');
    await stage.world.simulator.control.setStatus(paymentId, 'approved', { notify: false });
    await stage.resolve(order, 'retry');
    return stage.until(order, 'completed');
  },
  'onboarding.safe-point-past-pivot-won': async (stage) => {
    const { order, paymentId } = await reversedAt(stage, 'cluster.publish-client', 'charged_back');
    await stage.until(order, 'parked');
    await stage.world.simulator.control.setStatus(paymentId, 'approved');
    return stage.until(order, 'completed');
  },
  'onboarding.safe-point-activate-happened': async (stage) => {
    stage.policy({ fastPath: false });
    stage.faults.at('admin-db.activate-account', { mode: 'fail-after', code: 'ADMIN_DB_UNAVAILABLE' });
    const { order, paymentId } = await paid(stage);
    await eventually(async () => (await stage.world.progress(order.accountId)).parked.length === 1, 'a parked activation');
    stage.faults.clear();
    await reversePayment(stage.world, paymentId, 'refunded');
    await eventually(
      async () => (await stage.world.job(order.accountId, 'parked')).error_code === 'PAYMENT_REVERSED',
      'a run that is parked for its payment',
    );
    await stage.resolve(order, 'skip', 'verify-payment');
    return stage.until(order, 'completed');
  },
  'onboarding.safe-point-cancelled-rejected': cancelled('admin-db.accept-payment', 'rejected'),
  'onboarding.safe-point-cancelled-early': cancelled('cluster.upsert-client', 'compensated'),
  'onboarding.safe-point-cancelled-last': cancelled('cluster.set-entitlements', 'compensated'),
  'onboarding.safe-point-cancelled-past-pivot': cancelled('cluster.publish-client', 'completed'),
};
