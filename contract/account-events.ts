import { z } from 'zod';
import { ASPECTS, type Aspect } from './account.ts';
import { SETTING_KEYS } from './settings.ts';

/**
 * Fields of an account that an `account.updated` may name (P-212): the words of the requirements, which are those of the cluster's
 * row for all but `email` and `plan`; and `publication_status`, which an operator's approval changes on both sides (P-314),
 * and `content`, of which an operator has the store given what it lacks (P-181).
 */
export const ACCOUNT_FIELDS = [
  'name',
  'email',
  'slug',
  'is_active',
  'plan',
  'billing_email',
  'phone',
  'phone_full',
  'country',
  'persona_type',
  'legal_name',
  'fiscal_id',
  'fiscal_id_type',
  'fiscal_category',
  'fiscal_address',
  'subdivision_code',
  'custom_domain',
  // Until when the store is paid for: no column of the cluster, told so that the account's workflow looks again.
  'due_dates',
  'publication_status',
  'content',
] as const;
export type AccountField = (typeof ACCOUNT_FIELDS)[number];

/** Why a store does not run (P-214, O-27). Several may stand at once; it runs again when none is left. */
export const SUSPENSION_REASONS = ['pause', 'cancel', 'past_due', 'operator'] as const;
export type SuspensionReason = (typeof SUSPENSION_REASONS)[number];

/** What made entitlements be computed anew (P-216). */
export const ENTITLEMENT_CAUSES = ['addon_added', 'addon_removed', 'override', 'expired', 'asked'] as const;

const planKey = z.string().regex(/^[a-z0-9_-]{1,40}$/);
const event = <T extends string, S extends z.ZodRawShape>(type: T, shape: S) =>
  z.strictObject({ type: z.literal(type), accountId: z.uuid(), version: z.int().positive(), ...shape });

/**
 * The eight events of an account (P-211 to P-218). They name what changed and never hold the value: the store is brought to the account
 * as it is when the event is applied (law 4), so an old row cannot write an old value, and the outbox, which more processes read than
 * may read an account, holds no personal data and no credential (P-207).
 */
export const ACCOUNT_EVENT_SCHEMAS = {
  /** The store exists; all its aspects were written at this version. */
  'account.created': event('account.created', { aspects: z.array(z.enum(ASPECTS)) }),
  'account.updated': event('account.updated', { fields: z.array(z.enum(ACCOUNT_FIELDS)).min(1) }),
  'plan.changed': event('plan.changed', {
    planKey,
    previousPlanKey: planKey,
    /** Null when the period stays. */
    billingPeriod: z.enum(['monthly', 'annual']).nullable(),
  }),
  'account.suspended': event('account.suspended', { reason: z.enum(SUSPENSION_REASONS), requestedAt: z.iso.datetime() }),
  'account.deleted': event('account.deleted', { deletedAt: z.iso.datetime() }),
  'entitlements.synced': event('entitlements.synced', { cause: z.enum(ENTITLEMENT_CAUSES) }),
  'settings.synced': event('settings.synced', { keys: z.array(z.enum(SETTING_KEYS)).min(1) }),
  'mp_credentials.synced': event('mp_credentials.synced', { action: z.enum(['sync', 'refresh', 'revoke']) }),
} as const;

export type AccountEventType = keyof typeof ACCOUNT_EVENT_SCHEMAS;
export const ACCOUNT_EVENT_TYPES = Object.keys(ACCOUNT_EVENT_SCHEMAS) as AccountEventType[];
export type AccountEventPayload = z.infer<(typeof ACCOUNT_EVENT_SCHEMAS)[AccountEventType]>;

/** A change as its writer tells it: the version is read where the event is stored. `account.created` is published by `activate` alone. */
export type AccountChange = {
  [T in Exclude<AccountEventType, 'account.created'>]: Omit<z.infer<(typeof ACCOUNT_EVENT_SCHEMAS)[T]>, 'version'>;
}[Exclude<AccountEventType, 'account.created'>];

export const isAccountEventType = (type: string): type is AccountEventType => Object.hasOwn(ACCOUNT_EVENT_SCHEMAS, type);

/** The aspects that an event dirties. A change of plan, however it is told, also changes what the store may do. */
export function aspectsOf(payload: AccountEventPayload): Aspect[] {
  switch (payload.type) {
    case 'account.created':
      return payload.aspects;
    case 'account.updated':
      return aspectsOfFields(payload.fields);
    case 'plan.changed':
      return ['client', 'entitlements'];
    case 'account.suspended':
    case 'account.deleted':
      return ['client'];
    case 'entitlements.synced':
      return ['entitlements'];
    case 'settings.synced':
      return ['settings'];
    case 'mp_credentials.synced':
      return ['mp_credentials'];
  }
}

/** `content` is no column of the row; every other field is one. */
function aspectsOfFields(fields: readonly AccountField[]): Aspect[] {
  const aspects: Aspect[] = fields.some((field) => field !== 'content') ? ['client'] : [];
  if (fields.includes('plan')) aspects.push('entitlements');
  if (fields.includes('content')) aspects.push('content');
  return aspects;
}

/**
 * The key of an event (P-203): type, account and the account's version, which is what the change is known by. An account is born
 * once, so its birth needs no version.
 */
export const accountEventKey = ({ type, accountId, version }: Pick<AccountEventPayload, 'type' | 'accountId' | 'version'>): string =>
  type === 'account.created' ? `${type}/${accountId}` : `${type}/${accountId}/${String(version)}`;
