-- Up Migration

-- Until when a store may be used: its trial, and what was paid for. Both empty: nothing is ever due. The later one counts.
alter table subscriptions
  add column if not exists trial_ends_at timestamptz,
  add column if not exists paid_until timestamptz;
create index if not exists subscriptions_due on subscriptions (greatest(trial_ends_at, paid_until))
  where trial_ends_at is not null or paid_until is not null;

-- The owner was reminded of a due date: once each. What else a due date brings is a command, kept in account_commands.
create table if not exists due_reminders (
  account_id uuid not null references nv_accounts (id),
  due text not null,
  reminded_at timestamptz not null default now(),
  primary key (account_id, due)
);

alter table owner_notices drop constraint if exists owner_notices_kind_check;
alter table owner_notices add constraint owner_notices_kind_check
  check (kind in ('paused', 'cancelled', 'opened', 'plan_changed', 'deleted', 'consent_ended', 'payment_due'));

-- Down Migration

delete from owner_notices where kind = 'payment_due';
alter table owner_notices drop constraint if exists owner_notices_kind_check;
alter table owner_notices add constraint owner_notices_kind_check
  check (kind in ('paused', 'cancelled', 'opened', 'plan_changed', 'deleted', 'consent_ended'));
drop table if exists due_reminders;
drop index if exists subscriptions_due;
alter table subscriptions drop column if exists paid_until, drop column if exists trial_ends_at;
