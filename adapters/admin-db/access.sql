-- Who may do what in the Admin DB. Applied after every migration, whole, in one transaction; it may be run again at any time and leaves
-- the same rights each time. A table or function that is not named here is nobody's: the schema test finds it.

-- The schema belongs to alta_migrator; nobody else may do anything that is not granted below.
do $$
declare
  t text;
  f regprocedure;
  r text;
  p record;
  tables constant text[] := array['schema_migrations', 'plans', 'addons', 'backend_clusters', 'nv_accounts', 'nv_onboarding',
    'onboarding_assets', 'account_addons', 'subscriptions', 'slug_reservations', 'provisioning_jobs', 'provisioning_job_steps',
    'placements', 'lifecycle_events', 'operator_actions', 'payments', 'webhook_inbox', 'outbox', 'refunds', 'upkeep_marks',
    'account_settings', 'entitlement_overrides', 'account_suspensions', 'account_commands', 'mp_connections', 'mp_authorizations',
    'outbox_pauses', 'owner_notices', 'due_reminders', 'store_archives'];
  functions constant text[] := array['refuse_change', 'set_backend_cluster_credentials', 'list_backend_clusters', 'account_version',
    'account_touched', 'guard_job', 'note_undo', 'purge_outbox', 'guard_refund'];
begin
  foreach t in array tables loop
    if (select relowner::regrole::text from pg_class where oid = t::regclass) <> 'alta_migrator' then
      execute format('alter table %I owner to alta_migrator', t);
    end if;
  end loop;
  for f in select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace and proname = any (functions) loop
    if (select proowner::regrole::text from pg_proc where oid = f) <> 'alta_migrator' then
      execute format('alter function %s owner to alta_migrator', f);
    end if;
  end loop;
  foreach r in array array['public', 'anon', 'authenticated', 'alta_intake', 'alta_relay', 'alta_worker', 'alta_operator', 'alta_keeper', 'alta_storefront'] loop
    continue when r <> 'public' and to_regrole(r) is null;
    -- Supabase gives its visitors rights on every new table and function.
    execute format('revoke all on %s from %s', array_to_string(tables, ', '), r);
    for f in select oid::regprocedure from pg_proc where pronamespace = 'public'::regnamespace and proname = any (functions) loop
      execute format('revoke all on function %s from %s', f, r);
    end loop;
  end loop;
  for p in select polname, polrelid::regclass as tab from pg_policy where polrelid::regclass::text = any (tables) loop
    execute format('drop policy %I on %s', p.polname, p.tab);
  end loop;
end $$;

grant usage on schema public to alta_intake, alta_relay, alta_worker, alta_operator, alta_keeper, alta_storefront, service_role;
grant select on schema_migrations to alta_intake, alta_relay, alta_worker, alta_operator, alta_keeper;

-- The catalogue
grant select on plans, addons to alta_intake, alta_worker, alta_operator;

-- Clusters. Only the worker reads the sealed keys; operators enter them by function and never get them back.
grant select (cluster_id, display_name, supabase_url, publishable_key, weight, is_active, status, max_tenants, tenant_count, last_error,
  last_cloned_from, last_cloned_at, revision, created_at, updated_at) on backend_clusters to alta_intake, alta_relay, alta_operator;
grant select on backend_clusters to alta_worker;
grant update (tenant_count, status, last_error, updated_at) on backend_clusters to alta_worker;
grant update (weight, is_active, status, max_tenants, last_error, updated_at) on backend_clusters to alta_operator;
grant select (cluster_id, service_role_key, db_url_encrypted), update (service_role_key, db_url_encrypted) on backend_clusters to alta_keeper;
grant execute on function list_backend_clusters(text) to alta_worker, alta_storefront, service_role;
grant execute on function set_backend_cluster_credentials(text, text, text, text, text, text) to alta_operator, service_role;

-- Accounts. The API writes drafts and reads what a visitor may know; only the worker reads the merchants' sealed tokens.
grant select (id, version, slug, status, business_name, custom_domain, backend_cluster_id) on nv_accounts to alta_intake;
grant insert (id, order_amount, order_currency, slug, email, business_name, plan_key, country, phone, phone_full, billing_email, custom_domain,
    persona_type, legal_name, fiscal_id, fiscal_id_type, fiscal_category, fiscal_address, subdivision_code),
  update (order_amount, order_currency, slug, email, business_name, plan_key, country, phone, phone_full, billing_email, custom_domain,
    persona_type, legal_name, fiscal_id, fiscal_id_type, fiscal_category, fiscal_address, subdivision_code) on nv_accounts to alta_intake;
grant select (id, version, slug, status, business_name, order_amount, order_currency) on nv_accounts to alta_relay;
grant select on nv_accounts to alta_worker;
grant update (status, backend_cluster_id, mp_connected, mp_access_token_encrypted, mp_refresh_token_encrypted, mp_public_key, mp_user_id,
  mp_token_expires_at, updated_at) on nv_accounts to alta_worker;
grant select (id, version, slug, email, business_name, status, plan_key, country, custom_domain, backend_cluster_id, mp_connected,
  mp_token_expires_at, order_amount, order_currency, created_at, updated_at) on nv_accounts to alta_operator;
grant select (id, mp_access_token_encrypted, mp_refresh_token_encrypted), update (mp_access_token_encrypted, mp_refresh_token_encrypted)
  on nv_accounts to alta_keeper;

-- What the builder collected, and what was ordered
grant select, insert, update on nv_onboarding, subscriptions to alta_intake;
grant select, insert, update, delete on onboarding_assets, account_addons to alta_intake;
grant select on nv_onboarding, onboarding_assets, account_addons, subscriptions to alta_worker;
grant update (status, updated_at) on subscriptions to alta_worker;
grant select on account_addons, subscriptions to alta_operator;
-- The life of a store: the worker does what a command says. Settings may hold an address, which operators do not read.
grant select, insert, update on account_settings, entitlement_overrides to alta_worker;
grant insert, update on account_addons to alta_worker;
grant select on entitlement_overrides to alta_operator;
grant select, insert, delete on account_suspensions to alta_worker;
grant select, insert on account_commands to alta_worker;
grant select on account_suspensions, account_commands to alta_operator;
-- Append-only for everybody.
grant select, insert on store_archives to alta_worker;
grant select on store_archives to alta_operator;
grant update (slug, email, business_name, plan_key, country, phone, phone_full, billing_email, custom_domain, persona_type, legal_name,
  fiscal_id, fiscal_id_type, fiscal_category, fiscal_address, subdivision_code, open_status, deleted_at, held_since, version)
  on nv_accounts to alta_worker;
grant select (open_status, deleted_at, held_since) on nv_accounts to alta_operator;
grant update (plan_key, billing_period, trial_ends_at, paid_until) on subscriptions to alta_worker;
grant select, insert on due_reminders to alta_worker;
grant select on due_reminders to alta_operator;
grant select, insert, update on slug_reservations to alta_intake, alta_worker;
grant select, update (expires_at) on slug_reservations to alta_relay;
grant select on slug_reservations to alta_operator;

-- The ledger. Relay and operators open jobs; only the worker tells how they go.
grant select on provisioning_jobs, provisioning_job_steps, placements, operator_actions to alta_relay, alta_worker, alta_operator;
grant insert (account_id, payment_id, workflow_id, attempt) on provisioning_jobs to alta_relay, alta_operator;
grant update on provisioning_jobs to alta_worker;
-- Operators give up a job whose run is gone.
grant update (status, error_code, error_message, parked_step, deadline, cluster_id, completed_at, updated_at) on provisioning_jobs to alta_operator;
grant insert, update on provisioning_job_steps, placements to alta_worker;
grant select on lifecycle_events to alta_worker, alta_operator;
-- Append-only for everybody.
grant insert on lifecycle_events, operator_actions to alta_worker, alta_operator;
grant select, insert on lifecycle_events to alta_keeper;

-- Payments and the money that goes back
grant select, insert, update on payments to alta_relay, alta_worker;
grant select on payments to alta_operator;
-- Locking a row asks for the right to change it: two operators who ask about one payment wait for each other.
grant update (updated_at) on payments to alta_operator;
grant select, insert, update on refunds to alta_relay, alta_worker, alta_operator;

-- Sellers' consents. Whoever asks for one can't finish it; the API seals the code that the seller brings, and only the worker opens it.
grant select, insert, update on mp_connections, mp_authorizations to alta_worker;
grant select on mp_connections to alta_relay, alta_operator;
grant insert (id, account_id, state_hash, verifier_encrypted, redirect_uri, requested_by, expires_at) on mp_authorizations
  to alta_intake, alta_operator;
grant select (id, account_id, state_hash, redirect_uri, status, error_code, requested_by, created_at, expires_at, answered_at, ended_at)
  on mp_authorizations to alta_intake, alta_operator;
grant update (status, code_encrypted, answered_at) on mp_authorizations to alta_intake;
grant select (id, verifier_encrypted, code_encrypted), update (verifier_encrypted, code_encrypted) on mp_authorizations to alta_keeper;

-- The stand-in for the shop runtime: it opens what open stores sell with, and may have it written to their clusters again.
grant select (id, version, slug, status, custom_domain, country, backend_cluster_id, mp_connected, mp_access_token_encrypted, mp_public_key)
  on nv_accounts to alta_storefront;
grant select on backend_clusters to alta_storefront;
grant select, insert on outbox to alta_storefront;

-- Inbox and outbox. The API takes in, the relay settles, the worker feeds what no webhook brought and purges.
grant select, insert, update on webhook_inbox to alta_intake, alta_worker;
grant select, update (status, result, payment_status, account_id, settled_at) on webhook_inbox to alta_relay;
grant select, update (status, result, payment_status, account_id, settled_at) on webhook_inbox to alta_operator;
grant select, insert, update on outbox to alta_intake, alta_relay;
grant select, insert, update, delete on outbox to alta_worker;
grant select, update on outbox to alta_operator;
grant insert on outbox to alta_operator;
grant select, insert, delete on owner_notices to alta_worker;
grant select on owner_notices to alta_operator;
grant select on outbox_pauses to alta_relay, alta_operator;
grant insert, delete on outbox_pauses to alta_operator;
grant execute on function purge_outbox(interval) to alta_worker, service_role;

grant select, insert, update on upkeep_marks to alta_worker;
grant select on upkeep_marks to alta_operator;

-- Which rows. Row security is forced on these four tables, so that nobody passes it but a superuser or BYPASSRLS: the owner neither.
-- Alta does not lean on service_role's BYPASSRLS, which a plain PostgreSQL does not give it.
do $$
declare
  t text;
begin
  foreach t in array array['webhook_inbox', 'outbox', 'nv_accounts', 'backend_clusters'] loop
    execute format('create policy owner_all on %I to alta_migrator, service_role using (true) with check (true)', t);
  end loop;
end $$;
create policy process_all on webhook_inbox to alta_intake, alta_relay, alta_worker using (true) with check (true);
create policy operator_reads on webhook_inbox for select to alta_operator using (true);
create policy operator_settles on webhook_inbox for update to alta_operator using (true) with check (status = 'ignored');
create policy process_all on outbox to alta_relay, alta_worker, alta_operator using (true) with check (true);
create policy keeps_unsent on outbox as restrictive for delete to alta_worker using (completed_at is not null);
create policy intake_orders_reads on outbox to alta_intake
  using (target = 'onboarding' and event_type = 'payment.notified') with check (target = 'onboarding' and event_type = 'payment.notified');
create policy intake_brings_consents on outbox to alta_intake
  using (target = 'credentials' and (event_type = 'seller.deauthorized' or payload ->> 'task' = 'connect'))
  with check (target = 'credentials' and (event_type = 'seller.deauthorized' or payload ->> 'task' = 'connect'));
create policy intake_orders_looks on outbox to alta_intake
  using (target = 'shop' and event_type = 'order.notified') with check (target = 'shop' and event_type = 'order.notified');
create policy storefront_asks on outbox to alta_storefront
  using (target = 'credentials' and payload ->> 'task' = 'resync') with check (target = 'credentials' and payload ->> 'task' = 'resync');
create policy storefront_reads on nv_accounts for select to alta_storefront using (status in ('provisioned', 'approved', 'live'));
create policy storefront_reads on backend_clusters for select to alta_storefront using (is_active);
create policy process_reads on nv_accounts for select to alta_intake, alta_relay, alta_worker, alta_operator, alta_keeper using (true);
create policy intake_opens_drafts on nv_accounts for insert to alta_intake with check (status = 'draft');
create policy intake_writes_drafts on nv_accounts for update to alta_intake using (status = 'draft') with check (status = 'draft');
create policy process_writes on nv_accounts for update to alta_worker, alta_keeper using (true) with check (true);
create policy process_reads on backend_clusters for select to alta_intake, alta_relay, alta_worker, alta_operator, alta_keeper using (true);
create policy process_writes on backend_clusters for update to alta_worker, alta_operator, alta_keeper using (true) with check (true);
