import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  isCancellation,
  patched,
  proxyActivities,
  setHandler,
  setWorkflowOptions,
  upsertSearchAttributes,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { errorRow, isAltaError } from '../contract/errors.ts';
import {
  onboardingInputSchema,
  resolveCommandSchema,
  type ClientStepContext,
  type OnboardingInput,
  type OnboardingResult,
  type StepContext,
} from '../contract/onboarding.ts';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.ts';
import type { ReversibleStep, StepName } from '../contract/steps.ts';
import { stepCalls } from './calls.ts';
import { failureOf, faultsOf, type Failure } from './failure.ts';
import { paymentChanged, progress, resolve } from './messages.ts';
import { PaymentNews } from './payment-news.ts';
import { RunState } from './run-state.ts';
import { Saga, SagaAborted } from './saga.ts';
import { pinned } from './versioning.ts';

const bookkeeping = proxyActivities<Activities>({
  startToCloseTimeout: '10 seconds',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute' },
});

/**
 * Makes one store out of one paid account, exactly once. Ends with its result when the store is live. Every other end is a
 * failure whose type is a code of the error table: rejected before anything was made, or compensated. Only such a run may be
 * started again under the same id (law 2).
 */
export async function onboarding(raw: OnboardingInput): Promise<OnboardingResult> {
  const parsed = onboardingInputSchema.safeParse(raw);
  if (!parsed.success) throw ApplicationFailure.nonRetryable(`input: ${faultsOf(parsed.error)}`, 'INPUT_INVALID');
  const input = parsed.data;
  const { policy } = input;
  const whole = CancellationScope.current();
  const news = new PaymentNews({
    // Asked once: a run keeps the rules that it began with.
    everywhere: patched('safe-points'),
    cancelled: () => whole.consideredCancelled && !state.pastPivot,
    readPayment: () => verifyPayment(),
  });

  // One chain, so that the job row follows the run's order; never waited for while an operator is.
  let reports: Promise<unknown> = Promise.resolve();
  const state = new RunState(input, (report) => {
    reports = reports.then(() => CancellationScope.nonCancellable(() => bookkeeping['report-job']({ ...context, ...report })));
  });
  // A run that began before keeps to it: its decisions beside a wait only woke the wait.
  state.decidesBesideWaiting = patched('decide-beside-waiting');
  const context: StepContext = { accountId: input.accountId, jobId: input.jobId, paymentId: input.paymentId };

  setHandler(progress, () => state.progress());
  setHandler(paymentChanged, () => {
    news.arrived();
  });
  setHandler(
    resolve,
    async (command) => {
      // A decision counts also in a run that was cancelled past its pivot, or while it is being undone.
      await CancellationScope.nonCancellable(() => bookkeeping['record-decision']({ ...context, ...command }));
      try {
        return { step: state.decide(command)[0] as StepName, action: command.action };
      } catch (error) {
        throw refusal(error);
      }
    },
    {
      validator: (command) => {
        const checked = resolveCommandSchema.safeParse(command);
        if (!checked.success) throw ApplicationFailure.nonRetryable(faultsOf(checked.error), 'INPUT_INVALID');
        try {
          state.targetsOf(checked.data);
        } catch (error) {
          throw refusal(error);
        }
      },
    },
  );

  const calls = stepCalls(policy);
  const saga = new Saga<StepName>({
    dispositionOf(_step, failure) {
      if (state.pastPivot) return 'park';
      const { retryable, onExhausted } = errorRow(failure.code);
      if (!retryable) return onExhausted === 'park' ? 'park' : 'abort';
      return policy.onExhausted === 'compensate' ? 'abort' : 'park';
    },
    park: (step, failure, undo) => state.park(step, failure, undo, undo ? undefined : step === 'verify-payment' ? news.ofItself : news),
    changed: (step, to) => {
      state.changed(step, to);
    },
  });
  const undo = (step: ReversibleStep) => () => calls.undo(`undo-${step}`, { ...context, clusterId: state.clusterId });

  const verifyPayment = (): Promise<unknown> =>
    saga.step('verify-payment', () => (state.pastPivot ? calls.checkPayment(context) : calls.forward('verify-payment', context)));

  /** Reserves a slot; without an eligible cluster it waits where everybody sees it, and undoes nothing (P-162). */
  const reservePlacement = async (): Promise<string> => {
    const began = Date.now();
    let again = false;
    for (let wait = policy.clusterWaitInitialMs; ; wait = Math.min(wait * 2, policy.clusterWaitMaxMs)) {
      const { clusterId, losers } = await calls.forward('reserve-placement', context);
      if (clusterId !== null) {
        state.clusterId = clusterId;
        if (state.state === 'WaitingForCluster') state.enter('Running');
        return clusterId;
      }
      const why = `no eligible cluster: ${losers || 'none is registered'}`;
      if (Date.now() - began >= policy.clusterWaitForMs) throw ApplicationFailure.nonRetryable(why, 'NO_ELIGIBLE_CLUSTER');
      if (again || state.state !== 'WaitingForCluster') state.reportWaiting(why);
      if ((await state.waitForCluster(wait, news)) === 'abort') throw new SagaAborted({ code: 'COMPENSATED_BY_OPERATOR', message: why });
      again = news.came();
      await news.safePoint();
    }
  };

  const forward = async (): Promise<OnboardingResult> => {
    await verifyPayment();
    await news.safePoint();
    await saga.wave(
      () => saga.step('claim-slug', () => calls.forward('claim-slug', context), undo('claim-slug')),
      () => saga.step('reserve-placement', reservePlacement, undo('reserve-placement'), { onlyWhenClean: true }),
    );
    const clusterId = state.clusterId as string;
    upsertSearchAttributes([{ key: SEARCH_ATTRIBUTES.cluster, value: clusterId }]);

    await news.safePoint();
    let clientId = '';
    await saga.wave(() =>
      saga.step(
        'upsert-client',
        async () => {
          ({ clientId } = await calls.forward('upsert-client', { ...context, clusterId }));
        },
        undo('upsert-client'),
      ),
    );
    await news.safePoint();
    const store: ClientStepContext = { ...context, clusterId, clientId };
    const parallel = ['create-admin-user', 'sync-mp-credentials', 'seed-content', 'migrate-assets', 'sync-entitlements'] as const;
    await saga.wave(...parallel.map((step) => () => saga.step(step, () => calls.forward(step, store), undo(step))));

    // The last safe point before the store goes live; the only one of runs that began without the others.
    await news.read();
    return CancellationScope.nonCancellable(async () => {
      await saga.step('activate', () => calls.forward('activate', store));
      return finish(store);
    });
  };

  /** Past the pivot: only forward, whatever happens. A payment that was given back parks the run (PAYMENT_REVERSED). */
  const finish = async (store: ClientStepContext): Promise<OnboardingResult> => {
    saga.commit();
    state.pastPivot = true;
    await saga.wave(
      ...(['publish-store', 'start-account', 'notify'] as const).map((step) => () => saga.step(step, () => calls.forward(step, store))),
    );
    await news.safePoint();
    await reports;
    state.enter('Completed');
    await bookkeeping['end-job']({ ...context, state: 'completed' });
    const { clusterId, clientId } = store;
    return { outcome: 'provisioned', accountId: input.accountId, jobId: input.jobId, clusterId, clientId, skipped: state.skipped };
  };

  const backward = async (failure: Failure): Promise<OnboardingResult> => {
    const end = saga.hasUndos ? 'compensated' : 'rejected';
    if (end === 'compensated') {
      await reports;
      // An `activate` whose answer was lost may have happened: then the store is live, and the only way is forward (law 7).
      const { live } = await bookkeeping['begin-undo'](context);
      if (live !== null) {
        state.changed('activate', 'done');
        // What was read of the payment was read for an order that seemed open: look again at one that is paid out.
        news.arrived();
        return finish({ ...context, ...live });
      }
      state.enter('Compensating');
    }
    const abandoned = await saga.compensate();
    await reports;
    state.enter(end === 'compensated' ? 'Compensated' : 'Rejected');
    await bookkeeping['end-job']({
      ...context,
      state: end,
      code: failure.code,
      message: failure.message,
      abandoned,
      refundOnFailure: policy.refundOnFailure,
    });
    throw ApplicationFailure.create({ type: failure.code, message: failure.message, nonRetryable: true, details: [{ end, abandoned }] });
  };

  try {
    return await forward();
  } catch (error) {
    if (error instanceof SagaAborted) return await CancellationScope.nonCancellable(() => backward(error.failure));
    if (isCancellation(error))
      return await CancellationScope.nonCancellable(() => backward({ code: 'CANCELLED', message: 'cancelled before the pivot' }));
    throw error;
  } finally {
    await CancellationScope.nonCancellable(() => condition(allHandlersFinished));
  }
}

/** A refused command fails the Update only, with a code of the error table. */
function refusal(error: unknown): unknown {
  return isAltaError(error) ? ApplicationFailure.nonRetryable(error.message, failureOf(error).code) : error;
}

// Minutes to days: a run ends on the code that it began with, and a change of this file cannot stop it half-way.
setWorkflowOptions(pinned, onboarding);
