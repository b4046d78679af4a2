-- Up Migration

-- What was kept of a store before it was deleted: one row an archive that was read back and found whole. No deletion without one.
create table if not exists store_archives (
  id uuid primary key default gen_random_uuid(),
  account_id uuid not null references nv_accounts (id),
  -- The command that it was made for; the command itself is recorded later, and perhaps never.
  for_command uuid not null,
  -- Where its document lies, as `ALTA_ARCHIVES` writes places.
  location text not null unique,
  -- Of the document; the document holds those of the objects beside it.
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  -- Document and objects.
  bytes bigint not null check (bytes > 0),
  -- Rows by table, and the number of objects.
  counts jsonb not null,
  made_at timestamptz not null default now()
);
create index if not exists store_archives_account on store_archives (account_id, made_at desc);
create index if not exists store_archives_command on store_archives (for_command, made_at desc);
create or replace trigger append_only before update or delete on store_archives for each row execute function refuse_change();
create or replace trigger never_empty before truncate on store_archives for each statement execute function refuse_change();

-- Down Migration

drop table if exists store_archives;
