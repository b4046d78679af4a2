import {
  ActivityCancellationType,
  type ActivityOptions,
  CancellationScope,
  CancelledFailure,
  proxyActivities,
  proxyLocalActivities,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { OnboardingPolicy } from '../contract/onboarding.ts';
import { STEPS, stepOfActivity, type StepName, type UndoName } from '../contract/steps.ts';
import { failureOf, isRetryable } from './failure.ts';

/** Time of the one local try of a short step, ms. */
const FAST_TRY_MS = 2_000;
/** A step that heartbeats is given up this long after its last sign of life. */
const HEARTBEAT_MS = 15_000;

type Args<N extends keyof Activities> = Parameters<Activities[N]>;
type Result<N extends keyof Activities> = Awaited<ReturnType<Activities[N]>>;

export interface StepCalls {
  /** Does a step: once as a local activity where that is safe, then as a regular one with all its retries. */
  forward<N extends StepName>(name: N, ...args: Args<N>): Promise<Result<N>>;
  /** Looks past the pivot whether the payment still pays the order; always a regular activity. */
  checkPayment(...args: Args<'check-payment'>): Promise<Result<'check-payment'>>;
  /** Undoes a step, with its own long retries. */
  undo<N extends UndoName>(name: N, ...args: Args<N>): Promise<Result<N>>;
}

/** How the steps of one onboarding call their activities, by the policy that the run began with. */
export function stepCalls(policy: OnboardingPolicy): StepCalls {
  const forwardOptions = (step: StepName): ActivityOptions => ({
    startToCloseTimeout: policy.stepTimeoutMs,
    ...(step === 'migrate-assets' ? { heartbeatTimeout: HEARTBEAT_MS } : {}),
    retry: {
      initialInterval: policy.retryInitialMs,
      backoffCoefficient: 2,
      maximumInterval: policy.retryMaxMs,
      maximumAttempts: policy.retryAttempts,
    },
    cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
    summary: STEPS[step].summary,
  });
  const undoOptions = (step: StepName): ActivityOptions => ({
    startToCloseTimeout: policy.stepTimeoutMs,
    scheduleToCloseTimeout: policy.undoForMs,
    retry: { initialInterval: policy.retryInitialMs, backoffCoefficient: 2, maximumInterval: policy.undoMaxMs },
    summary: `undo: ${STEPS[step].summary}`,
  });
  const fast = proxyLocalActivities<Activities>({ startToCloseTimeout: FAST_TRY_MS, retry: { maximumAttempts: 1 } });

  // Which arguments and result belong to which name is kept by `StepCalls`; a proxy can't express it.
  const call = (proxy: object, name: string, args: unknown[]): Promise<unknown> =>
    (proxy as Record<string, (...args: unknown[]) => Promise<unknown>>)[name]!(...args);

  const calls = {
    async forward(name: StepName, ...args: unknown[]): Promise<unknown> {
      if (policy.fastPath && STEPS[name].fastPath) {
        try {
          // Never cancelled: a local activity whose cancellation meets its result in one workflow task makes SDK 1.24 fail that task
          // as nondeterministic, and the run then stands still for 10 s or more. The try is short, so it is waited for instead.
          return await CancellationScope.nonCancellable(() => call(fast, name, args));
        } catch (error) {
          if (!isRetryable(failureOf(error))) throw error;
        }
        if (CancellationScope.current().consideredCancelled) throw new CancelledFailure('cancelled after its first try');
      }
      return call(proxyActivities<Activities>(forwardOptions(name)), name, args);
    },
    checkPayment(...args: unknown[]): Promise<unknown> {
      return call(proxyActivities<Activities>(forwardOptions('verify-payment')), 'check-payment', args);
    },
    undo(name: UndoName, ...args: unknown[]): Promise<unknown> {
      const { step } = stepOfActivity(name) as { step: StepName };
      return call(proxyActivities<Activities>(undoOptions(step)), name, args);
    },
  };
  return calls as StepCalls;
}
