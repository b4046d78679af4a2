import type { WorkflowHandle } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import { createAltaClient, type AltaClient } from '../../../client/index.ts';
import { REFUND_WORKFLOW, refundWorkflowId, taskQueue } from '../../../contract/ids.ts';
import type { RefundAction, RefundProgress } from '../../../contract/refund.ts';
import { eventually } from '../eventually.ts';
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

async function failed({ world, faults, policy, until }: Stage, refundOnFailure: 'operator' | 'always' = 'operator'): Promise<Money> {
  policy({ refundOnFailure });
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_REJECTED' });
  const order = await world.checkout();
  const { paymentId } = await world.pay(order);
  const run = await until(order, 'compensated');
  await run.result().catch(() => undefined);
  faults.clear();
  const alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
  const handle = world.temporal.workflow.getHandle(refundWorkflowId(paymentId));
  return {
    order,
    paymentId,
    alta,
    handle,
    asked: (code) =>
      eventually(async () => {
        const progress = await handle.query<RefundProgress>('refund-progress');
        if (!progress.question || progress.code !== code) throw new Error(JSON.stringify(progress));
        return progress;
      }, `a question about ${paymentId}: ${code}`),
    decide: (action) => alta.refunds.decide(paymentId, { action, actor: 'ana', reason: 'as agreed' }),
    inProcess: () =>
      eventually(async () => {
        const [row] = await alta.refunds.show(paymentId);
        if (row?.state !== 'in_process' || row.mpRefundId === null) throw new Error(JSON.stringify(row));
        return row.mpRefundId;
      }, `a refund of ${paymentId} in process`),
  };
}

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
  'refund.unreadable': async (stage) => {
    const money = await undecided(stage);
    await stage.world.simulator.control.setRefundStatus('in_process');
    await money.decide('refund');
    const refundId = await money.inProcess();
    await stage.world.simulator.control.faults.add({ operation: 'payment.get', kind: 'status', status: 500, count: 4 });
    await stage.world.simulator.control.endRefund(refundId, 'approved');
    return ended(money);
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
