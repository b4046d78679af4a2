-- Up Migration

-- Sealing a credential anew under another key changes nothing that a cluster sees: it raises no version, so that nothing is synced
-- because of it. Only a transaction that says so (`alta.reseal`) is excepted, and only when nothing but sealed text differs.
create or replace function account_version() returns trigger language plpgsql as $$
declare
  sealed constant text[] := array['mp_access_token_encrypted', 'mp_refresh_token_encrypted'];
begin
  if new is distinct from old then
    if current_setting('alta.reseal', true) = 'on' and to_jsonb(new) - sealed = to_jsonb(old) - sealed then
      return new;
    end if;
    new.version := old.version + 1;
    new.updated_at := now();
  end if;
  return new;
end $$;

-- The audit also holds what was done to the installation's keys, which is about no single account or cluster.
alter table lifecycle_events drop constraint if exists lifecycle_events_subject;
alter table lifecycle_events add constraint lifecycle_events_subject
  check (account_id is not null or cluster_id is not null or event_type like 'keys.%');

-- Down Migration

create or replace function account_version() returns trigger language plpgsql as $$
begin
  if new is distinct from old then
    new.version := old.version + 1;
    new.updated_at := now();
  end if;
  return new;
end $$;
alter table lifecycle_events drop constraint if exists lifecycle_events_subject;
alter table lifecycle_events add constraint lifecycle_events_subject
  check (account_id is not null or cluster_id is not null) not valid;
