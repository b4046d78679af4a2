-- Up Migration

-- O-27: why a store does not run; several reasons may stand at once.
create table if not exists account_suspensions (
  account_id uuid not null references nv_accounts (id),
  reason text not null check (reason in ('pause', 'cancel', 'past_due', 'operator')),
  actor text not null,
  since timestamptz not null default now(),
  primary key (account_id, reason)
);
create or replace trigger account_touched after insert or update or delete on account_suspensions
  for each row execute function account_touched();

alter table nv_accounts
  -- The open state that a suspended, cancelled or deleted account goes back to.
  add column if not exists open_status text check (open_status in ('provisioned', 'approved', 'live')),
  add column if not exists deleted_at timestamptz,
  -- While an account is held, nothing is written to its store.
  add column if not exists held_since timestamptz;

-- Every command to an account, once an id, with what it did: a repeat gets the same answer. No value of the account is in it.
create table if not exists account_commands (
  id uuid primary key,
  account_id uuid not null references nv_accounts (id),
  action text not null,
  -- SHA-256 of the command, so that an id is not used for two.
  digest text not null,
  actor text not null,
  reason text not null,
  answer jsonb not null,
  created_at timestamptz not null default now()
);
create index if not exists account_commands_account on account_commands (account_id, created_at desc);
create or replace trigger append_only before update or delete on account_commands for each row execute function refuse_change();
create or replace trigger never_empty before truncate on account_commands for each statement execute function refuse_change();

-- Down Migration

drop table if exists account_commands, account_suspensions;
alter table nv_accounts drop column if exists held_since, drop column if exists deleted_at, drop column if exists open_status;
