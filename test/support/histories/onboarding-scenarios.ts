import type { WorkflowHandle } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import type { ErrorCode } from '../../../contract/errors.ts';
import { ONBOARDING_WORKFLOW, onboardingWorkflowId, taskQueue } from '../../../contract/ids.ts';
import { eventually } from '../eventually.ts';
import type { HistoryPath } from './paths.ts';
import type { Stage } from './stage.ts';

/** Plays one path and gives the run whose history is kept. */
export type Scenario = (stage: Stage) => Promise<WorkflowHandle>;
type OnboardingPath = Exclude<Extract<HistoryPath, `onboarding.${string}`>, `onboarding.safe-point-${string}`>;

/** A permanent error at a boundary: the run undoes what it began and ends. */
const compensated =
  (boundary: string, code: ErrorCode, mode: 'fail-before' | 'fail-after' = 'fail-after'): Scenario =>
  async ({ faults, paid, until }) => {
    faults.at(boundary, { mode, code });
    return until(await paid(), 'compensated');
  };

/** An error that may pass, a number of times: the run completes. */
const bridged =
  (times: number): Scenario =>
  async ({ faults, paid, until }) => {
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE', times });
    return until(await paid(), 'completed');
  };

const parkAtContent = ({ faults }: Stage): void => faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });

/** A run whose compensation stops at an undo that fails. */
const undoParked = async (stage: Stage): ReturnType<Stage['paid']> => {
  stage.faults.at('cluster.set-entitlements', { mode: 'fail-after', code: 'CLUSTER_REJECTED' });
  stage.faults.at('cluster.undo-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  const order = await stage.paid();
  await stage.until(order, 'parked');
  stage.faults.clear();
  return order;
};

/** News of the payment while the assets are copied; `act` says which. */
const withNews =
  (act: (stage: Stage, paymentId: string) => Promise<unknown>, end: string): Scenario =>
  async (stage) => {
    const { world, faults, until } = stage;
    const order = await world.checkout();
    let paymentId = '';
    faults.before('cluster.put-assets', async () => {
      await act(stage, paymentId);
      await eventually(
        async () =>
          (await world.sql(`select 1 from webhook_inbox where payment_id = $1 and result like '%was told'`, [paymentId])).length > 0,
        'a run that was told',
      );
    });
    ({ paymentId } = await world.pay(order, { notify: false }));
    await world.simulator.control.deliver({ paymentId });
    return until(order, end);
  };

const waiting = async (stage: Stage): ReturnType<Stage['paid']> => {
  await stage.clusters(false);
  const order = await stage.paid();
  await stage.until(order, 'waiting');
  return order;
};

const eventCount = async (handle: WorkflowHandle, attributes: string): Promise<number> =>
  ((await handle.fetchHistory()).events ?? []).filter((event) => (event as Record<string, unknown>)[attributes]).length;

const happy: Scenario = async ({ paid, until }) => until(await paid(), 'completed');
const parkedRetry: Scenario = async (stage) => {
  parkAtContent(stage);
  const order = await stage.paid();
  await stage.until(order, 'parked');
  stage.faults.clear();
  await stage.resolve(order, 'retry');
  return stage.until(order, 'completed');
};

export const ONBOARDING_SCENARIOS: Record<OnboardingPath, Scenario> = {
  'onboarding.happy': happy,
  'onboarding.fast-path-off': async ({ policy, paid, until }) => {
    policy({ fastPath: false });
    return until(await paid(), 'completed');
  },
  'onboarding.local-try-failed': bridged(1),
  'onboarding.retried': bridged(3),

  'onboarding.parked-retry': parkedRetry,
  'onboarding.parked-skip': async (stage) => {
    stage.faults.at('mailer.send', { mode: 'fail-before', code: 'MAIL_REJECTED' });
    const order = await stage.paid();
    await stage.until(order, 'parked');
    await stage.resolve(order, 'skip');
    return stage.until(order, 'completed');
  },
  'onboarding.parked-compensate': async (stage) => {
    parkAtContent(stage);
    const order = await stage.paid();
    await stage.until(order, 'parked');
    await stage.resolve(order, 'compensate');
    return stage.until(order, 'compensated');
  },
  'onboarding.parked-past-deadline': async (stage) => {
    stage.policy({ parkDeadlineMs: 200 });
    parkAtContent(stage);
    const order = await stage.paid();
    const handle = await stage.until(order, 'parked');
    await eventually(async () => (await eventCount(handle, 'timerFiredEventAttributes')) >= 2, 'two alerts');
    stage.faults.clear();
    await stage.resolve(order, 'retry');
    return stage.until(order, 'completed');
  },
  'onboarding.parked-permanent': async (stage) => {
    stage.faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const order = await stage.paid();
    await stage.until(order, 'parked');
    stage.faults.clear();
    await stage.resolve(order, 'retry');
    return stage.until(order, 'completed');
  },
  'onboarding.step-timed-out': async (stage) => {
    stage.policy({ fastPath: false, stepTimeoutMs: 1_500, retryAttempts: 1 });
    stage.faults.at('cluster.seed-content', { mode: 'hang', times: 1 });
    const order = await stage.paid();
    await stage.until(order, 'parked');
    stage.faults.clear();
    await stage.resolve(order, 'retry');
    return stage.until(order, 'completed');
  },
  'onboarding.two-steps-parked': async (stage) => {
    parkAtContent(stage);
    stage.faults.at('cluster.set-entitlements', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    const order = await stage.paid();
    await stage.until(order, 'parked');
    await eventually(async () => (await stage.world.progress(order.accountId)).parked.length === 2, 'two parked steps');
    stage.faults.clear();
    await stage.resolve(order, 'retry', 'sync-entitlements');
    await stage.resolve(order, 'retry', 'seed-content');
    return stage.until(order, 'completed');
  },
  'onboarding.exhausted-compensate': async (stage) => {
    stage.policy({ onExhausted: 'compensate' });
    parkAtContent(stage);
    return stage.until(await stage.paid(), 'compensated');
  },

  'onboarding.waiting-done': async (stage) => {
    const order = await waiting(stage);
    await stage.clusters(true);
    return stage.until(order, 'completed');
  },
  'onboarding.waiting-long': async (stage) => {
    const order = await waiting(stage);
    await eventually(
      async () => (await eventCount(stage.world.handle(order.accountId), 'timerStartedEventAttributes')) >= 3,
      'a wait that goes on',
    );
    await stage.clusters(true);
    return stage.until(order, 'completed');
  },
  'onboarding.waiting-woken': async (stage) => {
    stage.policy({ clusterWaitInitialMs: 600_000, clusterWaitMaxMs: 600_000 });
    const order = await waiting(stage);
    await stage.clusters(true);
    await stage.resolve(order, 'retry');
    return stage.until(order, 'completed');
  },
  'onboarding.waiting-given-up': async (stage) => {
    const order = await waiting(stage);
    await stage.resolve(order, 'compensate');
    return stage.until(order, 'compensated');
  },
  'onboarding.waiting-parked': async (stage) => {
    stage.policy({ clusterWaitForMs: 400 });
    const order = await waiting(stage);
    await stage.until(order, 'parked');
    await stage.clusters(true);
    await stage.resolve(order, 'retry');
    return stage.until(order, 'completed');
  },

  'onboarding.waiting-beside-parked': async (stage) => {
    stage.faults.at('admin-db.claim-slug', { mode: 'fail-before', code: 'ADMIN_DB_UNAVAILABLE' });
    const order = await waiting(stage);
    await stage.until(order, 'parked');
    stage.faults.clear();
    await stage.resolve(order, 'retry', 'claim-slug');
    await stage.until(order, 'waiting');
    await stage.clusters(true);
    return stage.until(order, 'completed');
  },

  'onboarding.rejected-amount': async ({ world, until }) => {
    const order = await world.checkout();
    await world.pay(order, { amount: '1' });
    return until(order, 'rejected');
  },
  'onboarding.input-invalid': async ({ world }) => {
    const handle = await world.temporal.workflow.start(ONBOARDING_WORKFLOW, {
      workflowId: onboardingWorkflowId(randomUUID()),
      taskQueue: taskQueue('provisioning', world.config.ALTA_QUEUE_PREFIX),
      args: [{ accountId: 'nobody' }],
    });
    await eventually(async () => (await handle.describe()).status.name === 'FAILED', 'a refused input');
    return handle;
  },

  'onboarding.compensated-claim-slug': compensated('admin-db.claim-slug', 'SLUG_TAKEN'),
  'onboarding.compensated-reserve-placement': compensated('admin-db.take-slot', 'INPUT_INVALID'),
  'onboarding.compensated-upsert-client': compensated('cluster.upsert-client', 'CLUSTER_REJECTED'),
  'onboarding.compensated-create-admin-user': compensated('cluster.create-auth-user', 'AUTH_USER_INVALID'),
  'onboarding.compensated-sync-mp-credentials': compensated('cluster.set-mp-credentials', 'CLUSTER_REJECTED'),
  'onboarding.compensated-seed-content': compensated('cluster.seed-content', 'CLUSTER_REJECTED'),
  'onboarding.compensated-migrate-assets': compensated('cluster.put-assets', 'CLUSTER_REJECTED'),
  'onboarding.compensated-sync-entitlements': compensated('cluster.set-entitlements', 'CLUSTER_REJECTED'),
  'onboarding.compensated-activate': compensated('admin-db.activate-account', 'ACCOUNT_STATE_INVALID', 'fail-before'),

  'onboarding.undo-parked-retry': async (stage) => {
    const order = await undoParked(stage);
    await stage.resolve(order, 'retry');
    return stage.until(order, 'compensated');
  },
  'onboarding.undo-parked-skip': async (stage) => {
    const order = await undoParked(stage);
    await stage.resolve(order, 'skip');
    return stage.until(order, 'compensated');
  },

  'onboarding.cancelled-in-step': async (stage) => {
    stage.policy({ retryAttempts: 1_000 });
    parkAtContent(stage);
    const order = await stage.paid();
    await eventually(
      async () => (await stage.world.steps(order.accountId)).some(({ step, attempt }) => step === 'seed-content' && attempt >= 3),
      'a step that is being retried',
    );
    await stage.world.handle(order.accountId).cancel();
    return stage.until(order, 'compensated');
  },
  'onboarding.cancelled-while-parked': async (stage) => {
    parkAtContent(stage);
    const order = await stage.paid();
    await (await stage.until(order, 'parked')).cancel();
    return stage.until(order, 'compensated');
  },
  'onboarding.cancelled-while-waiting': async (stage) => {
    const order = await waiting(stage);
    await stage.world.handle(order.accountId).cancel();
    return stage.until(order, 'compensated');
  },

  'onboarding.payment-changed': withNews(({ world }, paymentId) => world.simulator.control.deliver({ paymentId }), 'completed'),
  'onboarding.payment-refunded': withNews(
    ({ world }, paymentId) => world.simulator.control.setStatus(paymentId, 'refunded'),
    'compensated',
  ),

  'onboarding.activate-happened': async (stage) => {
    stage.faults.at('admin-db.activate-account', { mode: 'fail-after', code: 'ADMIN_DB_UNAVAILABLE' });
    const order = await stage.paid();
    await stage.until(order, 'parked');
    stage.faults.clear();
    await stage.resolve(order, 'compensate');
    return stage.until(order, 'completed');
  },

  'onboarding.happy-encrypted': happy,
  'onboarding.parked-retry-encrypted': parkedRetry,
  'onboarding.compensated-encrypted': compensated('cluster.set-entitlements', 'CLUSTER_REJECTED'),
};
