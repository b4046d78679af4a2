-- Seeds, catalogue and asset ledger of a store: writing and undoing. See 20261122000300_client.sql for the form.

-- {account_id, client_id, job_id, version, seed_version, bundle: {pages, settings, shipping, palettes}}
-- -> {outcome: written | tombstoned | absent, added, pages, settings, shipping, palettes}
-- Adds what is missing and leaves what is there (P-131). The counts say how many items of the bundle the store has at the end,
-- under the item's key or where a row of the merchant's own stands in its place.
create function public.alta_seed_content(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  b jsonb := p -> 'bundle';
  account uuid := (p ->> 'account_id')::uuid;
  client uuid := (p ->> 'client_id')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  seeds int := (p ->> 'seed_version')::int;
  added int := 0;
  n int;
begin
  if public.alta_refused(account, 'content', stamp, (p ->> 'version')::bigint) then
    return jsonb_build_object('outcome', 'tombstoned');
  elsif not exists (select 1 from public.clients where id = client and nv_account_id = account and deleted_at is null) then
    return jsonb_build_object('outcome', 'absent');
  end if;

  insert into public.pages (client_id, seed_key, slug, title, body, position, seed_version, onboarding_id)
  select client, i.seed_key, i.slug, i.title, i.body, i.position, seeds, stamp
  from jsonb_to_recordset(b -> 'pages') as i (seed_key text, slug text, title text, body text, position int)
  on conflict do nothing;
  get diagnostics n = row_count;
  added := added + n;

  insert into public.store_settings (client_id, seed_key, key, value, seed_version, onboarding_id)
  select client, i.seed_key, i.key, i.value, seeds, stamp
  from jsonb_to_recordset(b -> 'settings') as i (seed_key text, key text, value jsonb)
  on conflict do nothing;
  get diagnostics n = row_count;
  added := added + n;

  insert into public.shipping_methods (client_id, seed_key, name, price, currency, days_min, days_max, seed_version, onboarding_id)
  select client, i.seed_key, i.name, i.price, i.currency, i.days_min, i.days_max, seeds, stamp
  from jsonb_to_recordset(b -> 'shipping') as i (seed_key text, name text, price numeric, currency text, days_min int, days_max int)
  on conflict do nothing;
  get diagnostics n = row_count;
  added := added + n;

  insert into public.palettes (client_id, seed_key, name, colors, is_default, seed_version, onboarding_id)
  select client, i.seed_key, i.name, i.colors,
    i.is_default and not exists (select 1 from public.palettes d where d.client_id = client and d.is_default), seeds, stamp
  from jsonb_to_recordset(b -> 'palettes') as i (seed_key text, name text, colors jsonb, is_default boolean)
  on conflict do nothing;
  get diagnostics n = row_count;
  added := added + n;

  insert into public.client_home_settings (client_id, settings, seed_version, onboarding_id)
  select client, coalesce(jsonb_object_agg(i.key, i.value), '{}'::jsonb), seeds, stamp
  from jsonb_to_recordset(b -> 'settings') as i (key text, value jsonb)
  on conflict do nothing;

  return jsonb_build_object('outcome', 'written', 'added', added,
    'pages', (select count(*) from jsonb_to_recordset(b -> 'pages') as i (seed_key text, slug text)
      where exists (select 1 from public.pages r where r.client_id = client and (r.seed_key = i.seed_key or r.slug = i.slug))),
    'settings', (select count(*) from jsonb_to_recordset(b -> 'settings') as i (seed_key text, key text)
      where exists (select 1 from public.store_settings r where r.client_id = client and (r.seed_key = i.seed_key or r.key = i.key))),
    'shipping', (select count(*) from jsonb_to_recordset(b -> 'shipping') as i (seed_key text)
      where exists (select 1 from public.shipping_methods r where r.client_id = client and r.seed_key = i.seed_key)),
    'palettes', (select count(*) from jsonb_to_recordset(b -> 'palettes') as i (seed_key text)
      where exists (select 1 from public.palettes r where r.client_id = client and r.seed_key = i.seed_key)));
end;
$$;

-- {account_id, job_id, version} -> {outcome: deleted, removed}
create function public.alta_undo_content(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  client uuid := public.alta_client_of((p ->> 'account_id')::uuid);
  stamp uuid := (p ->> 'job_id')::uuid;
  removed int := 0;
  n int;
  kind text;
begin
  perform public.alta_bury((p ->> 'account_id')::uuid, 'content', stamp, (p ->> 'version')::bigint);
  foreach kind in array array['pages', 'store_settings', 'shipping_methods', 'palettes', 'client_home_settings'] loop
    execute format('delete from public.%I where client_id = $1 and onboarding_id = $2', kind) using client, stamp;
    get diagnostics n = row_count;
    removed := removed + n;
  end loop;
  return jsonb_build_object('outcome', 'deleted', 'removed', removed);
end;
$$;

-- {account_id, client_id, job_id, version, assets: [{path, kind, content_type, bytes, sha256}], products: [{sku, name, price, stock}]}
-- -> {outcome: written | tombstoned | absent, added, products}
create function public.alta_put_assets(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  account uuid := (p ->> 'account_id')::uuid;
  client uuid := (p ->> 'client_id')::uuid;
  stamp uuid := (p ->> 'job_id')::uuid;
  added int;
begin
  if public.alta_refused(account, 'assets', stamp, (p ->> 'version')::bigint) then
    return jsonb_build_object('outcome', 'tombstoned');
  elsif not exists (select 1 from public.clients where id = client and nv_account_id = account and deleted_at is null) then
    return jsonb_build_object('outcome', 'absent');
  end if;
  insert into public.store_assets (client_id, path, kind, content_type, bytes, sha256, onboarding_id)
  select client, a.path, a.kind, a.content_type, a.bytes, a.sha256, stamp
  from jsonb_to_recordset(p -> 'assets') as a (path text, kind text, content_type text, bytes int, sha256 text)
  on conflict do nothing;
  insert into public.products (client_id, sku, name, price, stock, onboarding_id)
  select client, i.sku, i.name, i.price, i.stock, stamp
  from jsonb_to_recordset(p -> 'products') as i (sku text, name text, price numeric, stock int)
  on conflict do nothing;
  get diagnostics added = row_count;
  return jsonb_build_object('outcome', 'written', 'added', added,
    'products', (select count(*) from jsonb_to_recordset(p -> 'products') as i (sku text)
      where exists (select 1 from public.products r where r.client_id = client and r.sku = i.sku)));
end;
$$;

-- {account_id, job_id, version} -> {outcome: deleted, removed, paths: the objects that this onboarding put}
-- The ledger rows stay until alta_forget_assets, so that an undo that was cut off still knows its objects.
create function public.alta_undo_assets(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  client uuid := public.alta_client_of((p ->> 'account_id')::uuid);
  stamp uuid := (p ->> 'job_id')::uuid;
  removed int;
begin
  perform public.alta_bury((p ->> 'account_id')::uuid, 'assets', stamp, (p ->> 'version')::bigint);
  delete from public.products r
  where r.client_id = client and r.onboarding_id = stamp and not exists (select 1 from public.cart_items c where c.product_id = r.id);
  get diagnostics removed = row_count;
  return jsonb_build_object('outcome', 'deleted', 'removed', removed,
    'paths', (select coalesce(jsonb_agg(a.path order by a.path), '[]'::jsonb) from public.store_assets a where a.client_id = client and a.onboarding_id = stamp));
end;
$$;

-- {account_id, job_id} -> {outcome: deleted}
create function public.alta_forget_assets(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
begin
  delete from public.store_assets where client_id = public.alta_client_of((p ->> 'account_id')::uuid) and onboarding_id = (p ->> 'job_id')::uuid;
  return jsonb_build_object('outcome', 'deleted');
end;
$$;
