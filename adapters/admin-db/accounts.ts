import { AltaError } from '../../contract/errors.ts';
import type { AccountSnapshot } from '../../contract/projection.ts';
import type { Tx } from './db.ts';

export { openDraft } from './draft.ts';
export { loadMpCredentials, saveMpCredentials } from './mp-credentials.ts';

const SNAPSHOT = `
  select a.id, a.version, a.status, a.slug, a.email, a.business_name as "businessName", a.plan_key as "planKey", a.country,
    a.phone, a.phone_full as "phoneFull", a.billing_email as "billingEmail", a.custom_domain as "customDomain",
    a.persona_type as "personaType", a.legal_name as "legalName", a.fiscal_id as "fiscalId", a.fiscal_id_type as "fiscalIdType",
    a.fiscal_category as "fiscalCategory", a.fiscal_address as "fiscalAddress", a.subdivision_code as "subdivisionCode",
    a.backend_cluster_id as "backendClusterId", a.held_since is not null as held, a.mp_connected as "mpConnected",
    a.mp_access_token_encrypted is not null as "mpTokenPresent",
    trim_scale(p.monthly_fee)::text as "monthlyFee", p.currency, p.entitlements as "planEntitlements",
    coalesce(s.billing_period, 'monthly') as "billingPeriod",
    coalesce(o.template_key, 'classic') as "templateKey", coalesce(o.palette_key, 'sand') as "paletteKey",
    coalesce((
      select jsonb_agg(jsonb_build_object('key', x.addon_key, 'quantity', x.quantity, 'effect', x.entitlements) order by x.addon_key)
      from account_addons x
      where x.account_id = a.id and x.active and (x.expires_at is null or x.expires_at > now())), '[]') as addons,
    coalesce((
      select jsonb_agg(jsonb_build_object('kind', x.kind, 'key', x.key, 'value', x.value) order by x.kind, x.key)
      from entitlement_overrides x
      where x.account_id = a.id and x.active and (x.expires_at is null or x.expires_at > now())), '[]') as overrides,
    w.settings
  from nv_accounts a
  left join plans p on p.plan_key = a.plan_key
  left join subscriptions s on s.account_id = a.id
  left join nv_onboarding o on o.account_id = a.id
  left join account_settings w on w.account_id = a.id
  where a.id = $1`;

/** The account as it is now, with everything that its store is made from, read at one moment. Throws ACCOUNT_NOT_FOUND. */
export async function loadSnapshot(db: Tx, accountId: string): Promise<AccountSnapshot> {
  const [snapshot] = await db.query<AccountSnapshot>({ name: 'admin-db.load-snapshot', text: SNAPSHOT, values: [accountId] });
  if (snapshot === undefined) throw noAccount(accountId);
  return snapshot;
}

/** What a payment of this account is compared with. */
export interface Order {
  /** Decimal text; fixed at checkout. */
  amount: string;
  currency: string;
  status: string;
  slug: string;
  version: number;
}

/** The order of an account. Throws ACCOUNT_NOT_FOUND. */
export async function loadOrder(db: Tx, accountId: string): Promise<Order> {
  const order = await findOrder(db, accountId);
  if (order === null) throw noAccount(accountId);
  return order;
}

/** As `loadOrder`; null when no account has this id. */
export async function findOrder(db: Tx, accountId: string): Promise<Order | null> {
  const [order] = await db.query<Order>({
    name: 'admin-db.find-order',
    text: `select trim_scale(order_amount)::text as amount, order_currency as currency, status, slug, version from nv_accounts where id = $1`,
    values: [accountId],
  });
  return order ?? null;
}

export interface Tenant {
  accountId: string;
  clusterId: string;
  slug: string;
  businessName: string;
  status: string;
}

/**
 * The open store of a slug or a custom domain (P-511, P-718); null when there is none. A suspended store is found too, its status
 * tells so. Every cluster counts, also one that takes no new tenants (O-12).
 */
export async function findTenant(db: Tx, slugOrDomain: string): Promise<Tenant | null> {
  const [tenant] = await db.query<Tenant>({
    name: 'admin-db.find-tenant',
    text: `select id as "accountId", backend_cluster_id as "clusterId", slug, business_name as "businessName", status
           from nv_accounts where (slug = $1 or custom_domain = $1) and status in ('provisioned', 'approved', 'live', 'suspended')
           and backend_cluster_id is not null
           order by (slug = $1) desc limit 1`,
    values: [slugOrDomain.normalize('NFKC').trim().toLowerCase()],
  });
  return tenant ?? null;
}

/**
 * Moves an account from one of the given states to another: compare-and-set, version + 1 and an audit row in one statement.
 * Returns the new version, or null when the account was in none of the states (or is not there).
 */
export async function changeStatus(
  tx: Tx,
  accountId: string,
  change: { from: readonly string[]; to: string; actor: string; reason: string },
): Promise<number | null> {
  const [row] = await tx.query<{ version: number }>({
    name: 'admin-db.change-status',
    text: `with before as (
             select id, status from nv_accounts where id = $1 and status = any($2::text[]) and status <> $3 for update
           ), after as (
             update nv_accounts a set status = $3 from before b where a.id = b.id returning a.id, a.version, b.status as old
           ), audit as (
             insert into lifecycle_events (account_id, event_type, from_value, to_value, actor, reason)
             select id, 'status.changed', old, $3, $4, $5 from after
           )
           select version from after`,
    values: [accountId, [...change.from], change.to, change.actor, change.reason],
  });
  return row?.version ?? null;
}

export const noAccount = (accountId: string): AltaError => new AltaError('ACCOUNT_NOT_FOUND', `no account ${accountId}`);
