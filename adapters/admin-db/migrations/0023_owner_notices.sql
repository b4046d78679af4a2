-- Up Migration

-- What the owner of a store was told by mail: one row an event, written before the mail goes out, so that no event is told twice.
create table if not exists owner_notices (
  event_key text primary key,
  account_id uuid not null references nv_accounts (id),
  kind text not null check (kind in ('paused', 'cancelled', 'opened', 'plan_changed', 'deleted', 'consent_ended')),
  told_at timestamptz not null default now()
);
create index if not exists owner_notices_account on owner_notices (account_id, told_at desc);

alter table outbox drop constraint if exists outbox_target_check;
alter table outbox add constraint outbox_target_check
  check (target in ('onboarding', 'account', 'refund', 'credentials', 'shop', 'notice'));
alter table outbox_pauses drop constraint if exists outbox_pauses_target_check;
alter table outbox_pauses add constraint outbox_pauses_target_check
  check (target in ('onboarding', 'account', 'refund', 'credentials', 'shop', 'notice'));

-- Down Migration

delete from outbox_pauses where target = 'notice';
alter table outbox_pauses drop constraint if exists outbox_pauses_target_check;
alter table outbox_pauses add constraint outbox_pauses_target_check
  check (target in ('onboarding', 'account', 'refund', 'credentials', 'shop'));
delete from outbox where target = 'notice';
alter table outbox drop constraint if exists outbox_target_check;
alter table outbox add constraint outbox_target_check check (target in ('onboarding', 'account', 'refund', 'credentials', 'shop'));
drop table if exists owner_notices;
