import { z } from 'zod';
import { ASPECTS } from './account.ts';

/** Where an outbox row is delivered to (decision 8). */
export const OUTBOX_TARGETS = ['onboarding', 'account', 'refund'] as const;
export type OutboxTarget = (typeof OUTBOX_TARGETS)[number];

/** `failed` is final until an operator retries or discards the row (P-226, P-232). */
export const OUTBOX_STATES = ['pending', 'processing', 'completed', 'failed', 'discarded'] as const;
export type OutboxState = (typeof OUTBOX_STATES)[number];

/** Waits between deliveries, ms (decision 7); after the attempt that follows the last wait the row is dead. */
export const OUTBOX_BACKOFF_MS = [30_000, 120_000, 480_000, 1_920_000] as const;
export const OUTBOX_MAX_ATTEMPTS = OUTBOX_BACKOFF_MS.length + 1;

/** `payment.notified`: a verified hint that a payment should be read (law 1). */
export const paymentNotifiedSchema = z.strictObject({
  type: z.literal('payment.notified'),
  inboxId: z.uuid(),
  paymentId: z.string().regex(/^\d{1,20}$/),
});

/** `account.created`: the store exists; all aspects were written at this version. Holds no value of the account (law 4). */
export const accountCreatedSchema = z.strictObject({
  type: z.literal('account.created'),
  accountId: z.uuid(),
  version: z.int().positive(),
  aspects: z.array(z.enum(ASPECTS)),
});

/** `payment.changed`: a later word about the payment of an account whose onboarding has ended (decision 4). */
export const accountPaymentChangedSchema = z.strictObject({
  type: z.literal('payment.changed'),
  accountId: z.uuid(),
  paymentId: z.string().regex(/^\d{1,20}$/),
  version: z.int().nonnegative(),
});

/** `refund.asked`: money of ours waits for a decision or is to go back; `refund.changed`: somebody else changed that. */
export const refundEventSchema = z.strictObject({
  type: z.enum(['refund.asked', 'refund.changed']),
  refundId: z.uuid(),
  paymentId: z.string().regex(/^\d{1,20}$/),
});

export const outboxPayloadSchema = z.discriminatedUnion('type', [
  paymentNotifiedSchema,
  accountCreatedSchema,
  accountPaymentChangedSchema,
  refundEventSchema,
]);
export type OutboxPayload = z.infer<typeof outboxPayloadSchema>;
