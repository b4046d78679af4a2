-- Up Migration

-- Law 7: once an onboarding is being undone, nothing of it goes live, takes a slot or claims a name any more. Its status can't say that:
-- it is `parked` too while an undo waits for an operator, and a late report may write `running`. So the moment is kept, for good.
alter table provisioning_jobs add column if not exists undo_began_at timestamptz;
update provisioning_jobs j set undo_began_at = updated_at
where activated_at is null and undo_began_at is null and (status = 'compensating' or (status in ('running', 'waiting', 'parked') and exists (
  select from provisioning_job_steps s
  where s.job_id = j.id and s.status in ('compensating', 'compensated', 'compensation_failed'))));

create or replace function guard_job() returns trigger language plpgsql as $$
begin
  if new.job_type = 'PROVISION_CLIENT' then
    raise exception 'job_type PROVISION_CLIENT is gone: pay the order, the onboarding starts by itself' using errcode = 'ALT01';
  end if;
  if tg_op = 'UPDATE' and new.status <> old.status
     and old.status in ('completed', 'rejected', 'failed', 'compensated', 'abandoned') then
    raise exception 'job % has ended as %: it cannot become %', old.id, old.status, new.status using errcode = 'ALT02';
  end if;
  if new.status = 'compensating' then
    new.undo_began_at := coalesce(new.undo_began_at, now());
  end if;
  return new;
end $$;

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
alter table provisioning_jobs drop column if exists undo_began_at;
