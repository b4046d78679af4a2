import type { WorkflowHandle } from '@temporalio/client';
import type { AltaClient, RefundRow } from '../../client/index.ts';
import { refundWorkflowId } from '../../contract/ids.ts';
import type { RefundAction, RefundProgress, RefundRule, RefundState } from '../../contract/refund.ts';
import { eventually } from './eventually.ts';
import type { Faults } from './faults.ts';
import type { PlacedOrder, World } from './world.ts';

/** Short waits of a refund, so that used-up tries and looks at one in process are reached in seconds. */
export const QUICK_REFUNDS = JSON.stringify({
  retryInitialMs: 50,
  retryMaxMs: 100,
  retryAttempts: 3,
  followInitialMs: 100,
  followMaxMs: 200,
});

/** Safety net of a wait; it says nothing about speed. */
const LIMIT_MS = 120_000;

export interface FailedOrder {
  order: PlacedOrder;
  paymentId: string;
}

/** A paid order whose onboarding was undone; `faults` are this process', so the worker has to run in it. */
export async function failedOrder(world: World, faults: Faults, rule: RefundRule = 'operator'): Promise<FailedOrder> {
  world.config.ALTA_ONBOARDING_POLICY = { ...world.config.ALTA_ONBOARDING_POLICY, refundOnFailure: rule };
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_REJECTED' });
  const order = await world.checkout();
  const { paymentId } = await world.pay(order);
  await world.job(order.accountId, 'compensated');
  await world
    .handle(order.accountId)
    .result()
    .catch(() => undefined);
  faults.clear();
  return { order, paymentId };
}

/** A test's eye on refunds: what Alta says of them, and what really happened to the money. */
export function watchRefunds(world: World, alta: Pick<AltaClient, 'refunds'>) {
  const handle = (paymentId: string): WorkflowHandle => world.temporal.workflow.getHandle(refundWorkflowId(paymentId));
  return {
    handle,
    /** The newest intent about a payment, once it is in one of these states. */
    inState: (paymentId: string, ...states: RefundState[]): Promise<RefundRow> =>
      eventually(
        async () => {
          const [row] = await alta.refunds.show(paymentId);
          if (row === undefined || !states.includes(row.state)) throw new Error(JSON.stringify(row));
          return row;
        },
        `a refund of ${paymentId} that is ${states.join('|')}`,
        LIMIT_MS,
      ),
    /** Waits until the run asks; `code` says what about. */
    asked: (paymentId: string, code: string): Promise<RefundProgress> =>
      eventually(
        async () => {
          const progress = await handle(paymentId).query<RefundProgress>('refund-progress');
          if (!progress.question || progress.code !== code) throw new Error(JSON.stringify(progress));
          return progress;
        },
        `a question about ${paymentId}: ${code}`,
        LIMIT_MS,
      ),
    decide: (paymentId: string, action: RefundAction, reason = 'as agreed'): Promise<RefundProgress> =>
      alta.refunds.decide(paymentId, { action, actor: 'ana', reason }),
    /** What really happened to the money, by the simulator's append-only ledger. */
    ledger: async (paymentId: string): Promise<string[]> =>
      (await world.simulator.control.ledger({ kind: 'effect' })).flatMap((entry) =>
        entry.kind === 'effect' && entry.what.startsWith('refund.') && entry.reference === paymentId ? [entry.what] : [],
      ),
    /** The keys of the calls that asked Mercado Pago to give a payment back. */
    calls: async (paymentId: string): Promise<(string | null)[]> =>
      (await world.simulator.control.ledger({ operation: 'refund.create' })).flatMap((entry) =>
        entry.kind === 'call' && entry.path.includes(`/${paymentId}/`) ? [entry.idempotencyKey] : [],
      ),
  };
}
