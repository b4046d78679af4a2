import { z } from 'zod';
import { REFUND_RULES } from './refund.ts';
import { STEP_NAMES, type StepName } from './steps.ts';
import type { RunState } from './search-attributes.ts';

/** How an onboarding behaves on trouble. It travels in the input, so that a run keeps the rules it began with. */
export const onboardingPolicySchema = z.strictObject({
  /** First wait between tries of a step, ms. */
  retryInitialMs: z.int().positive().default(1_000),
  /** Longest wait between tries of a step, ms. */
  retryMaxMs: z.int().positive().default(60_000),
  /** Tries of a step before it parks (decision 17: about nine minutes). */
  retryAttempts: z.int().positive().default(15),
  /** Time limit of one try, ms. */
  stepTimeoutMs: z.int().positive().default(30_000),
  /** Longest wait between tries of an undo, ms. */
  undoMaxMs: z.int().positive().default(300_000),
  /** How long an undo is tried before it parks, ms (O-19: 24 h). */
  undoForMs: z.int().positive().default(86_400_000),
  /** What a used-up transient failure before the pivot does (decision 17). */
  onExhausted: z.enum(['park', 'compensate']).default('park'),
  /** First and longest wait for an eligible cluster, ms (P-162). */
  clusterWaitInitialMs: z.int().positive().default(5_000),
  clusterWaitMaxMs: z.int().positive().default(300_000),
  /** How long the run waits for a cluster before it parks, ms (O-22: 24 h). */
  clusterWaitForMs: z.int().positive().default(86_400_000),
  /** A parked run shows now + this as its deadline; the deadline only alerts. */
  parkDeadlineMs: z.int().positive().default(86_400_000),
  /** What becomes of the money when the run ends without a store (decision 5). */
  refundOnFailure: z.enum(REFUND_RULES).default('operator'),
  /** Whether short steps are tried first as local activities. */
  fastPath: z.boolean().default(true),
});
export type OnboardingPolicy = z.infer<typeof onboardingPolicySchema>;

/** Input of the onboarding workflow: ids only (P-115). */
export const onboardingInputSchema = z.strictObject({
  accountId: z.uuid(),
  jobId: z.uuid(),
  paymentId: z.string().regex(/^\d{1,20}$/),
  policy: onboardingPolicySchema.prefault({}),
});
export type OnboardingInput = z.infer<typeof onboardingInputSchema>;

/** Result of an onboarding that made a store. Every other end is a failure whose type is a code of the error table. */
export interface OnboardingResult {
  outcome: 'provisioned';
  accountId: string;
  jobId: string;
  clusterId: string;
  clientId: string;
  skipped: StepName[];
}

/** What a parked run waits for. `retry` tries the step again, `skip` goes on without it, `compensate` undoes the run. */
export const RESOLVE_ACTIONS = ['retry', 'skip', 'compensate'] as const;
export type ResolveAction = (typeof RESOLVE_ACTIONS)[number];

export const resolveCommandSchema = z.strictObject({
  action: z.enum(RESOLVE_ACTIONS),
  /** Which parked step is meant; may be left out when only one is parked. */
  step: z.enum(STEP_NAMES as [StepName, ...StepName[]]).optional(),
  actor: z.string().trim().min(1).max(200),
  reason: z.string().trim().min(1).max(2_000),
});
export type ResolveCommand = z.infer<typeof resolveCommandSchema>;

/** Answer of the `resolve` Update. */
export interface ResolveAnswer {
  step: StepName;
  action: ResolveAction;
}

/** Signal `payment-changed`: the payment was notified again; the workflow reads it afresh before the pivot. */
export interface PaymentChanged {
  eventKey: string;
  paymentId: string;
}

export const SIGNAL_PAYMENT_CHANGED = 'payment-changed';
export const UPDATE_RESOLVE = 'resolve';
export const QUERY_PROGRESS = 'progress';

export interface ParkedStep {
  step: StepName;
  /** True when the undo of the step is what failed. */
  undo: boolean;
  code: string;
  message: string;
  since: string;
  deadline: string;
}

/** Answer of the `progress` query (P-120). */
export interface OnboardingProgress {
  state: RunState;
  accountId: string;
  jobId: string;
  clusterId: string | null;
  running: StepName[];
  done: StepName[];
  skipped: StepName[];
  compensated: StepName[];
  parked: ParkedStep[];
}

/** First argument of every step activity: who it works for. The stamp of every row is the job id (law 5). */
export interface StepContext {
  accountId: string;
  jobId: string;
  paymentId: string;
}

/** Context of the steps that work on the cluster, once the placement is known (P-092: the routing decision travels along). */
export interface ClusterStepContext extends StepContext {
  clusterId: string;
}

export interface ClientStepContext extends ClusterStepContext {
  clientId: string;
}
