import type { CheckoutRequest } from '../../contract/checkout.ts';
import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';
import { planPrice, type Plan } from './plans.ts';

/** Columns of the account that the checkout writes, beside the order's price. */
const COLUMNS = {
  slug: 'slug',
  email: 'email',
  business_name: 'businessName',
  plan_key: 'planKey',
  country: 'country',
  phone: 'phone',
  phone_full: 'phoneFull',
  billing_email: 'billingEmail',
  custom_domain: 'customDomain',
  persona_type: 'personaType',
  legal_name: 'legalName',
  fiscal_id: 'fiscalId',
  fiscal_id_type: 'fiscalIdType',
  fiscal_category: 'fiscalCategory',
  fiscal_address: 'fiscalAddress',
  subdivision_code: 'subdivisionCode',
} as const satisfies Record<string, keyof CheckoutRequest>;

const NAMES = Object.keys(COLUMNS);
const FIRST = 4;
const PLACES = NAMES.map((_, index) => `$${FIRST + index}`);

const INSERT = `
  insert into nv_accounts (id, order_amount, order_currency, ${NAMES.join(', ')})
  select coalesce($1::uuid, gen_random_uuid()), $2::numeric, $3, ${PLACES.join(', ')}
  returning id`;
const UPDATE = `
  update nv_accounts set order_amount = $2::numeric, order_currency = $3, ${NAMES.map((name, index) => `${name} = ${PLACES[index]}`).join(', ')}
  where id = $1::uuid and status = 'draft'
  returning id`;

/**
 * Opens the draft of an account from a checkout, or writes it anew while it is still a draft (P-100, P-101): the account with
 * the price that it is asked to pay, its subscription and its add-ons. The builder's part is `saveOnboarding`'s, the slug
 * `reserveSlug`'s: call all three in one transaction.
 *
 * Throws ACCOUNT_NOT_FOUND, ACCOUNT_STATE_INVALID when the named account is past its draft, INPUT_INVALID for an add-on that the
 * catalogue does not have, CONFLICT when another open store has the domain.
 */
export async function openDraft(tx: Tx, checkout: CheckoutRequest, plan: Plan): Promise<{ accountId: string }> {
  const price = planPrice(plan, checkout.billingPeriod);
  const values = [checkout.accountId ?? null, price, plan.currency, ...Object.values(COLUMNS).map((key) => checkout[key])];
  await refuseTakenDomain(tx, checkout);
  const [row] =
    checkout.accountId === undefined
      ? await tx.query<{ id: string }>({ name: 'admin-db.insert-draft', text: INSERT, values })
      : await tx.query<{ id: string }>({ name: 'admin-db.update-draft', text: UPDATE, values });
  if (row === undefined) throw await whyNoDraft(tx, checkout.accountId as string);
  await saveOrder(tx, row.id, checkout);
  return { accountId: row.id };
}

async function refuseTakenDomain(tx: Tx, checkout: CheckoutRequest): Promise<void> {
  if (checkout.customDomain === null) return;
  const taken = await tx.query({
    name: 'admin-db.find-open-domain',
    text: `select 1 from nv_accounts where custom_domain = $1 and id is distinct from $2::uuid
           and status in ('provisioned', 'approved', 'live', 'suspended')`,
    values: [checkout.customDomain, checkout.accountId ?? null],
  });
  if (taken.length > 0)
    throw new AltaError('CONFLICT', 'customDomain: another store has this domain', { details: { field: 'customDomain' } });
}

async function whyNoDraft(tx: Tx, accountId: string): Promise<AltaError> {
  const [account] = await tx.query<{ status: string }>({
    name: 'admin-db.account-status',
    text: 'select status from nv_accounts where id = $1',
    values: [accountId],
  });
  return account === undefined
    ? new AltaError('ACCOUNT_NOT_FOUND', `accountId: no account ${accountId}`)
    : new AltaError('ACCOUNT_STATE_INVALID', `accountId: the account is ${account.status}, no longer a draft`);
}

async function saveOrder(tx: Tx, accountId: string, checkout: CheckoutRequest): Promise<void> {
  await tx.query({
    name: 'admin-db.save-subscription',
    text: `insert into subscriptions (account_id, plan_key, billing_period) values ($1, $2, $3)
           on conflict (account_id) do update
             set plan_key = excluded.plan_key, billing_period = excluded.billing_period, updated_at = now()`,
    values: [accountId, checkout.planKey, checkout.billingPeriod],
  });
  const wanted = new Map(checkout.addons.map(({ key, quantity }) => [key, quantity]));
  // A repeated checkout replaces what the draft had; an add-on that is no longer wanted goes.
  const saved = await tx.query<{ addon_key: string }>({
    name: 'admin-db.save-addons',
    text: `with gone as (delete from account_addons where account_id = $1 and addon_key <> all($2::text[]))
           insert into account_addons (account_id, addon_key, quantity, entitlements)
           select $1, a.addon_key, w.quantity, a.entitlements
           from unnest($2::text[], $3::int[]) as w (addon_key, quantity) join addons a on a.addon_key = w.addon_key and a.is_active
           on conflict (account_id, addon_key) do update
             set quantity = excluded.quantity, entitlements = excluded.entitlements, active = true
           returning addon_key`,
    values: [accountId, [...wanted.keys()], [...wanted.values()]],
  });
  for (const { addon_key: key } of saved) wanted.delete(key);
  const [unknown] = wanted.keys();
  if (unknown !== undefined) throw new AltaError('INPUT_INVALID', `addons: no add-on ${JSON.stringify(unknown)} is on sale`);
}
