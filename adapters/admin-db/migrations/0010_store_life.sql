-- Up Migration

-- The settings of a store that its account decides about (P-217). The keys are those of contract/settings.ts; null takes a key away.
create table if not exists account_settings (
  account_id uuid primary key references nv_accounts (id),
  settings jsonb not null default '{}' check (jsonb_typeof(settings) = 'object'),
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create or replace trigger account_touched after insert or update or delete on account_settings
  for each row execute function account_touched();

-- P-311: an add-on may end at a date. It counts until then; a sweep takes it off and tells the store.
alter table account_addons add column if not exists expires_at timestamptz;
create index if not exists account_addons_due on account_addons (expires_at) where active and expires_at is not null;

-- What an operator set for one account, whatever its plan and add-ons say: a limit, or a feature given (1) or taken (0).
create table if not exists entitlement_overrides (
  account_id uuid not null references nv_accounts (id),
  kind text not null check (kind in ('limit', 'feature')),
  key text not null check (length(key) between 1 and 60),
  value integer not null check (value >= 0 and (kind = 'limit' or value <= 1)),
  active boolean not null default true,
  expires_at timestamptz,
  actor text not null,
  reason text not null,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  primary key (account_id, kind, key)
);
create index if not exists entitlement_overrides_due on entitlement_overrides (expires_at) where active and expires_at is not null;
create or replace trigger account_touched after insert or update or delete on entitlement_overrides
  for each row execute function account_touched();

-- Down Migration

drop table if exists entitlement_overrides, account_settings;
drop index if exists account_addons_due;
alter table account_addons drop column if exists expires_at;
