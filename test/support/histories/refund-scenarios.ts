import type { WorkflowHandle } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import { createAltaClient, type AltaClient } from '../../../client/index.ts';
import { REFUND_WORKFLOW, refundWorkflowId, taskQueue } from '../../../contract/ids.ts';
import type { RefundAction, RefundRule } from '../../../contract/refund.ts';
import { eventually } from '../eventually.ts';
import { failedOrder, watchRefunds } from '../refunds.ts';
import type { PlacedOrder } from '../world.ts';
import type { Scenario } from './onboarding-scenarios.ts';
import type { HistoryPath } from './paths.ts';
import type { Stage } from './stage.ts';

type RefundPath = Extract<HistoryPath, `refund.${string}`>;

/** The money of an order whose onboarding was undone, and the moves that decide about it. */
interface Money {
  order: PlacedOrder;
  paymentId: string;
  alta: AltaClient;
  handle: WorkflowHandle;
  asked: (code: string) => Promise<unknown>;
  decide: (action: RefundAction) => Promise<unknown>;
  /** Waits until the refund is in process and gives Mercado Pago's id of it. */
  inProcess: () => Promise<string>;
}

async function failed({ world, faults }: Stage, rule?: RefundRule): Promise<Money> {
  const { order, paymentId } = await failedOrder(world, faults, rule);
  const alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
  const refunds = watchRefunds(world, alta);
  return {
    order,
    paymentId,
    alta,
    handle: refunds.handle(paymentId),
    asked: (code) => refunds.asked(paymentId, code),
    decide: (action) => refunds.decide(paymentId, action),
    inProcess: async () => (await refunds.inState(paymentId, 'in_process')).mpRefundId!,
  };
}

/** Waits until a run has called an activity so often; a call is one, with all its tries. */
const scheduled = (handle: WorkflowHandle, activity: string, count: number): Promise<unknown> =>
  eventually(async () => {
    const events = (await handle.fetchHistory()).events ?? [];
    return events.filter((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === activity).length >= count;
  }, `${count} calls of ${activity}`);

/** The same, once the question stands. */
async function undecided(stage: Stage): Promise<Money> {
  const money = await failed(stage);
  await money.asked('REFUND_UNDECIDED');
  return money;
}

const ended = async ({ handle }: Money): Promise<WorkflowHandle> => {
  await handle.result();
  return handle;
};

const decided =
  (action: RefundAction): Scenario =>
  async (stage) => {
    const money = await undecided(stage);
    await money.decide(action);
    return ended(money);
  };

export const REFUND_SCENARIOS: Record<RefundPath, Scenario> = {
  'refund.kept': decided('keep'),
  'refund.refunded': decided('refund'),
  'refund.always': async (stage) => {
    const money = await failed(stage, 'always');
    // The question of the rules is answered: the run begins by itself, soon after the onboarding has ended.
    await eventually(() => money.handle.describe(), 'a refund that began');
    return ended(money);
  },
  'refund.followed': async (stage) => {
    const money = await undecided(stage);
    await stage.world.simulator.control.setRefundStatus('in_process');
    await money.decide('refund');
    await stage.world.simulator.control.endRefund(await money.inProcess(), 'approved');
    return ended(money);
  },
  'refund.rejected': async (stage) => {
    const money = await undecided(stage);
    await stage.world.simulator.control.setRefundStatus('rejected');
    await money.decide('refund');
    await money.asked('REFUND_REJECTED');
    await stage.world.simulator.control.setRefundStatus('approved');
    await money.decide('refund');
    return ended(money);
  },
  'refund.tries-used-up': async (stage) => {
    const money = await undecided(stage);
    await stage.world.simulator.control.faults.add({ operation: 'refund.create', kind: 'status', status: 500, count: 3 });
    await money.decide('refund');
    await money.asked('MP_UNAVAILABLE');
    await money.decide('keep').catch(() => undefined);
    await money.asked('MP_UNAVAILABLE');
    await money.decide('refund');
    return ended(money);
  },
  'refund.payment-unreadable': async (stage) => {
    const money = await undecided(stage);
    await stage.world.simulator.control.setRefundStatus('in_process');
    await money.decide('refund');
    const refundId = await money.inProcess();
    await stage.world.simulator.control.faults.add({ operation: 'payment.get', kind: 'status', status: 500, count: 4 });
    await stage.world.simulator.control.endRefund(refundId, 'approved');
    return ended(money);
  },
  'refund.follow-failing': async (stage) => {
    const money = await undecided(stage);
    await stage.world.simulator.control.setRefundStatus('in_process');
    await stage.world.simulator.control.faults.add({ operation: 'refund.get', kind: 'status', status: 500, count: 7 });
    await money.decide('refund');
    const refundId = await money.inProcess();
    // Two looks use up their tries; the third one reads again.
    await scheduled(money.handle, 'follow-refund', 3);
    await stage.world.simulator.control.endRefund(refundId, 'approved');
    return ended(money);
  },
  'refund.cancelled-in-try': async (stage) => {
    stage.refundPolicy({ retryAttempts: 1_000 });
    const money = await undecided(stage);
    await stage.world.simulator.control.faults.add({ operation: 'refund.create', kind: 'status', status: 500, count: 1_000 });
    await money.decide('refund');
    await eventually(async () => ((await money.alta.refunds.show(money.paymentId))[0]?.tries ?? 0) >= 2, 'a refund that is tried again');
    await money.handle.cancel();
    return money.handle;
  },
  'refund.not-needed': async (stage) => {
    const money = await undecided(stage);
    await stage.world.simulator.control.setStatus(money.paymentId, 'refunded', { notify: false });
    await money.decide('refund');
    return ended(money);
  },
  'refund.superseded': async (stage) => {
    const money = await undecided(stage);
    await money.alta.onboardings.retry(money.order.accountId, { actor: 'ana', reason: 'mended' });
    await stage.until(money.order, 'completed');
    return ended(money);
  },
  'refund.past-deadline': async (stage) => {
    stage.refundPolicy({ parkDeadlineMs: 200 });
    const money = await undecided(stage);
    await eventually(
      async () => ((await money.handle.fetchHistory()).events ?? []).some((event) => event.timerFiredEventAttributes),
      'an alert',
    );
    await money.decide('keep');
    return ended(money);
  },
  'refund.input-invalid': async ({ world }) => {
    const handle = await world.temporal.workflow.start(REFUND_WORKFLOW, {
      workflowId: refundWorkflowId(randomUUID()),
      taskQueue: taskQueue('provisioning', world.config.ALTA_QUEUE_PREFIX),
      args: [{ paymentId: 'none' }],
    });
    await eventually(async () => (await handle.describe()).status.name === 'FAILED', 'a refused input');
    return handle;
  },
};
