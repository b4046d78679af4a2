-- Up Migration

-- What Mercado Pago says of each payment, and what Alta judged. A payment id stands here once, for ever.
create table if not exists payments (
  payment_id text primary key check (payment_id ~ '^[0-9]{1,20}$'),
  account_id uuid references nv_accounts (id),
  status text not null,
  status_detail text,
  amount numeric(18, 6) not null,
  amount_refunded numeric(18, 6) not null default 0,
  currency text not null,
  collector_id text not null,
  external_reference text,
  live_mode boolean not null,
  date_approved timestamptz,
  date_last_updated timestamptz,
  verdict text check (verdict in ('accepted', 'rejected')),
  verdict_code text,
  judged_status text,
  judged_at timestamptz,
  first_seen_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);
create index if not exists payments_account on payments (account_id) where account_id is not null;

-- P-016: one row per delivery of a notification (decision 2); repeated deliveries are counted in it.
create table if not exists webhook_inbox (
  id uuid primary key default gen_random_uuid(),
  provider text not null default 'mercadopago',
  delivery_key text not null unique,
  topic text not null,
  action text,
  payment_id text,
  request_id text,
  secret_id text,
  skew_ms bigint,
  status text not null default 'received' check (status in ('received', 'processed', 'ignored')),
  payment_status text,
  account_id uuid,
  result text,
  deliveries integer not null default 1,
  first_received_at timestamptz not null default now(),
  last_received_at timestamptz not null default now(),
  settled_at timestamptz
);
create index if not exists webhook_inbox_payment on webhook_inbox (payment_id) where payment_id is not null;

-- P-201, decision 8: what was committed and not yet delivered. `due_at` is when the row may be claimed: at its next attempt, or when
-- the lease of whoever holds it has run out. `generation` rises when the fact behind a row happens again while it is being delivered.
create table if not exists outbox (
  id uuid primary key default gen_random_uuid(),
  target text not null check (target in ('onboarding', 'account')),
  event_key text not null unique,
  event_type text not null,
  account_id uuid references nv_accounts (id),
  payload jsonb not null,
  status text not null default 'pending' check (status in ('pending', 'processing', 'completed', 'failed')),
  attempt_count integer not null default 0 check (attempt_count >= 0),
  generation integer not null default 1,
  next_attempt_at timestamptz not null default now(),
  locked_by text,
  locked_until timestamptz,
  claim_token uuid,
  error_code text,
  error_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  completed_at timestamptz,
  due_at timestamptz generated always as (case when status = 'processing' then locked_until else next_attempt_at end) stored,
  constraint outbox_claim_whole check (
    (status = 'processing') = (claim_token is not null and locked_until is not null and locked_by is not null))
);
create index if not exists outbox_due on outbox (due_at, created_at) where status in ('pending', 'processing');
create index if not exists outbox_account on outbox (account_id) where account_id is not null;
create index if not exists outbox_purge on outbox (completed_at) where status = 'completed';
create index if not exists outbox_failed on outbox (created_at) where status = 'failed';

-- P-230: only delivered rows are ever purged.
create or replace function purge_outbox(p_older_than interval default '30 days') returns bigint
language sql set search_path = pg_catalog, public as $$
  with gone as (
    delete from public.outbox where status = 'completed' and completed_at < now() - p_older_than returning 1
  ) select count(*) from gone
$$;
revoke all on function purge_outbox(interval) from public;
grant execute on function purge_outbox(interval) to service_role;

grant select, insert, update on payments, webhook_inbox to service_role;
grant select, insert, update, delete on outbox to service_role;

-- Down Migration

drop function if exists purge_outbox(interval);
drop table if exists outbox, webhook_inbox, payments;
