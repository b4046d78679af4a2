-- Up Migration

-- Law 7: once an onboarding is being undone, nothing of it goes live, takes a slot or claims a name any more. Its status can't say that:
-- it is `parked` too while an undo waits for an operator, and a late report may write `running`. So the moment is kept, for good.
alter table provisioning_jobs add column if not exists undo_began_at timestamptz;
update provisioning_jobs j set undo_began_at = updated_at
where activated_at is null and undo_began_at is null and (status = 'compensating' or (status in ('running', 'waiting', 'parked') and exists (
  select from provisioning_job_steps s
  where s.job_id = j.id and s.status in ('compensating', 'compensated', 'compensation_failed'))));

create or replace function note_undo() returns trigger language plpgsql as $$
begin
  if new.status = 'compensating' then
    new.undo_began_at := coalesce(new.undo_began_at, now());
  end if;
  return new;
end $$;
create or replace trigger note_undo before insert or update on provisioning_jobs for each row execute function note_undo();

-- Down Migration

drop trigger if exists note_undo on provisioning_jobs;
drop function if exists note_undo();
alter table provisioning_jobs drop column if exists undo_began_at;
