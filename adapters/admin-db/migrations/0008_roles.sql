-- Up Migration

-- One role a process, none of which can sign in by itself: a process connects with a login that is a member of its role, and acts as
-- the role from the first statement on. Roles belong to the whole server, so two databases may be migrated at the same moment.
-- What each may do stands in `../access.sql`, which is applied after every migration.
--   alta_intake the API      alta_relay    the relay        alta_worker    the worker       alta_operator   the command line
--   alta_keeper key rotation, which alone rewrites sealed text              alta_migrator   owns the schema
do $$
declare
  r text;
begin
  foreach r in array array['alta_intake', 'alta_relay', 'alta_worker', 'alta_operator', 'alta_keeper', 'alta_migrator'] loop
    begin
      if to_regrole(r) is null then execute format('create role %I nologin', r); end if;
    exception when duplicate_object or unique_violation then null;
    end;
    -- Who migrates may hand the roles on. A superuser is a member of every role as it is.
    if not pg_has_role(session_user, r, 'member') then execute format('grant %I to %I', r, session_user); end if;
  end loop;
  if not has_schema_privilege('alta_migrator', 'public', 'create') then grant usage, create on schema public to alta_migrator; end if;
end $$;

-- Sealed text goes in through this function and is not seen by who calls it.
alter function set_backend_cluster_credentials(text, text, text, text, text, text) security definer;
-- An account's version rises also for roles that may not write the account itself.
alter function account_touched() security definer set search_path = pg_catalog, public;

-- P-640, as before; and of a job's states operators may write one only: that it was given up.
create or replace function guard_job() returns trigger language plpgsql as $$
begin
  if new.job_type = 'PROVISION_CLIENT' then
    raise exception 'job_type PROVISION_CLIENT is gone: pay the order, the onboarding starts by itself' using errcode = 'ALT01';
  end if;
  if tg_op = 'UPDATE' and new.status <> old.status then
    if current_user = 'alta_operator' and new.status <> 'abandoned' then
      raise exception 'an operator may only give a job up' using errcode = 'insufficient_privilege';
    end if;
    if old.status in ('completed', 'rejected', 'failed', 'compensated', 'abandoned') then
      raise exception 'job % has ended as %: it cannot become %', old.id, old.status, new.status using errcode = 'ALT02';
    end if;
  end if;
  return new;
end $$;

alter table webhook_inbox enable row level security;
alter table webhook_inbox force row level security;
alter table outbox enable row level security;
alter table outbox force row level security;
alter table nv_accounts enable row level security;
alter table nv_accounts force row level security;
alter table backend_clusters enable row level security;
alter table backend_clusters force row level security;

-- Down Migration

create or replace function guard_job() returns trigger language plpgsql as $$
begin
  if new.job_type = 'PROVISION_CLIENT' then
    raise exception 'job_type PROVISION_CLIENT is gone: pay the order, the onboarding starts by itself' using errcode = 'ALT01';
  end if;
  if tg_op = 'UPDATE' and new.status <> old.status
     and old.status in ('completed', 'rejected', 'failed', 'compensated', 'abandoned') then
    raise exception 'job % has ended as %: it cannot become %', old.id, old.status, new.status using errcode = 'ALT02';
  end if;
  return new;
end $$;
alter table webhook_inbox disable row level security;
alter table outbox disable row level security;
alter table nv_accounts disable row level security;
alter table backend_clusters disable row level security;
alter function set_backend_cluster_credentials(text, text, text, text, text, text) security invoker;
alter function account_touched() security invoker;
-- Other databases of this server may use the roles, so they stay.
reassign owned by alta_migrator to current_user;
drop owned by alta_intake, alta_relay, alta_worker, alta_operator, alta_keeper, alta_migrator;
comment on table schema_migrations is null;
