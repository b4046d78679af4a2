import { z } from 'zod';

/** What becomes of the money when an onboarding ends without a store (decision 5). */
export const REFUND_RULES = ['operator', 'always', 'never'] as const;
export type RefundRule = (typeof REFUND_RULES)[number];

/** States of a row in `refunds`; the first three are open, the others final. The migration says what each means. */
export const REFUND_STATES = ['asked', 'wanted', 'in_process', 'approved', 'rejected', 'kept', 'superseded', 'not_needed'] as const;
export type RefundState = (typeof REFUND_STATES)[number];
export const OPEN_REFUND_STATES: ReadonlySet<RefundState> = new Set(['asked', 'wanted', 'in_process']);

/** How a refund behaves on trouble. It travels in the input, so that a run keeps the rules it began with. */
export const refundPolicySchema = z.strictObject({
  /** First and longest wait between tries of a call, ms. */
  retryInitialMs: z.int().positive().default(2_000),
  retryMaxMs: z.int().positive().default(120_000),
  /** Tries before an operator is asked. */
  retryAttempts: z.int().positive().default(15),
  /** Time limit of one try, ms. */
  callTimeoutMs: z.int().positive().default(60_000),
  /** First and longest wait between two looks at a refund that is in process, ms. */
  followInitialMs: z.int().positive().default(60_000),
  followMaxMs: z
    .int()
    .positive()
    .default(6 * 3_600_000),
  /** An open question raises its alert again after so long, ms. */
  parkDeadlineMs: z.int().positive().default(86_400_000),
});
export type RefundPolicy = z.infer<typeof refundPolicySchema>;

/** Input of the refund workflow: ids only (P-115). The row in `refunds` says the rest. */
export const refundInputSchema = z.strictObject({
  refundId: z.uuid(),
  paymentId: z.string().regex(/^\d{1,20}$/),
  policy: refundPolicySchema.prefault({}),
});
export type RefundInput = z.infer<typeof refundInputSchema>;

export const REFUND_ACTIONS = ['refund', 'keep'] as const;
export type RefundAction = (typeof REFUND_ACTIONS)[number];

/** An operator's answer. `refund` also tries again what failed; `keep` ends it. */
export const refundCommandSchema = z.strictObject({
  action: z.enum(REFUND_ACTIONS),
  actor: z.string().trim().min(1).max(200),
  reason: z.string().trim().min(1).max(2_000),
});
export type RefundCommand = z.infer<typeof refundCommandSchema>;

/** What the activities tell the workflow of a row. */
export interface RefundView {
  /** Another one than before, once a rejected intent was followed by a new one. */
  refundId: string;
  state: RefundState;
  /** Why it stands where it stands; a code of the error table. */
  code: string | null;
  message: string | null;
}

/** Answer of the `refund-progress` query and of the `decide` Update, and the workflow's result. */
export interface RefundProgress extends RefundView {
  paymentId: string;
  /** Whether an operator is asked. */
  question: boolean;
}

/** Signal `refund-changed`: the row was changed by somebody else; it is read again. */
export const SIGNAL_REFUND_CHANGED = 'refund-changed';
export const UPDATE_DECIDE = 'decide';
export const QUERY_REFUND = 'refund-progress';
