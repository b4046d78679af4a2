import { z } from 'zod';
import { ACCOUNT_EVENT_SCHEMAS } from './account-events.ts';
import { CREDENTIAL_TASKS } from './credentials.ts';
import { NOTICE_KINDS } from './notices.ts';

/** Where an outbox row is delivered to (decision 8). */
export const OUTBOX_TARGETS = ['onboarding', 'account', 'refund', 'credentials', 'shop', 'notice'] as const;
export type OutboxTarget = (typeof OUTBOX_TARGETS)[number];

/** `failed` is final until an operator retries or discards the row (P-226, P-232). */
export const OUTBOX_STATES = ['pending', 'processing', 'completed', 'failed', 'discarded'] as const;
export type OutboxState = (typeof OUTBOX_STATES)[number];

/** Waits between deliveries, ms (decision 7); after the attempt that follows the last wait the row is dead. */
export const OUTBOX_BACKOFF_MS = [30_000, 120_000, 480_000, 1_920_000] as const;
export const OUTBOX_MAX_ATTEMPTS = OUTBOX_BACKOFF_MS.length + 1;
/** Leases of one row that may run out one after another; then it is dead, since it may be what ends its relays. */
export const OUTBOX_MAX_LAPSES = 5;

/** `payment.notified`: a verified hint that a payment should be read (law 1). */
export const paymentNotifiedSchema = z.strictObject({
  type: z.literal('payment.notified'),
  inboxId: z.uuid(),
  paymentId: z.string().regex(/^\d{1,20}$/),
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

/** `credentials.asked`: something is to be done about an account's Mercado Pago consent. */
export const credentialsAskedSchema = z.strictObject({
  type: z.literal('credentials.asked'),
  accountId: z.uuid(),
  task: z.enum(CREDENTIAL_TASKS),
  /** Of `connect`: the asking whose code the seller brought. */
  authorizationId: z.uuid().nullable(),
});

/** `seller.deauthorized`: a verified hint that a seller took the consent back; looked at before it is believed (law 1). */
export const sellerDeauthorizedSchema = z.strictObject({
  type: z.literal('seller.deauthorized'),
  inboxId: z.uuid(),
  sellerId: z.string().regex(/^\d{1,20}$/),
});

/** `order.notified`: a verified hint about a buyer's payment to a store (law 1). */
export const orderNotifiedSchema = z.strictObject({
  type: z.literal('order.notified'),
  inboxId: z.uuid(),
  accountId: z.uuid(),
  paymentId: z.string().regex(/^\d{1,20}$/),
});

/** `notice.asked`: the owner of a store is to be told of an event by mail. */
export const noticeAskedSchema = z.strictObject({
  type: z.literal('notice.asked'),
  accountId: z.uuid(),
  kind: z.enum(NOTICE_KINDS),
  eventKey: z.string().min(1).max(200),
});

export const outboxPayloadSchema = z.discriminatedUnion('type', [
  paymentNotifiedSchema,
  accountPaymentChangedSchema,
  refundEventSchema,
  credentialsAskedSchema,
  sellerDeauthorizedSchema,
  orderNotifiedSchema,
  noticeAskedSchema,
  ACCOUNT_EVENT_SCHEMAS['account.created'],
  ACCOUNT_EVENT_SCHEMAS['account.updated'],
  ACCOUNT_EVENT_SCHEMAS['plan.changed'],
  ACCOUNT_EVENT_SCHEMAS['account.suspended'],
  ACCOUNT_EVENT_SCHEMAS['account.deleted'],
  ACCOUNT_EVENT_SCHEMAS['entitlements.synced'],
  ACCOUNT_EVENT_SCHEMAS['settings.synced'],
  ACCOUNT_EVENT_SCHEMAS['mp_credentials.synced'],
]);
export type OutboxPayload = z.infer<typeof outboxPayloadSchema>;
