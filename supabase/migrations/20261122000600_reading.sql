-- What Alta reads from a cluster: one store as a whole, and the shape of the schema.

-- {account_id} -> null, or {client (without credentials), mp_fingerprint, users, counts}
create function public.alta_read_store(payload text) returns jsonb
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
      'orders', (select count(*) from public.orders r where r.client_id = c.id)))
  from public.clients c where c.nv_account_id = (payload::jsonb ->> 'account_id')::uuid;
$$;

-- {} -> {columns: ["table.column"], not_null: [...], uniques: ["table(column,column)"], leaks: [...]} of schema public (P-523).
-- `leaks` names credentials that a visitor or a merchant could read (P-038).
create function public.alta_schema_report(payload text) returns jsonb
language sql stable set search_path = '' as $$
  with col as (
    select c.oid, c.relname as tab, a.attname as name, a.attnotnull as needed
    from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind in ('r', 'p')
  ), uni as (
    select c.relname as tab, string_agg(a.attname, ',' order by a.attname) as names
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indrelid
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey)
    where i.indisunique and i.indisvalid
    group by i.indexrelid, c.relname
  )
  select jsonb_build_object(
    'columns', (select coalesce(jsonb_agg(tab || '.' || name), '[]'::jsonb) from col),
    'not_null', (select coalesce(jsonb_agg(tab || '.' || name), '[]'::jsonb) from col where needed),
    'uniques', (select coalesce(jsonb_agg(distinct tab || '(' || names || ')'), '[]'::jsonb) from uni),
    'leaks', (select coalesce(jsonb_agg(r.role || ' reads ' || col.tab || '.' || col.name), '[]'::jsonb)
      from col, (values ('anon'), ('authenticated')) as r (role)
      where col.tab in ('clients', 'sync_images') and col.name in ('mp_access_token', 'mp_public_key', 'image')
        and pg_catalog.has_column_privilege(r.role, col.oid, col.name, 'select')));
$$;
