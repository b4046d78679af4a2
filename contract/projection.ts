import type { AccountEventType, AccountField } from './account-events.ts';
import { COUNTRIES, isCountryCode } from './countries.ts';
import { calculateEntitlements, type ActiveAddon, type EntitlementOverride, type Entitlements } from './entitlements.ts';
import { AltaError } from './errors.ts';
import type { SettingsPatch } from './settings.ts';

/** An account as the Admin DB holds it now, with everything that its store is made from. No secret is in it. */
export interface AccountSnapshot {
  id: string;
  version: number;
  status: string;
  slug: string;
  email: string;
  businessName: string;
  planKey: string;
  country: string;
  phone: string | null;
  phoneFull: string | null;
  billingEmail: string | null;
  customDomain: string | null;
  personaType: string | null;
  legalName: string | null;
  fiscalId: string | null;
  fiscalIdType: string | null;
  fiscalCategory: string | null;
  fiscalAddress: string | null;
  subdivisionCode: string | null;
  backendClusterId: string | null;
  /** Whether an operator keeps Alta from writing to its store. */
  held: boolean;
  mpConnected: boolean;
  mpTokenPresent: boolean;
  /** Price of the plan for its period, decimal text, and its currency; null when the plan is unknown. */
  monthlyFee: string | null;
  currency: string | null;
  planEntitlements: Entitlements | null;
  /** Add-ons and overrides that count at the moment of reading. */
  addons: ActiveAddon[];
  overrides: EntitlementOverride[];
  /** Settings that the account decides about; null when it never decided about one. */
  settings: SettingsPatch | null;
  /** `monthly` when there is no subscription (O-14). */
  billingPeriod: string;
  templateKey: string;
  paletteKey: string;
}

/** The contractual columns of a cluster's `clients` row. */
export interface ClientRow {
  nv_account_id: string;
  slug: string;
  name: string;
  email_admin: string;
  plan: string;
  plan_key: string;
  monthly_fee: string;
  billing_period: string;
  is_active: boolean;
  country: string;
  locale: string;
  timezone: string;
  phone: string | null;
  phone_full: string | null;
  billing_email: string | null;
  persona_type: string | null;
  legal_name: string | null;
  fiscal_id: string | null;
  fiscal_id_type: string | null;
  fiscal_category: string | null;
  fiscal_address: string | null;
  subdivision_code: string | null;
  custom_domain: string | null;
  connection_type: 'mercadopago';
  template_key: string;
}

/** Account states in which a store is open (P-043). */
export const ACTIVE_STATUSES: ReadonlySet<string> = new Set(['provisioned', 'approved', 'live']);

export interface ContractField {
  /** Number of the requirement. */
  readonly id: string;
  readonly column: keyof ClientRow;
  readonly from: (account: AccountSnapshot) => ClientRow[keyof ClientRow];
  /** The reconcile check that compares it; null for what never changes. */
  readonly check: 'D1' | 'D3' | 'D4' | 'D6' | 'D7' | null;
  /** Events that tell of a later change; none for what never changes. */
  readonly told: readonly AccountEventType[];
}

const region = (account: AccountSnapshot): (typeof COUNTRIES)[keyof typeof COUNTRIES] => {
  if (!isCountryCode(account.country)) {
    throw new AltaError('COUNTRY_UNSUPPORTED', `country: ${JSON.stringify(account.country)} has no locale and time zone`);
  }
  return COUNTRIES[account.country];
};

const fee = (account: AccountSnapshot): string => {
  if (account.monthlyFee === null) throw new AltaError('PLAN_NOT_FOUND', `plan_key: no plan ${JSON.stringify(account.planKey)}`);
  return account.monthlyFee;
};

const field = (
  id: string,
  column: keyof ClientRow,
  check: ContractField['check'],
  from: ContractField['from'],
  told: ContractField['told'] = ['account.updated'],
): ContractField => ({ id, column, check, from, told });

/**
 * The contract between the Admin DB and a cluster (P-060), field by field: the only list of its kind. Credentials (P-045,
 * P-046), entitlements (P-048) and `publication_status` (P-044, the cluster's own) are not in the row: they are written by
 * their own aspects.
 */
export const CLIENT_CONTRACT: readonly ContractField[] = [
  field('P-058', 'nv_account_id', 'D4', (a) => a.id, []),
  field('P-047', 'slug', 'D3', (a) => a.slug),
  field('P-054', 'name', 'D6', (a) => a.businessName),
  field('P-051', 'email_admin', 'D6', (a) => a.email),
  field('P-040', 'plan', 'D7', (a) => a.planKey, ['account.updated', 'plan.changed']),
  field('P-040', 'plan_key', 'D7', (a) => a.planKey, ['account.updated', 'plan.changed']),
  field('P-041', 'monthly_fee', 'D6', fee, ['account.updated', 'plan.changed']),
  field('P-042', 'billing_period', 'D6', (a) => a.billingPeriod, ['plan.changed']),
  field('P-043', 'is_active', 'D1', (a) => ACTIVE_STATUSES.has(a.status), ['account.updated', 'account.suspended']),
  field('P-049', 'country', 'D6', (a) => a.country),
  field('P-050', 'locale', 'D6', (a) => region(a).locale),
  field('P-050', 'timezone', 'D6', (a) => region(a).timezone),
  field('P-052', 'phone', 'D6', (a) => a.phone),
  field('P-052', 'phone_full', 'D6', (a) => a.phoneFull),
  field('P-053', 'billing_email', 'D6', (a) => a.billingEmail),
  field('P-055', 'persona_type', 'D6', (a) => a.personaType),
  field('P-055', 'legal_name', 'D6', (a) => a.legalName),
  field('P-055', 'fiscal_id', 'D6', (a) => a.fiscalId),
  field('P-055', 'fiscal_id_type', 'D6', (a) => a.fiscalIdType),
  field('P-055', 'fiscal_category', 'D6', (a) => a.fiscalCategory),
  field('P-055', 'fiscal_address', 'D6', (a) => a.fiscalAddress),
  field('P-055', 'subdivision_code', 'D6', (a) => a.subdivisionCode),
  field('P-056', 'custom_domain', 'D6', (a) => a.customDomain),
  field('P-057', 'connection_type', null, () => 'mercadopago', []),
  field('P-059', 'template_key', null, (a) => a.templateKey, []),
];

/** The columns that each field of an `account.updated` stands for (P-212). */
export const FIELD_COLUMNS: Readonly<Record<AccountField, readonly (keyof ClientRow)[]>> = {
  name: ['name'],
  email: ['email_admin'],
  slug: ['slug'],
  is_active: ['is_active'],
  plan: ['plan', 'plan_key', 'monthly_fee'],
  billing_email: ['billing_email'],
  phone: ['phone'],
  phone_full: ['phone_full'],
  country: ['country', 'locale', 'timezone'],
  persona_type: ['persona_type'],
  legal_name: ['legal_name'],
  fiscal_id: ['fiscal_id'],
  fiscal_id_type: ['fiscal_id_type'],
  fiscal_category: ['fiscal_category'],
  fiscal_address: ['fiscal_address'],
  subdivision_code: ['subdivision_code'],
  custom_domain: ['custom_domain'],
  due_dates: [],
  // The cluster's own: written by a call of its own, never with the row.
  publication_status: [],
  // Rows of their own.
  content: [],
};

/** Whether an operator approved the store, so that its cluster has to show it published (P-314). */
export const isApproved = ({ status }: Pick<AccountSnapshot, 'status'>): boolean => status === 'approved' || status === 'live';

/** The `clients` row that the account's cluster must hold. Throws PLAN_NOT_FOUND or COUNTRY_UNSUPPORTED. */
export function projectClient(account: AccountSnapshot): ClientRow {
  return Object.fromEntries(CLIENT_CONTRACT.map(({ column, from }) => [column, from(account)])) as unknown as ClientRow;
}

/** The entitlements snapshot that the account's cluster must hold (P-048, P-123). Throws PLAN_NOT_FOUND. */
export function projectEntitlements(account: AccountSnapshot): Entitlements {
  if (account.planEntitlements === null) {
    throw new AltaError('PLAN_NOT_FOUND', `plan_key: no plan ${JSON.stringify(account.planKey)}`);
  }
  return calculateEntitlements(account.planEntitlements, account.addons, account.overrides);
}

/** The settings that the account's cluster must hold, beside the merchant's own (P-217); null when the account decided about none. */
export const projectSettings = (account: AccountSnapshot): SettingsPatch | null => account.settings;
