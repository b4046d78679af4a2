-- The life of a store after its onboarding: soft deletion and return, settings. See 20261122000300_client.sql for the form.

-- As before, but what comes back without an onboarding (a restored account) comes back as it was: its onboarding and whether it is
-- published stay.
create or replace function public.alta_upsert_client(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  fields jsonb := p -> 'row';
  account uuid := (p #>> '{row,nv_account_id}')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  v bigint := (p ->> 'version')::bigint;
  was public.clients;
  made public.clients;
  names text;
  outcome text;
begin
  if public.alta_refused(account, 'client', stamp, v) then
    return jsonb_build_object('outcome', 'tombstoned');
  end if;
  select * into was from public.clients where nv_account_id = account for update;
  if was.id is not null and was.sync_version >= v then
    outcome := case when was.sync_version = v then 'same' else 'stale' end;
    return jsonb_build_object('outcome', outcome, 'created', was.onboarding_id is not distinct from stamp, 'row', public.alta_public_row(was));
  end if;

  fields := fields || jsonb_build_object('sync_version', v, 'sync_stamp', stamp, 'updated_at', now());
  if was.id is null then
    fields := fields || jsonb_build_object('id', p ->> 'client_id', 'onboarding_id', stamp);
    select string_agg(format('%I', key), ', ') into names from jsonb_object_keys(fields) as key;
    execute format('insert into public.clients (%1$s) select %1$s from jsonb_populate_record(null::public.clients, $1) returning *', names)
      into made using fields;
  else
    if was.deleted_at is not null and stamp is null then
      fields := fields || jsonb_build_object('deleted_at', null);
    elsif was.deleted_at is not null then
      -- A marked store comes back to life as this onboarding's own.
      fields := fields || jsonb_build_object('deleted_at', null, 'onboarding_id', stamp, 'publication_status', 'draft');
    elsif was.onboarding_id is distinct from stamp then
      perform public.alta_keep_image(account, 'client', stamp, public.alta_public_row(was));
    end if;
    if was.deleted_at is null and was.publication_status = 'published' and not coalesce((p ->> 'may_close')::boolean, false) then
      fields := fields - 'is_active';
    end if;
    select string_agg(format('%I', key), ', ') into names from jsonb_object_keys(fields) as key;
    execute format('update public.clients set (%1$s) = (select %1$s from jsonb_populate_record(null::public.clients, $1)) where id = $2 returning *', names)
      into made using fields, was.id;
  end if;
  return jsonb_build_object('outcome', 'written', 'created', made.onboarding_id is not distinct from stamp, 'row', public.alta_public_row(made));
end;
$$;

-- {account_id, version} -> {outcome: written | same | stale | absent, is_active, deleted_at}
-- Closes a store for good (P-307): the row and everything in it stay, its credentials go. Every aspect gets a tombstone at this
-- version, so that a write of the account's that is still under way finds the store shut. A row of a later version stays as it is.
create function public.alta_delete_client(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  v bigint := (p ->> 'version')::bigint;
  c public.clients;
  outcome text := 'written';
  what text;
begin
  perform pg_advisory_xact_lock(hashtextextended(account::text || '/client', 0));
  select * into c from public.clients where nv_account_id = account for update;
  if c.sync_version > v then
    outcome := 'stale';
  elsif c.sync_version = v and c.deleted_at is not null then
    outcome := 'same';
  else
    -- No onboarding buries here: the account's own id stands in its place.
    foreach what in array array['client', 'entitlements', 'mp_credentials', 'settings', 'content', 'assets', 'admin_user'] loop
      perform public.alta_bury(account, what, account, v);
    end loop;
    update public.clients
    set is_active = false, deleted_at = coalesce(deleted_at, now()), mp_access_token = null, mp_public_key = null,
        sync_version = v, sync_stamp = null, mp_credentials_version = greatest(mp_credentials_version, v), mp_credentials_stamp = null,
        updated_at = now()
    where id = c.id returning * into c;
    if c.id is null then
      outcome := 'absent';
    end if;
  end if;
  return jsonb_build_object('outcome', outcome, 'is_active', c.is_active, 'deleted_at', c.deleted_at,
    'fingerprint', public.alta_mp_fingerprint(c));
end;
$$;

-- {account_id, client_id, version, settings} -> {outcome: written | same | stale | tombstoned | absent, settings}
-- Sets the keys that are named and takes off those that are null; what the store holds besides is its merchant's and stays.
create function public.alta_set_settings(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  client uuid := (p ->> 'client_id')::uuid;
  v bigint := (p ->> 'version')::bigint;
  named jsonb := p -> 'settings';
  gone text[] := coalesce((select array_agg(key) from jsonb_each(named) where value = 'null'::jsonb), '{}');
  h public.client_home_settings;
  outcome text := 'written';
begin
  if public.alta_refused(account, 'settings', null, v) then
    return jsonb_build_object('outcome', 'tombstoned');
  elsif not exists (select 1 from public.clients where id = client and nv_account_id = account and deleted_at is null) then
    return jsonb_build_object('outcome', 'absent');
  end if;
  select * into h from public.client_home_settings where client_id = client for update;
  if h.sync_version >= v then
    outcome := case when h.sync_version = v then 'same' else 'stale' end;
  else
    insert into public.client_home_settings as s (client_id, settings, sync_version) values (client, named - gone, v)
    on conflict (client_id) do update set settings = (s.settings || named) - gone, sync_version = v, updated_at = now()
    returning * into h;
  end if;
  return jsonb_build_object('outcome', outcome, 'settings', h.settings);
end;
$$;

-- {account_id} -> null, or {client (without credentials), mp_fingerprint, users, counts, home_settings}
create or replace function public.alta_read_store(payload text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object(
    'client', public.alta_public_row(c),
    'mp_fingerprint', public.alta_mp_fingerprint(c),
    'users', (select coalesce(jsonb_agg(jsonb_build_object('id', u.id, 'role', u.role, 'email', u.email) order by u.id), '[]'::jsonb)
      from public.users u where u.client_id = c.id),
    'counts', jsonb_build_object(
      'pages', (select count(*) from public.pages r where r.client_id = c.id),
      'settings', (select count(*) from public.store_settings r where r.client_id = c.id),
      'shipping', (select count(*) from public.shipping_methods r where r.client_id = c.id),
      'palettes', (select count(*) from public.palettes r where r.client_id = c.id),
      'home_settings', (select count(*) from public.client_home_settings r where r.client_id = c.id),
      'products', (select count(*) from public.products r where r.client_id = c.id),
      'assets', (select count(*) from public.store_assets r where r.client_id = c.id),
      'orders', (select count(*) from public.orders r where r.client_id = c.id)),
    'home_settings', (select r.settings from public.client_home_settings r where r.client_id = c.id))
  from public.clients c where c.nv_account_id = (payload::jsonb ->> 'account_id')::uuid;
$$;

do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'public' and p.proname in ('alta_delete_client', 'alta_set_settings')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end;
$$;

notify pgrst, 'reload schema';
