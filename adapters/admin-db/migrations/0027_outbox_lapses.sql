-- Up Migration

-- P-226: how many leases of a row ran out one after another, with no word of what became of its delivery: what says that the row itself
-- may be what ends its relays. Every mark begins anew.
alter table outbox add column if not exists lapses integer not null default 0;
alter table outbox drop constraint if exists outbox_lapses_check;
alter table outbox add constraint outbox_lapses_check check (lapses >= 0);

-- What waits and what was claimed are looked for apart. `target` is in the index so that the rows of a paused target are passed over
-- without being read.
drop index if exists outbox_due;
create index if not exists outbox_waiting on outbox (due_at, created_at, target) where status = 'pending';
create index if not exists outbox_leased on outbox (due_at, created_at, target) where status = 'processing';

-- Down Migration

drop index if exists outbox_leased, outbox_waiting;
create index if not exists outbox_due on outbox (due_at, created_at) where status in ('pending', 'processing');
alter table outbox drop column if exists lapses;
