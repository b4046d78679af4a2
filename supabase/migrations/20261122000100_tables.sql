-- The tables of a cluster: many stores side by side, one `clients` row each (P-030 to P-036).
--
-- Columns that Alta owns:
--   onboarding_id   the onboarding that made the row (law 5): undoing an onboarding deletes only its own rows
--   *_version       version of the account that an aspect was last written from: the fence of every later write
--   *_stamp         the onboarding that wrote the aspect last, so that its undo knows what to give back

create table public.clients (
  id uuid primary key,
  nv_account_id uuid not null constraint clients_nv_account_id_key unique,
  slug text not null,
  name text not null,
  email_admin text not null,
  plan text not null,
  plan_key text not null default 'starter',
  monthly_fee numeric(14, 2) not null,
  billing_period text not null default 'monthly' constraint clients_billing_period_check check (billing_period in ('monthly', 'annual')),
  is_active boolean not null default false,
  publication_status text not null default 'draft' constraint clients_publication_status_check check (publication_status in ('draft', 'published')),
  entitlements jsonb not null default '{}'::jsonb,
  mp_access_token text,
  mp_public_key text,
  country text not null,
  locale text not null,
  timezone text not null,
  phone text,
  phone_full text,
  billing_email text,
  persona_type text,
  legal_name text,
  fiscal_id text,
  fiscal_id_type text,
  fiscal_category text,
  fiscal_address text,
  subdivision_code text,
  custom_domain text,
  connection_type text not null default 'mercadopago',
  template_key text not null default 'classic',
  onboarding_id uuid,
  sync_version bigint not null default 0,
  sync_stamp uuid,
  entitlements_version bigint not null default 0,
  entitlements_stamp uuid,
  mp_credentials_version bigint not null default 0,
  mp_credentials_stamp uuid,
  published_at timestamptz,
  deleted_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
-- A store that was marked for cleanup no longer holds its name.
create unique index clients_slug_key on public.clients (slug) where deleted_at is null;

-- `id` is the auth user's id; one person may work for several stores.
create table public.users (
  id uuid not null,
  client_id uuid not null constraint users_client_id_fkey references public.clients (id),
  email text not null,
  role text not null constraint users_role_check check (role in ('admin', 'staff')),
  onboarding_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint users_pkey primary key (id, client_id)
);
create index users_client_id_idx on public.users (client_id);

create table public.client_home_settings (
  client_id uuid primary key constraint client_home_settings_client_id_fkey references public.clients (id),
  settings jsonb not null default '{}'::jsonb,
  sync_version bigint not null default 0,
  seed_version int,
  onboarding_id uuid,
  updated_at timestamptz not null default now()
);

-- Seeded tables. `seed_key` names the item of the bundle that a row began as; a row of the merchant's own has none.
create table public.pages (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null constraint pages_client_id_fkey references public.clients (id),
  seed_key text,
  slug text not null,
  title text not null,
  body text not null default '',
  position int not null default 0,
  seed_version int,
  onboarding_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint pages_client_id_seed_key_key unique (client_id, seed_key),
  constraint pages_client_id_slug_key unique (client_id, slug)
);

create table public.store_settings (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null constraint store_settings_client_id_fkey references public.clients (id),
  seed_key text,
  key text not null,
  value jsonb,
  seed_version int,
  onboarding_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint store_settings_client_id_seed_key_key unique (client_id, seed_key),
  constraint store_settings_client_id_key_key unique (client_id, key)
);

create table public.shipping_methods (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null constraint shipping_methods_client_id_fkey references public.clients (id),
  seed_key text,
  name text not null,
  price numeric(14, 2) not null default 0,
  currency text not null,
  days_min int not null default 0,
  days_max int not null default 0,
  is_active boolean not null default true,
  seed_version int,
  onboarding_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint shipping_methods_client_id_seed_key_key unique (client_id, seed_key)
);

create table public.palettes (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null constraint palettes_client_id_fkey references public.clients (id),
  seed_key text,
  name text not null,
  colors jsonb not null,
  is_default boolean not null default false,
  seed_version int,
  onboarding_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint palettes_client_id_seed_key_key unique (client_id, seed_key)
);
