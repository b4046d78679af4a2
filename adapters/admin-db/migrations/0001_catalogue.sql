-- Up Migration

-- Functions and tables are for the service role only. A plain PostgreSQL has no such role yet (Supabase has). Roles belong to the
-- whole server, so two databases may be migrated at the same moment.
do $$
begin
  if not exists (select from pg_roles where rolname = 'service_role') then
    create role service_role nologin;
  end if;
exception when duplicate_object or unique_violation then null;
end $$;

-- Raises with an own SQLSTATE; the trigger's argument says what is protected.
create or replace function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only: % is refused', tg_table_name, lower(tg_op) using errcode = 'ALT03';
end $$;

-- P-007: the price and feature catalogue.
create table if not exists plans (
  plan_key text primary key check (plan_key ~ '^[a-z0-9_-]{1,40}$'),
  display_name text not null,
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  monthly_fee numeric(18, 6) not null check (monthly_fee >= 0),
  annual_fee numeric(18, 6) not null check (annual_fee >= 0),
  entitlements jsonb not null default '{"limits": {}, "features": []}',
  is_active boolean not null default true,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table if not exists addons (
  addon_key text primary key check (addon_key ~ '^[a-z0-9_-]{1,40}$'),
  display_name text not null,
  entitlements jsonb not null default '{"limits": {}, "features": []}',
  is_active boolean not null default true,
  created_at timestamptz not null default now()
);

-- P-011: the cluster registry. `service_role_key` and `db_url_encrypted` hold sealed text only; `revision` rises with every change
-- of address or key, so that a cached client can be told from a fresh one.
create table if not exists backend_clusters (
  cluster_id text primary key check (cluster_id ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
  display_name text not null,
  supabase_url text not null,
  service_role_key text not null check (service_role_key like 'v1.%'),
  publishable_key text not null,
  db_url_encrypted text check (db_url_encrypted like 'v1.%'),
  weight double precision not null default 1 check (weight >= 0 and weight < 'Infinity'),
  is_active boolean not null default false,
  status text not null default 'ready' check (status in ('ready', 'error', 'maintenance', 'cloning', 'disabled')),
  max_tenants integer check (max_tenants >= 0),
  tenant_count integer not null default 0 check (tenant_count >= 0),
  last_error text,
  last_cloned_from text,
  last_cloned_at timestamptz,
  revision bigint not null default 1,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

-- P-018, P-019: keep their names; they take and return sealed text, the keys never reach the database (decision 6).
create or replace function set_backend_cluster_credentials(
  p_cluster_id text,
  p_display_name text,
  p_supabase_url text,
  p_service_role_key text,
  p_publishable_key text,
  p_db_url_encrypted text default null
) returns bigint language sql set search_path = pg_catalog, public as $$
  insert into public.backend_clusters as c (cluster_id, display_name, supabase_url, service_role_key, publishable_key, db_url_encrypted)
  values (p_cluster_id, p_display_name, p_supabase_url, p_service_role_key, p_publishable_key, p_db_url_encrypted)
  on conflict (cluster_id) do update
    set display_name = excluded.display_name,
        supabase_url = excluded.supabase_url,
        service_role_key = excluded.service_role_key,
        publishable_key = excluded.publishable_key,
        db_url_encrypted = coalesce(excluded.db_url_encrypted, c.db_url_encrypted),
        revision = c.revision + 1,
        updated_at = now()
  returning revision
$$;

create or replace function list_backend_clusters(p_cluster_id text default null)
returns setof backend_clusters language sql stable set search_path = pg_catalog, public as $$
  select * from public.backend_clusters where p_cluster_id is null or cluster_id = p_cluster_id order by cluster_id
$$;

revoke all on function set_backend_cluster_credentials(text, text, text, text, text, text) from public;
revoke all on function list_backend_clusters(text) from public;
grant execute on function set_backend_cluster_credentials(text, text, text, text, text, text) to service_role;
grant execute on function list_backend_clusters(text) to service_role;
grant select, insert, update on plans, addons, backend_clusters to service_role;

insert into plans (plan_key, display_name, currency, monthly_fee, annual_fee, entitlements) values
  ('starter', 'Starter', 'ARS', 15000, 150000,
   '{"limits": {"products": 100, "staff": 1, "storage_mb": 512}, "features": ["checkout"]}'),
  ('growth', 'Growth', 'ARS', 35000, 350000,
   '{"limits": {"products": 1000, "staff": 5, "storage_mb": 4096}, "features": ["checkout", "coupons", "custom_domain"]}'),
  ('enterprise', 'Enterprise', 'ARS', 90000, 900000,
   '{"limits": {"products": 20000, "staff": 50, "storage_mb": 51200}, "features": ["api", "checkout", "coupons", "custom_domain", "priority_support"]}')
on conflict (plan_key) do nothing;

insert into addons (addon_key, display_name, entitlements) values
  ('extra-products', '500 more products', '{"limits": {"products": 500}, "features": []}'),
  ('extra-staff', 'One more staff member', '{"limits": {"staff": 1}, "features": []}'),
  ('coupons', 'Coupons', '{"limits": {}, "features": ["coupons"]}')
on conflict (addon_key) do nothing;

-- Down Migration

drop function if exists list_backend_clusters(text);
drop function if exists set_backend_cluster_credentials(text, text, text, text, text, text);
drop table if exists backend_clusters;
drop table if exists addons;
drop table if exists plans;
drop function if exists refuse_change();
