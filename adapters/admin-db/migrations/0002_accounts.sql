-- Up Migration

-- P-002: one row per merchant. `version` rises with every change (see account_version below) and fences every later write.
create table if not exists nv_accounts (
  id uuid primary key default gen_random_uuid(),
  version bigint not null default 1,
  slug text not null,
  email text not null,
  business_name text not null,
  status text not null default 'draft',
  plan_key text not null,
  country text not null,
  phone text,
  phone_full text,
  billing_email text,
  custom_domain text,
  persona_type text,
  legal_name text,
  fiscal_id text,
  fiscal_id_type text,
  fiscal_category text,
  fiscal_address text,
  subdivision_code text,
  backend_cluster_id text references backend_clusters (cluster_id),
  mp_connected boolean not null default false,
  mp_access_token_encrypted text check (mp_access_token_encrypted like 'v1.%'),
  mp_refresh_token_encrypted text check (mp_refresh_token_encrypted like 'v1.%'),
  mp_public_key text,
  mp_user_id text,
  mp_token_expires_at timestamptz,
  -- What the customer was asked to pay: fixed at checkout, compared with the payment (decision 12).
  order_amount numeric(18, 6) not null check (order_amount >= 0),
  order_currency text not null check (order_currency ~ '^[A-Z]{3}$'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint nv_accounts_status_known check (status in (
    'draft', 'paid', 'provisioned', 'approved', 'live', 'provisioning', 'provision_failed', 'suspended', 'cancelled', 'deleted')),
  constraint nv_accounts_active_has_cluster check (
    status not in ('provisioned', 'approved', 'live') or (backend_cluster_id is not null and backend_cluster_id <> ''))
);

-- Two open stores never share a name or a domain; drafts may wish for the same one (slug_reservations decides).
create unique index if not exists nv_accounts_open_slug on nv_accounts (slug)
  where status in ('provisioned', 'approved', 'live', 'suspended');
create unique index if not exists nv_accounts_open_domain on nv_accounts (custom_domain)
  where status in ('provisioned', 'approved', 'live', 'suspended');
create index if not exists nv_accounts_cluster on nv_accounts (backend_cluster_id) where backend_cluster_id is not null;
create index if not exists nv_accounts_slug on nv_accounts (slug);

-- No writer can forget the version: any UPDATE that changes something raises it by one.
create or replace function account_version() returns trigger language plpgsql as $$
begin
  if new is distinct from old then
    new.version := old.version + 1;
    new.updated_at := now();
  end if;
  return new;
end $$;
create or replace trigger account_version before update on nv_accounts for each row execute function account_version();

-- What hangs on an account is part of it: a change there raises the account's version too.
create or replace function account_touched() returns trigger language plpgsql as $$
declare
  touched uuid := case when tg_op = 'DELETE' then old.account_id else new.account_id end;
begin
  update nv_accounts set version = version + 1 where id = touched;
  return null;
end $$;

-- P-006: what the builder collected.
create table if not exists nv_onboarding (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null unique references nv_accounts (id),
  template_key text not null,
  palette_key text not null,
  data jsonb not null default '{}',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create or replace trigger account_touched after insert or update or delete on nv_onboarding
  for each row execute function account_touched();

create table if not exists onboarding_assets (
  account_id uuid not null references nv_accounts (id),
  kind text not null check (kind in ('logo')),
  content_type text not null,
  bytes bytea not null,
  sha256 text not null,
  updated_at timestamptz not null default now(),
  primary key (account_id, kind)
);
create or replace trigger account_touched after insert or update or delete on onboarding_assets
  for each row execute function account_touched();

-- P-008: add-ons bought; the effect is copied from the catalogue, so that a later change there takes nothing away.
create table if not exists account_addons (
  account_id uuid not null references nv_accounts (id),
  addon_key text not null,
  quantity integer not null default 1 check (quantity > 0),
  entitlements jsonb not null,
  active boolean not null default true,
  created_at timestamptz not null default now(),
  primary key (account_id, addon_key)
);
create or replace trigger account_touched after insert or update or delete on account_addons
  for each row execute function account_touched();

-- P-009: the source of truth for the billing period.
create table if not exists subscriptions (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null unique references nv_accounts (id),
  plan_key text not null,
  billing_period text not null check (billing_period in ('monthly', 'annual')),
  status text not null default 'pending'
    check (status in ('pending', 'active', 'paused', 'cancel_requested', 'cancelled')),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- Its status alone is not projected onto a cluster.
create or replace trigger account_touched after insert or delete or update of plan_key, billing_period on subscriptions
  for each row execute function account_touched();

-- P-010: a slug is reserved for a while, then claimed for good.
create table if not exists slug_reservations (
  slug text primary key,
  account_id uuid not null references nv_accounts (id),
  status text not null check (status in ('reserved', 'claimed', 'released')),
  reserved_at timestamptz not null default now(),
  expires_at timestamptz,
  claimed_at timestamptz,
  claimed_by_job uuid,
  constraint slug_reservations_expire check (status <> 'reserved' or expires_at is not null)
);
create index if not exists slug_reservations_account on slug_reservations (account_id);

grant select, insert, update on nv_accounts, nv_onboarding, subscriptions, slug_reservations to service_role;
grant select, insert, update, delete on onboarding_assets, account_addons to service_role;

-- Down Migration

drop table if exists slug_reservations, subscriptions, account_addons, onboarding_assets, nv_onboarding, nv_accounts;
drop function if exists account_touched();
drop function if exists account_version();
