-- Credentials, entitlements and the owner of a store: writing and undoing. See 20261122000300_client.sql for the form.

-- Proof of the stored credentials that may be shown: SHA-256 of token, line feed, public key; null when none are stored.
create function public.alta_mp_fingerprint(c public.clients) returns text
language sql immutable set search_path = '' as $$
  select encode(sha256(convert_to(c.mp_access_token || chr(10) || coalesce(c.mp_public_key, ''), 'UTF8')), 'hex');
$$;

-- {account_id, job_id, version, access_token, public_key} -> {outcome: written | same | stale | tombstoned | absent, fingerprint}
create function public.alta_set_mp_credentials(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  v bigint := (p ->> 'version')::bigint;
  c public.clients;
  outcome text := 'written';
begin
  if public.alta_refused(account, 'mp_credentials', stamp, v) then
    return jsonb_build_object('outcome', 'tombstoned');
  end if;
  select * into c from public.clients where nv_account_id = account and deleted_at is null for update;
  if c.id is null then
    return jsonb_build_object('outcome', 'absent');
  elsif c.mp_credentials_version >= v then
    outcome := case when c.mp_credentials_version = v then 'same' else 'stale' end;
  else
    if c.mp_access_token is not null and c.mp_credentials_stamp is distinct from stamp then
      perform public.alta_keep_image(account, 'mp_credentials', stamp, jsonb_build_object(
        'token', c.mp_access_token, 'key', c.mp_public_key, 'version', c.mp_credentials_version, 'stamp', c.mp_credentials_stamp));
    end if;
    update public.clients
    set mp_access_token = p ->> 'access_token', mp_public_key = p ->> 'public_key',
        mp_credentials_version = v, mp_credentials_stamp = stamp, updated_at = now()
    where id = c.id;
  end if;
  select * into c from public.clients where id = c.id;
  return jsonb_build_object('outcome', outcome, 'fingerprint', public.alta_mp_fingerprint(c));
end;
$$;

-- {account_id, job_id, version} -> {outcome: deleted | restored | kept | absent}
create function public.alta_undo_mp_credentials(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  before jsonb;
begin
  perform public.alta_bury(account, 'mp_credentials', stamp, (p ->> 'version')::bigint);
  before := public.alta_take_image(account, 'mp_credentials', stamp);
  update public.clients
  set mp_access_token = before ->> 'token', mp_public_key = before ->> 'key',
      mp_credentials_version = coalesce((before ->> 'version')::bigint, 0), mp_credentials_stamp = (before ->> 'stamp')::uuid, updated_at = now()
  where nv_account_id = account and mp_credentials_stamp = stamp;
  if found then
    return jsonb_build_object('outcome', case when before is null then 'deleted' else 'restored' end);
  end if;
  return jsonb_build_object('outcome', case when exists (select 1 from public.clients where nv_account_id = account) then 'kept' else 'absent' end);
end;
$$;

-- {account_id, job_id, version, entitlements} -> {outcome: written | same | stale | tombstoned | absent, entitlements}
create function public.alta_set_entitlements(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  v bigint := (p ->> 'version')::bigint;
  c public.clients;
  outcome text := 'written';
begin
  if public.alta_refused(account, 'entitlements', stamp, v) then
    return jsonb_build_object('outcome', 'tombstoned');
  end if;
  select * into c from public.clients where nv_account_id = account and deleted_at is null for update;
  if c.id is null then
    return jsonb_build_object('outcome', 'absent');
  elsif c.entitlements_version >= v then
    outcome := case when c.entitlements_version = v then 'same' else 'stale' end;
  else
    if c.entitlements_version > 0 and c.entitlements_stamp is distinct from stamp then
      perform public.alta_keep_image(account, 'entitlements', stamp, jsonb_build_object(
        'entitlements', c.entitlements, 'version', c.entitlements_version, 'stamp', c.entitlements_stamp));
    end if;
    update public.clients
    set entitlements = p -> 'entitlements', entitlements_version = v, entitlements_stamp = stamp, updated_at = now()
    where id = c.id returning * into c;
  end if;
  return jsonb_build_object('outcome', outcome, 'entitlements', c.entitlements);
end;
$$;

-- {account_id, job_id, version} -> {outcome: deleted | restored | kept | absent}
create function public.alta_undo_entitlements(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  before jsonb;
begin
  perform public.alta_bury(account, 'entitlements', stamp, (p ->> 'version')::bigint);
  before := public.alta_take_image(account, 'entitlements', stamp);
  update public.clients
  set entitlements = coalesce(before -> 'entitlements', '{}'::jsonb),
      entitlements_version = coalesce((before ->> 'version')::bigint, 0), entitlements_stamp = (before ->> 'stamp')::uuid, updated_at = now()
  where nv_account_id = account and entitlements_stamp = stamp;
  if found then
    return jsonb_build_object('outcome', case when before is null then 'deleted' else 'restored' end);
  end if;
  return jsonb_build_object('outcome', case when exists (select 1 from public.clients where nv_account_id = account) then 'kept' else 'absent' end);
end;
$$;

-- {account_id, client_id, job_id, version, user_id, email} -> {outcome: written | tombstoned | absent, role, created}
create function public.alta_put_admin_user(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  client uuid := (p ->> 'client_id')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  u public.users;
begin
  if public.alta_refused(account, 'admin_user', stamp, (p ->> 'version')::bigint) then
    return jsonb_build_object('outcome', 'tombstoned');
  elsif not exists (select 1 from public.clients where id = client and nv_account_id = account and deleted_at is null) then
    return jsonb_build_object('outcome', 'absent');
  end if;
  insert into public.users (id, client_id, email, role, onboarding_id)
  values ((p ->> 'user_id')::uuid, client, p ->> 'email', 'admin', stamp)
  on conflict on constraint users_pkey do update set role = 'admin', email = excluded.email, updated_at = now()
  returning * into u;
  return jsonb_build_object('outcome', 'written', 'role', u.role, 'created', u.onboarding_id is not distinct from stamp);
end;
$$;

-- {account_id, job_id, version, user_id} -> {outcome: deleted | kept, elsewhere}
-- `elsewhere`: the auth user still serves a store, so it must stay (P-155).
create function public.alta_undo_admin_user(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  who uuid := (p ->> 'user_id')::uuid;
  gone int;
begin
  perform public.alta_bury((p ->> 'account_id')::uuid, 'admin_user', (p ->> 'job_id')::uuid, (p ->> 'version')::bigint);
  delete from public.users where client_id = public.alta_client_of((p ->> 'account_id')::uuid) and onboarding_id = (p ->> 'job_id')::uuid;
  get diagnostics gone = row_count;
  return jsonb_build_object('outcome', case when gone > 0 then 'deleted' else 'kept' end,
    'elsewhere', exists (select 1 from public.users where id = who));
end;
$$;
