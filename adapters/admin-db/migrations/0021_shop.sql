-- Up Migration

-- The stand-in for the shop runtime acts as a role of its own: it alone, beside the worker, opens what a store sells with.
do $$
begin
  begin
    if to_regrole('alta_storefront') is null then create role alta_storefront nologin; end if;
  exception when duplicate_object or unique_violation then null;
  end;
  if not pg_has_role(session_user, 'alta_storefront', 'member') then execute format('grant alta_storefront to %I', session_user); end if;
end $$;

alter table outbox drop constraint if exists outbox_target_check;
alter table outbox add constraint outbox_target_check check (target in ('onboarding', 'account', 'refund', 'credentials', 'shop'));

-- Down Migration

alter table outbox drop constraint if exists outbox_target_check;
delete from outbox where target = 'shop';
alter table outbox add constraint outbox_target_check check (target in ('onboarding', 'account', 'refund', 'credentials'));
