-- Up Migration

-- P-012: the story of every run, written by the worker; it is not a queue.
create table if not exists provisioning_jobs (
  id uuid primary key default gen_random_uuid(),
  job_type text not null default 'PROVISION_CLIENT_FROM_ONBOARDING',
  account_id uuid not null references nv_accounts (id),
  payment_id text,
  workflow_id text not null,
  run_id text,
  attempt integer not null check (attempt > 0),
  status text not null default 'queued',
  current_step text,
  parked_step text,
  deadline timestamptz,
  cluster_id text,
  client_id uuid,
  placement jsonb,
  error_code text,
  error_message text,
  created_at timestamptz not null default now(),
  started_at timestamptz,
  activated_at timestamptz,
  activated_version bigint,
  completed_at timestamptz,
  updated_at timestamptz not null default now(),
  constraint provisioning_jobs_type_known check (job_type in (
    'PROVISION_CLIENT_FROM_ONBOARDING', 'SEED_TEMPLATE', 'SYNC_ENTITLEMENTS', 'CLUSTER_CLONE_SCHEMA')),
  constraint provisioning_jobs_status_known check (status in (
    'queued', 'running', 'waiting', 'parked', 'compensating', 'completed', 'rejected', 'failed', 'compensated', 'abandoned')),
  unique (account_id, job_type, attempt)
);
create unique index if not exists provisioning_jobs_one_live on provisioning_jobs (account_id, job_type)
  where status in ('queued', 'running', 'waiting', 'parked', 'compensating');
create index if not exists provisioning_jobs_newest on provisioning_jobs (created_at desc);
create index if not exists provisioning_jobs_by_status on provisioning_jobs (status, created_at desc);

-- P-640: the old job type is refused in words; and a job that has ended stays as it ended.
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
create or replace trigger guard_job before insert or update on provisioning_jobs for each row execute function guard_job();

-- P-013: one row per step of a job.
create table if not exists provisioning_job_steps (
  job_id uuid not null references provisioning_jobs (id),
  step text not null,
  status text not null,
  attempt integer not null default 0,
  undo_attempt integer not null default 0,
  run_id text,
  activity_id text,
  local boolean not null default false,
  started_at timestamptz,
  finished_at timestamptz,
  undo_started_at timestamptz,
  undo_finished_at timestamptz,
  error_code text,
  error_message text,
  result jsonb,
  primary key (job_id, step),
  constraint provisioning_job_steps_status_known check (status in (
    'running', 'done', 'failed', 'skipped', 'compensating', 'compensated', 'compensation_failed'))
);

-- Slots on clusters. backend_clusters.tenant_count counts the live ones and changes in the same statement.
create table if not exists placements (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references nv_accounts (id),
  job_id uuid not null references provisioning_jobs (id),
  cluster_id text not null references backend_clusters (cluster_id),
  status text not null default 'reserved' check (status in ('reserved', 'confirmed', 'released', 'expired')),
  candidates jsonb not null default '[]',
  reserved_at timestamptz not null default now(),
  expires_at timestamptz not null,
  confirmed_at timestamptz,
  released_at timestamptz
);
create unique index if not exists placements_one_live on placements (account_id) where status in ('reserved', 'confirmed');
create index if not exists placements_due on placements (expires_at) where status = 'reserved';
create index if not exists placements_job on placements (job_id);

-- P-015: who changed what in the life of an account or a cluster.
create table if not exists lifecycle_events (
  id bigint generated always as identity primary key,
  account_id uuid references nv_accounts (id),
  cluster_id text,
  event_type text not null,
  from_value text,
  to_value text,
  actor text not null,
  reason text not null,
  created_at timestamptz not null default now(),
  constraint lifecycle_events_subject check (account_id is not null or cluster_id is not null)
);
create index if not exists lifecycle_events_account on lifecycle_events (account_id, id);

-- What operators decided, and why.
create table if not exists operator_actions (
  id bigint generated always as identity primary key,
  job_id uuid not null references provisioning_jobs (id),
  account_id uuid not null,
  step text,
  action text not null,
  actor text not null,
  reason text not null,
  created_at timestamptz not null default now()
);
create index if not exists operator_actions_job on operator_actions (job_id, id);

create or replace trigger append_only before update or delete on lifecycle_events for each row execute function refuse_change();
create or replace trigger append_only before update or delete on operator_actions for each row execute function refuse_change();
create or replace trigger never_empty before truncate on lifecycle_events for each statement execute function refuse_change();
create or replace trigger never_empty before truncate on operator_actions for each statement execute function refuse_change();

revoke all on lifecycle_events, operator_actions from public;
grant select, insert on lifecycle_events, operator_actions to service_role;
grant select, insert, update on provisioning_jobs, provisioning_job_steps, placements to service_role;

-- Down Migration

drop table if exists operator_actions, lifecycle_events, placements, provisioning_job_steps, provisioning_jobs;
drop function if exists guard_job();
