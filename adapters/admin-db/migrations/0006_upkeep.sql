-- Up Migration

-- How far each sweep of the installation got. One row a sweep.
create table if not exists upkeep_marks (
  task text primary key,
  -- The newest fact that was seen, by the clock of whoever told it.
  seen_until timestamptz,
  -- Whether the last pass got to the end; if not, the next goes on where it stopped.
  complete boolean not null default true,
  -- When a pass last got to the end.
  completed_at timestamptz,
  -- The other side asked to be left alone until then (Retry-After).
  resume_at timestamptz,
  updated_at timestamptz not null default now()
);

-- The sweep for reservations that ran out.
create index if not exists slug_reservations_due on slug_reservations (expires_at) where status = 'reserved';

-- P-232: an operator gave a row up. It stays for the story and is purged as a delivered one is.
alter table outbox drop constraint if exists outbox_status_check;
alter table outbox add constraint outbox_status_check check (status in ('pending', 'processing', 'completed', 'failed', 'discarded'));
create index if not exists outbox_newest on outbox (created_at desc);
drop index if exists outbox_purge;
create index if not exists outbox_ended on outbox (completed_at) where completed_at is not null;

-- P-230: a bounded number of rows a call, so that a day's purge is no long transaction. Waiting and dead rows are never purged.
create or replace function purge_outbox(p_older_than interval default '30 days') returns bigint
language sql set search_path = pg_catalog, public as $$
  with gone as (
    delete from public.outbox where id in (
      select id from public.outbox where completed_at < now() - p_older_than and status in ('completed', 'discarded')
      order by completed_at limit 5000)
    returning 1
  ) select count(*) from gone
$$;

-- P-232: the audit of operators also holds what they did with an outbox row, which has no job.
alter table operator_actions add column if not exists event_key text;
alter table operator_actions alter column job_id drop not null;
alter table operator_actions alter column account_id drop not null;
alter table operator_actions drop constraint if exists operator_actions_subject;
alter table operator_actions add constraint operator_actions_subject
  check ((job_id is not null and account_id is not null) or event_key is not null);
create index if not exists operator_actions_event on operator_actions (event_key, id) where event_key is not null;

revoke all on upkeep_marks from public;
grant select, insert, update on upkeep_marks to service_role;

-- Down Migration

drop index if exists operator_actions_event, outbox_newest, slug_reservations_due;
alter table operator_actions drop constraint if exists operator_actions_subject;
alter table operator_actions drop column if exists event_key;
create or replace function purge_outbox(p_older_than interval default '30 days') returns bigint
language sql set search_path = pg_catalog, public as $$
  with gone as (
    delete from public.outbox where status = 'completed' and completed_at < now() - p_older_than returning 1
  ) select count(*) from gone
$$;
create index if not exists outbox_purge on outbox (completed_at) where status = 'completed';
drop index if exists outbox_ended;
update outbox set status = 'completed', completed_at = coalesce(completed_at, updated_at) where status = 'discarded';
alter table outbox drop constraint if exists outbox_status_check;
alter table outbox add constraint outbox_status_check check (status in ('pending', 'processing', 'completed', 'failed'));
drop table if exists upkeep_marks;
