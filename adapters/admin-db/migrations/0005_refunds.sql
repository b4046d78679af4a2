-- Up Migration

-- What became of money whose store was not made, or that was paid once too often: one row an intent to give it back.
-- `id` is the idempotency key that Mercado Pago gets: it stands here before the first call and never changes.
--   asked      an operator has to decide             wanted        decided; about to be sent, perhaps already sent (`tries`)
--   in_process Mercado Pago has it, no end yet       approved      the money is back
--   rejected   Mercado Pago refused it; a new row asks again     kept   an operator keeps the money
--   superseded the onboarding was started again      not_needed    the money had gone back already, or was charged back
create table if not exists refunds (
  id uuid primary key default gen_random_uuid(),
  -- The fact that asked: the same fact asks once, however often it is told.
  ask_key text not null unique,
  payment_id text not null references payments (payment_id),
  account_id uuid references nv_accounts (id),
  -- The run that failed; null when an operator asked.
  job_id uuid references provisioning_jobs (id),
  -- The rejected intent that this one follows.
  follows uuid references refunds (id),
  status text not null default 'asked',
  -- What is left of the payment to give back; fixed by the first try.
  amount numeric(18, 6) not null check (amount > 0),
  currency text not null check (currency ~ '^[A-Z]{3}$'),
  tries integer not null default 0 check (tries >= 0),
  mp_refund_id text check (mp_refund_id ~ '^[0-9]{1,20}$'),
  asked_by text not null,
  ask_reason text not null,
  decided_by text,
  decision_reason text,
  decided_at timestamptz,
  error_code text,
  error_message text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz,
  constraint refunds_status_known check (status in (
    'asked', 'wanted', 'in_process', 'approved', 'rejected', 'kept', 'superseded', 'not_needed')),
  constraint refunds_decided check (status = 'asked' or (decided_by is not null and decision_reason is not null and decided_at is not null)),
  constraint refunds_ended check ((status in ('asked', 'wanted', 'in_process')) = (ended_at is null))
);
-- Never two live intents for one payment.
create unique index if not exists refunds_one_open on refunds (payment_id) where status in ('asked', 'wanted', 'in_process');
create unique index if not exists refunds_mp_refund on refunds (mp_refund_id) where mp_refund_id is not null;
create index if not exists refunds_payment on refunds (payment_id, created_at desc);
create index if not exists refunds_newest on refunds (created_at desc);

-- An intent that has ended stays as it ended, and one that may have been sent keeps its sum: its key must always mean the same.
create or replace function guard_refund() returns trigger language plpgsql as $$
begin
  if old.ended_at is not null and new.status <> old.status then
    raise exception 'refund % has ended as %: it cannot become %', old.id, old.status, new.status using errcode = 'ALT02';
  end if;
  if new.id <> old.id or new.payment_id <> old.payment_id or (old.tries > 0 and new.amount <> old.amount) then
    raise exception 'refund % may have been sent: its key, payment and sum stay', old.id using errcode = 'ALT02';
  end if;
  new.updated_at := now();
  return new;
end $$;
create or replace trigger guard_refund before update on refunds for each row execute function guard_refund();

alter table outbox drop constraint if exists outbox_target_check;
alter table outbox add constraint outbox_target_check check (target in ('onboarding', 'account', 'refund'));

revoke all on refunds from public;
grant select, insert, update on refunds to service_role;

-- Down Migration

alter table outbox drop constraint if exists outbox_target_check;
delete from outbox where target = 'refund';
alter table outbox add constraint outbox_target_check check (target in ('onboarding', 'account'));
drop table if exists refunds;
drop function if exists guard_refund();
