-- Writing, undoing and publishing a `clients` row. Every function takes one text argument that holds JSON, works in one
-- transaction, answers what is stored afterwards, and may be repeated.

-- A client row without what nobody may carry around.
create function public.alta_public_row(c public.clients) returns jsonb
language sql immutable set search_path = '' as $$
  select to_jsonb(c) - 'mp_access_token' - 'mp_public_key';
$$;

-- {job_id (null outside an onboarding), client_id, version, may_close, row: the contractual columns}
-- -> {outcome: written | same | stale | tombstoned, created, row}
-- The column list comes from `row`, so that the contract in the code is the only one; a column that is missing here is an error.
-- Unless `may_close`, a store that is published stays open (P-125).
create function public.alta_upsert_client(payload text) returns jsonb
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
    if was.deleted_at is not null then
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

-- {account_id, job_id, version} -> {outcome: deleted | marked | restored | kept | absent | published}
-- Deletes a row that this onboarding made; marks it where something refers to it (P-157); gives back what it overwrote (P-151).
-- A published store is past the pivot and is left alone.
create function public.alta_undo_client(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  now_row public.clients;
  before jsonb;
  names text;
begin
  perform pg_advisory_xact_lock(hashtextextended(account::text || '/client', 0));
  select * into now_row from public.clients where nv_account_id = account for update;
  if now_row.onboarding_id = stamp and now_row.publication_status = 'published' then
    return jsonb_build_object('outcome', 'published');
  end if;
  perform public.alta_bury(account, 'client', stamp, (p ->> 'version')::bigint);
  before := public.alta_take_image(account, 'client', stamp);
  if now_row.id is null then
    return jsonb_build_object('outcome', 'absent');
  elsif now_row.onboarding_id = stamp then
    begin
      delete from public.clients where id = now_row.id;
      return jsonb_build_object('outcome', 'deleted');
    exception when foreign_key_violation then
      update public.clients set is_active = false, deleted_at = coalesce(deleted_at, now()), updated_at = now() where id = now_row.id;
      return jsonb_build_object('outcome', 'marked');
    end;
  elsif now_row.sync_stamp = stamp and before is not null then
    -- Other aspects have fences and undos of their own.
    before := before - 'id' - 'entitlements' - 'entitlements_version' - 'entitlements_stamp'
      - 'mp_credentials_version' - 'mp_credentials_stamp' - 'publication_status' - 'published_at';
    select string_agg(format('%I', key), ', ') into names from jsonb_object_keys(before) as key;
    execute format('update public.clients set (%1$s) = (select %1$s from jsonb_populate_record(null::public.clients, $1)) where id = $2', names)
      using before, now_row.id;
    return jsonb_build_object('outcome', 'restored');
  end if;
  return jsonb_build_object('outcome', 'kept');
end;
$$;

-- {account_id, version} -> {outcome: written | same | stale | absent, is_active, publication_status}
-- Opens the store; never closes one. A row written from a later version (a suspension, say) is left as it is.
create function public.alta_publish_client(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  was public.clients;
  outcome text := 'written';
begin
  perform pg_advisory_xact_lock(hashtextextended(account::text || '/client', 0));
  select * into was from public.clients where nv_account_id = account and deleted_at is null for update;
  if was.id is null then
    return jsonb_build_object('outcome', 'absent');
  elsif was.sync_version > (p ->> 'version')::bigint then
    outcome := 'stale';
  elsif was.is_active and was.publication_status = 'published' then
    outcome := 'same';
  else
    update public.clients
    set is_active = true, publication_status = 'published', published_at = coalesce(published_at, now()), updated_at = now()
    where id = was.id returning * into was;
  end if;
  delete from public.sync_images where nv_account_id = account;
  return jsonb_build_object('outcome', outcome, 'is_active', was.is_active, 'publication_status', was.publication_status);
end;
$$;
