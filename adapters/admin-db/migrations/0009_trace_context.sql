-- Up Migration

-- The trace that an outbox row belongs to, as W3C `traceparent`: random ids, nobody's data. The relay goes on with it.
alter table outbox add column if not exists trace_context text;
alter table outbox drop constraint if exists outbox_trace_context_form;
alter table outbox add constraint outbox_trace_context_form check (trace_context ~ '^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$');

-- What every scrape of the metrics asks for: runs that ended of late, and steps that failed.
create index if not exists provisioning_jobs_ended on provisioning_jobs (completed_at) where completed_at is not null;
create index if not exists provisioning_job_steps_failing on provisioning_job_steps (job_id)
  where status in ('failed', 'compensation_failed');

-- Down Migration

drop index if exists provisioning_job_steps_failing;
drop index if exists provisioning_jobs_ended;
alter table outbox drop constraint if exists outbox_trace_context_form;
alter table outbox drop column if exists trace_context;
