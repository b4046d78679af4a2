import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  isCancellation,
  log,
  proxyActivities,
  setCurrentDetails,
  setHandler,
  setWorkflowOptions,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import {
  OPEN_REFUND_STATES,
  refundCommandSchema,
  refundInputSchema,
  type RefundInput,
  type RefundProgress,
  type RefundState,
  type RefundView,
} from '../contract/refund.ts';
import { SEARCH_ATTRIBUTES, type RefundRunState } from '../contract/search-attributes.ts';
import { failureOf, faultsOf, type Failure } from './failure.ts';
import { decideRefund, refundChanged, refundProgress } from './messages.ts';
import { pinned } from './versioning.ts';

const records = proxyActivities<Activities>({
  startToCloseTimeout: '15 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '5 minutes' },
});

const VISIBLE: Partial<Record<RefundState, RefundRunState>> = {
  in_process: 'RefundPending',
  approved: 'Refunded',
  kept: 'Kept',
  superseded: 'Superseded',
  not_needed: 'NotNeeded',
};

/**
 * Decides and follows what becomes of one payment's money: asks an operator where the rules say so, gives it back at most once, follows
 * it until it has ended. The row in `refunds` is the truth; this run moves it on. A run that was cancelled or terminated is started
 * again by `alta refunds ask`, or by the decision that it was to wait for.
 */
export async function refund(raw: RefundInput): Promise<RefundProgress> {
  const parsed = refundInputSchema.safeParse(raw);
  if (!parsed.success) throw ApplicationFailure.nonRetryable(faultsOf(parsed.error), 'INPUT_INVALID');
  const { paymentId, refundId, policy } = parsed.data;
  const calls = proxyActivities<Activities>({
    startToCloseTimeout: policy.callTimeoutMs,
    retry: { initialInterval: policy.retryInitialMs, maximumInterval: policy.retryMaxMs, maximumAttempts: policy.retryAttempts },
    summary: `payment ${paymentId}`,
  });

  let now: RefundView = { refundId, state: 'asked', code: null, message: null };
  let question = false;
  let changed = false;
  let visible: RefundRunState = 'Running';

  const show = (state: RefundRunState): void => {
    if (state !== visible) upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.state, value: state }]);
    visible = state;
    setCurrentDetails(
      [`**${state}**: payment ${paymentId} is \`${now.state}\``, now.code ? `${now.code}: ${now.message ?? ''}` : ''].join('\n'),
    );
  };

  setHandler(refundProgress, () => ({ ...now, paymentId, question }));
  setHandler(refundChanged, () => {
    changed = true;
  });
  setHandler(
    decideRefund,
    async (command) => {
      try {
        now = await records['decide-refund']({ refundId: now.refundId, ...command });
      } catch (error) {
        // The row may have been closed by somebody else: look at it again.
        changed = true;
        const { code, message } = failureOf(error);
        throw ApplicationFailure.nonRetryable(message, code);
      }
      question = false;
      return { ...now, paymentId, question };
    },
    {
      validator: (command) => {
        const checked = refundCommandSchema.safeParse(command);
        if (!checked.success) throw ApplicationFailure.nonRetryable(faultsOf(checked.error), 'INPUT_INVALID');
        if (!question) throw ApplicationFailure.nonRetryable(`nothing is asked: the refund is ${now.state}`, 'RESOLVE_REFUSED');
      },
    },
  );

  const decided = (): boolean => !question;

  /** Stops until an operator decides, or somebody else changed the row. The deadline only alerts and looks again. */
  const ask = async ({ code, message }: Failure): Promise<void> => {
    now = { ...now, code, message };
    question = true;
    show('NeedsAttention');
    for (;;) {
      const woken = await condition(() => decided() || changed, policy.parkDeadlineMs);
      await condition(allHandlersFinished);
      if (decided()) return;
      if (!woken) log.warn('a refund still waits for a decision', { paymentId, code });
      changed = false;
      const row = await records['read-refund']({ refundId: now.refundId });
      if (decided()) return;
      // A refused command changes nothing: what was asked stays asked, and nothing is sent.
      if (row.state === now.state && row.refundId === now.refundId) continue;
      question = false;
      now = row;
      return;
    }
  };

  /** Runs a call; what it throws is what an operator is asked about. */
  const attempt = async (act: () => Promise<RefundView>): Promise<Failure | undefined> => {
    try {
      now = await act();
      return undefined;
    } catch (error) {
      if (isCancellation(error)) throw error;
      return failureOf(error);
    }
  };

  now = await records['read-refund']({ refundId });
  let wait = policy.followInitialMs;
  while (OPEN_REFUND_STATES.has(now.state)) {
    if (now.state === 'asked') {
      await ask({
        code: now.code === 'REFUND_REJECTED' ? now.code : 'REFUND_UNDECIDED',
        message: now.message ?? 'money was taken, no store was made',
      });
    } else if (now.state === 'wanted') {
      show('Running');
      const failure = await attempt(() => calls['send-refund']({ refundId: now.refundId }));
      if (failure) await ask(failure);
    } else {
      show('RefundPending');
      await condition(() => changed, wait);
      changed = false;
      wait = Math.min(wait * 2, policy.followMaxMs);
      const failure = await attempt(() => calls['follow-refund']({ refundId: now.refundId }));
      if (failure) log.warn('a refund in process could not be read', { paymentId, code: failure.code });
    }
  }
  if (now.state === 'approved' || now.state === 'not_needed') await records['record-payment']({ paymentId });
  show(VISIBLE[now.state] ?? 'Running');
  await condition(allHandlersFinished);
  return { ...now, paymentId, question };
}

setWorkflowOptions(pinned, refund);
