import { z } from 'zod';
import type { AccountField, SuspensionReason } from './account-events.ts';
import type { Aspect } from './account.ts';
import { checkoutSchema } from './checkout.ts';
import { OVERRIDE_KINDS, type OverLimit } from './entitlements.ts';
import type { StoreState } from './account-machine.ts';
import { slugSchema } from './slug.ts';
import { settingsPatchSchema } from './settings.ts';
import { isUuid } from './ids.ts';

export const UPDATE_ACCOUNT_COMMAND = 'command';
/** Whether a text may be a command's id: a UUID in lower case, so that one id has one form. */
export const isCommandId = (text: string): boolean => isUuid(text) && text === text.toLowerCase();

const shape = checkoutSchema.shape;
const key = z.string().regex(/^[a-z0-9_-]{1,40}$/);

/** Fields of an account that may be edited: what is named is set, null clears, what is not named stays (P-212). */
export const accountEditSchema = z
  .strictObject({
    businessName: shape.businessName,
    email: shape.email,
    slug: slugSchema,
    country: shape.country,
    phone: shape.phone.unwrap(),
    phoneFull: shape.phoneFull.unwrap(),
    billingEmail: shape.billingEmail.unwrap(),
    customDomain: shape.customDomain.unwrap(),
    personaType: shape.personaType.unwrap(),
    legalName: shape.legalName.unwrap(),
    fiscalId: shape.fiscalId.unwrap(),
    fiscalIdType: shape.fiscalIdType.unwrap(),
    fiscalCategory: shape.fiscalCategory.unwrap(),
    fiscalAddress: shape.fiscalAddress.unwrap(),
    subdivisionCode: shape.subdivisionCode.unwrap(),
  })
  .partial()
  .refine((edit) => Object.keys(edit).length > 0, 'name at least one field');
export type AccountEdit = z.infer<typeof accountEditSchema>;

/** Where each editable field is kept in `nv_accounts`, and what an `account.updated` calls it. */
export const EDITS: Readonly<Record<keyof AccountEdit, { column: string; field: AccountField }>> = {
  businessName: { column: 'business_name', field: 'name' },
  email: { column: 'email', field: 'email' },
  slug: { column: 'slug', field: 'slug' },
  country: { column: 'country', field: 'country' },
  phone: { column: 'phone', field: 'phone' },
  phoneFull: { column: 'phone_full', field: 'phone_full' },
  billingEmail: { column: 'billing_email', field: 'billing_email' },
  customDomain: { column: 'custom_domain', field: 'custom_domain' },
  personaType: { column: 'persona_type', field: 'persona_type' },
  legalName: { column: 'legal_name', field: 'legal_name' },
  fiscalId: { column: 'fiscal_id', field: 'fiscal_id' },
  fiscalIdType: { column: 'fiscal_id_type', field: 'fiscal_id_type' },
  fiscalCategory: { column: 'fiscal_category', field: 'fiscal_category' },
  fiscalAddress: { column: 'fiscal_address', field: 'fiscal_address' },
  subdivisionCode: { column: 'subdivision_code', field: 'subdivision_code' },
};

const who = { actor: z.string().trim().min(1).max(100), reason: z.string().trim().min(1).max(500) };
/** Cancellation has a command of its own. */
const cause = z.enum(['pause', 'past_due', 'operator']).default('pause');
const overridden = { kind: z.enum(OVERRIDE_KINDS), key: z.string().regex(/^\w[\w.-]{0,59}$/) };
const plain = <A extends string>(action: A) => z.strictObject({ action: z.literal(action), ...who });

/** A command to an account. Who gives it, and why, is kept. */
export const accountCommandSchema = z.discriminatedUnion('action', [
  z.strictObject({ action: z.literal('suspend'), ...who, cause }),
  z.strictObject({ action: z.literal('resume'), ...who, cause }),
  plain('cancel'),
  plain('delete'),
  plain('restore'),
  plain('publish'),
  z.strictObject({
    action: z.literal('change-plan'),
    ...who,
    planKey: key,
    /** Null keeps the period. */
    billingPeriod: z.enum(['monthly', 'annual']).nullable().default(null),
  }),
  z.strictObject({
    action: z.literal('add-addon'),
    ...who,
    addonKey: key,
    /** How many there are afterwards, not how many more. */
    quantity: z.int().positive().max(100).default(1),
    expiresAt: z.iso.datetime().nullable().default(null),
  }),
  z.strictObject({ action: z.literal('remove-addon'), ...who, addonKey: key }),
  z
    .strictObject({
      action: z.literal('set-override'),
      ...who,
      ...overridden,
      /** The limit as it shall be; 1 gives a feature, 0 takes it, whatever plan and add-ons say. */
      value: z.int().nonnegative().max(2_147_483_647),
      /** Null: until it is cleared. */
      expiresAt: z.iso.datetime().nullable().default(null),
    })
    .refine(({ kind, value }) => kind === 'limit' || value <= 1, { path: ['value'], message: 'a feature is given (1) or taken (0)' }),
  z.strictObject({ action: z.literal('clear-override'), ...who, ...overridden }),
  plain('sync-entitlements'),
  plain('reseed'),
  z.strictObject({ action: z.literal('change-settings'), ...who, settings: settingsPatchSchema }),
  z.strictObject({ action: z.literal('change-account'), ...who, fields: accountEditSchema }),
  z
    .strictObject({
      action: z.literal('set-due-dates'),
      ...who,
      /** What is left out stays, null takes the date away. */
      trialEndsAt: z.iso.datetime().nullable().optional(),
      paidUntil: z.iso.datetime().nullable().optional(),
    })
    .refine(({ trialEndsAt, paidUntil }) => trialEndsAt !== undefined || paidUntil !== undefined, {
      path: ['paidUntil'],
      message: 'name trialEndsAt, paidUntil or both',
    }),
  plain('hold'),
  plain('release'),
]);
export type AccountCommand = z.infer<typeof accountCommandSchema>;
export type AccountCommandInput = z.input<typeof accountCommandSchema>;

/** What a command did in the Admin DB; the same for a repeat under the same id. */
export interface CommandRecord {
  commandId: string;
  action: AccountCommand['action'];
  status: StoreState;
  /** The account's version after it. */
  version: number;
  /** What the store has to be brought to. */
  aspects: Aspect[];
  /** Reasons that still stand against the store's running. */
  reasons: SuspensionReason[];
  held: boolean;
  /** Limits that the store is over now; null when they were not looked at, or could not be counted. */
  overLimits: OverLimit[] | null;
  /** Where the store was kept before it was deleted; only of a deletion. */
  archive?: string;
}

export interface CommandAnswer extends CommandRecord {
  /** `shown`: the cluster has it. `waiting`: it will, once what `waitsFor` names is over. */
  store: 'shown' | 'waiting';
  /** `held`, `time`, or the code of the last failure of an apply; null when the cluster has it. */
  waitsFor: string | null;
}
