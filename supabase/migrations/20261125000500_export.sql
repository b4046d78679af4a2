-- A store as it is, for its archive (P-307): every row of every table that belongs to a tenant, without secrets.

-- Tables of `public`, and by which column a row of theirs belongs to a store; null for a table that belongs to none. It reads the catalogue,
-- so that a table which was added later is found, also by a role that may not read it: the export then stops instead of leaving it out.
create function public.alta_tenant_tables() returns table (name text, tenant text, keys text[], types text[])
language sql stable set search_path = '' as $$
  select c.relname::text,
    case when exists (select 1 from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = 'client_id' and not a.attisdropped) then 'client_id'
      when exists (select 1 from pg_catalog.pg_attribute a where a.attrelid = c.oid and a.attname = 'nv_account_id' and not a.attisdropped) then 'nv_account_id'
    end,
    (select array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum)) from pg_catalog.pg_index i
      join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[]) where i.indrelid = c.oid and i.indisprimary),
    (select array_agg(pg_catalog.format_type(a.atttypid, a.atttypmod) order by array_position(i.indkey::int2[], a.attnum)) from pg_catalog.pg_index i
      join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = any (i.indkey::int2[]) where i.indrelid = c.oid and i.indisprimary)
  from pg_catalog.pg_class c
  where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  order by c.relname;
$$;

-- Takes out, at any depth, what is a secret by its name. What is sealed stays out too: its key is not the archive's.
create function public.alta_without_secrets(doc jsonb) returns jsonb
language plpgsql immutable set search_path = '' as $$
begin
  if jsonb_typeof(doc) = 'object' then
    -- An image of credentials (sync_images) names them in two words.
    if doc ? 'token' then
      doc := doc - 'key';
    end if;
    return coalesce((select jsonb_object_agg(key, public.alta_without_secrets(value)) from jsonb_each(doc)
      where key !~* '(^|_)(token|secret|password|passwd|credential|sealed|encrypted)s?(_(key|id|hash|value))?$|(api|private|public|service)_?key'), '{}'::jsonb);
  elsif jsonb_typeof(doc) = 'array' then
    return coalesce((select jsonb_agg(public.alta_without_secrets(value) order by n) from jsonb_array_elements(doc) with ordinality as e (value, n)), '[]'::jsonb);
  end if;
  return doc;
end;
$$;

-- {} -> {tables: [name], unplaced: [name]}: those whose rows belong to a store, and the others.
create function public.alta_export_tables(payload text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('tables', coalesce(jsonb_agg(t.name order by t.name) filter (where t.tenant is not null), '[]'::jsonb),
    'unplaced', coalesce(jsonb_agg(t.name order by t.name) filter (where t.tenant is null), '[]'::jsonb))
  from public.alta_tenant_tables() t;
$$;

-- {account_id, client_id, table, after: [key values as text] | null, limit} -> {rows, next: [key values as text] | null}
-- One page in the order of the primary key, amounts as text; `next` goes into the next call, and is null after the last page.
create function public.alta_export_rows(payload text) returns jsonb
language plpgsql stable set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  t record;
  keys text;
  past text := 'true';
  amounts text;
  rows jsonb;
  last jsonb;
begin
  select * into t from public.alta_tenant_tables() x where x.name = p ->> 'table' and x.tenant is not null;
  if t.name is null then
    raise exception 'no table of stores has this name';
  elsif t.keys is null then
    raise exception 'table % has no primary key to page by', t.name;
  end if;
  select string_agg(format('r.%I', k), ', ' order by n) into keys from unnest(t.keys) with ordinality as u (k, n);
  if jsonb_typeof(p -> 'after') = 'array' then
    select format('(%s) > (%s)', keys, string_agg(format('%L::%s', p -> 'after' ->> (n - 1)::int, ty), ', ' order by n)) into past
    from unnest(t.types) with ordinality as u (ty, n);
  end if;
  -- Amounts as text: a reader of JSON makes floats of them.
  select string_agg(format('%L, r.%I::text', a.attname, a.attname), ', ') into amounts from pg_catalog.pg_attribute a
  where a.attrelid = format('public.%I', t.name)::regclass and a.atttypid = 'numeric'::regtype and a.attnum > 0 and not a.attisdropped;
  execute format(
    'select coalesce(jsonb_agg(public.alta_without_secrets(doc) order by n), ''[]''::jsonb), (array_agg(key order by n desc))[1]
     from (select to_jsonb(r) || jsonb_build_object(%s) as doc, to_jsonb(array[%s]) as key, row_number() over (order by %s) as n
           from public.%I r where r.%I = $1 and %s order by %s limit $2) page',
    coalesce(amounts, ''), (select string_agg(format('r.%I::text', k), ', ' order by n) from unnest(t.keys) with ordinality as u (k, n)),
    keys, t.name, t.tenant, past, keys)
  into rows, last
  using (p ->> case t.tenant when 'client_id' then 'client_id' else 'account_id' end)::uuid, (p ->> 'limit')::int;
  return jsonb_build_object('rows', rows, 'next', case when jsonb_array_length(rows) = (p ->> 'limit')::int then last end);
end;
$$;

do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'public'
      and p.proname in ('alta_tenant_tables', 'alta_without_secrets', 'alta_export_tables', 'alta_export_rows')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
end;
$$;

notify pgrst, 'reload schema';
