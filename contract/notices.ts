import { z } from 'zod';
import type { AccountEventPayload } from './account-events.ts';

/** What the owner of a store is told by mail, beside the onboarding's own mail and the end of a Mercado Pago consent. */
export const NOTICE_KINDS = ['paused', 'cancelled', 'opened', 'plan_changed', 'deleted', 'payment_due'] as const;
export type NoticeKind = (typeof NOTICE_KINDS)[number];

/** What an event of an account is told as; null for one that is nobody's business but ours. */
export function noticeOf(event: AccountEventPayload): NoticeKind | null {
  switch (event.type) {
    case 'account.suspended':
      return event.reason === 'cancel' ? 'cancelled' : 'paused';
    case 'account.updated':
      return event.fields.includes('is_active') ? 'opened' : null;
    case 'plan.changed':
      return 'plan_changed';
    case 'account.deleted':
      return 'deleted';
    default:
      return null;
  }
}

/** Input of `ownerNotice`: ids only; the mail is made of the account as it is when it is sent. */
export const ownerNoticeSchema = z.strictObject({
  accountId: z.uuid(),
  kind: z.enum(NOTICE_KINDS),
  /** The event that is told of. */
  eventKey: z.string().min(1).max(200),
});
export type OwnerNoticeInput = z.infer<typeof ownerNoticeSchema>;
