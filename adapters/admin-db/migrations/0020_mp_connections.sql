-- Up Migration

-- P-312, P-313: how the consent of an account's seller stands. The tokens themselves stay in nv_accounts, sealed.
-- `credential_version` rises with every grant that is stored and with every end of one: whoever read an older one stores nothing.
-- `refresh_id` is the intent of a refresh: written before the call that uses the refresh token up, cleared by its outcome. One that
-- stands without a run was cut off between the call and the store.
create table if not exists mp_connections (
  account_id uuid primary key references nv_accounts (id),
  seller_id text not null check (seller_id ~ '^[0-9]{1,20}$'),
  state text not null default 'connected' check (state in ('connected', 'reauth_required', 'revoked')),
  credential_version bigint not null default 1,
  refresh_due_at timestamptz,
  refresh_id uuid,
  refresh_begun_at timestamptz,
  error_code text,
  error_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint mp_connections_intent_whole check ((refresh_id is null) = (refresh_begun_at is null)),
  constraint mp_connections_intent_connected check (refresh_id is null or state = 'connected')
);
create index if not exists mp_connections_due on mp_connections (refresh_due_at) where state = 'connected';
create index if not exists mp_connections_seller on mp_connections (seller_id);

insert into mp_connections (account_id, seller_id, refresh_due_at)
select id, mp_user_id, mp_token_expires_at - interval '30 days' from nv_accounts
where mp_connected and mp_user_id ~ '^[0-9]{1,20}$'
on conflict do nothing;

-- One asking for a seller's consent, from the link to the exchange of its code. The state of the link is kept as its hash only, and what
-- could finish a consent (verifier, code) is sealed and gone once it has ended.
create table if not exists mp_authorizations (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references nv_accounts (id),
  state_hash text not null unique check (state_hash ~ '^[0-9a-f]{64}$'),
  verifier_encrypted text check (verifier_encrypted like 'v1.%'),
  code_encrypted text check (code_encrypted like 'v1.%'),
  redirect_uri text not null,
  status text not null default 'open' check (status in ('open', 'answered', 'connected', 'failed')),
  error_code text,
  requested_by text not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  answered_at timestamptz,
  ended_at timestamptz,
  constraint mp_authorizations_ended_forgets
    check (status in ('open', 'answered') or (verifier_encrypted is null and code_encrypted is null))
);
create index if not exists mp_authorizations_account on mp_authorizations (account_id, created_at desc);

alter table outbox drop constraint if exists outbox_target_check;
alter table outbox add constraint outbox_target_check check (target in ('onboarding', 'account', 'refund', 'credentials'));

-- Down Migration

alter table outbox drop constraint if exists outbox_target_check;
delete from outbox where target = 'credentials';
alter table outbox add constraint outbox_target_check check (target in ('onboarding', 'account', 'refund'));
drop table if exists mp_authorizations;
drop table if exists mp_connections;
