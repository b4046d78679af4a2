-- Up Migration

-- P-234: a target that an operator paused is delivered to by nobody until it is resumed; its rows wait and none is lost.
create table if not exists outbox_pauses (
  target text primary key check (target in ('onboarding', 'account', 'refund', 'credentials', 'shop')),
  paused_by text not null,
  reason text not null,
  paused_at timestamptz not null default now()
);

-- Down Migration

drop table if exists outbox_pauses;
