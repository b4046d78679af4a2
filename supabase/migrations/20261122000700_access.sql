-- Who may do what. This file may be run again at any time, and leaves the same rights each time.
--
-- anon            a visitor: reads the content of stores that are open
-- authenticated   a merchant: works on the content of the stores it administers
-- service_role    Alta

revoke all on public.clients, public.users, public.client_home_settings, public.pages, public.store_settings, public.shipping_methods,
  public.palettes, public.products, public.orders, public.cart_items, public.store_assets, public.sync_tombstones, public.sync_images
  from anon, authenticated;
grant usage on schema public to anon, authenticated, service_role;
grant select, insert, update, delete on public.clients, public.users, public.client_home_settings, public.pages, public.store_settings,
  public.shipping_methods, public.palettes, public.products, public.orders, public.cart_items, public.store_assets, public.sync_tombstones,
  public.sync_images to service_role;

-- Of a client only what its shop front shows; never credentials, fiscal data or the owner's address (P-038).
grant select (id, slug, name, country, locale, timezone, custom_domain, template_key, is_active, publication_status)
  on public.clients to anon, authenticated;
grant select on public.client_home_settings, public.pages, public.store_settings, public.shipping_methods, public.palettes, public.products
  to anon, authenticated;
grant select (id, client_id, email, role) on public.users to authenticated;
grant insert, update, delete on public.client_home_settings, public.pages, public.store_settings, public.shipping_methods,
  public.palettes, public.products to authenticated;
grant select on public.orders to authenticated;

do $$
declare
  f regprocedure;
  t text;
begin
  for f in
    select p.oid::regprocedure from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'public' and p.proname like 'alta\_%'
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;

  foreach t in array array['clients', 'users', 'client_home_settings', 'pages', 'store_settings', 'shipping_methods', 'palettes',
    'products', 'orders', 'cart_items', 'store_assets', 'sync_tombstones', 'sync_images'] loop
    execute format('alter table public.%I enable row level security', t);
  end loop;

  drop policy if exists member_reads on public.users;
  create policy member_reads on public.users for select to authenticated using (id = (select auth.uid()));

  drop policy if exists visitor_reads on public.clients;
  create policy visitor_reads on public.clients for select to anon, authenticated
    using (is_active and publication_status = 'published' and deleted_at is null);
  drop policy if exists member_reads on public.clients;
  create policy member_reads on public.clients for select to authenticated
    using (exists (select 1 from public.users u where u.client_id = clients.id and u.id = (select auth.uid())));

  -- The policy of `clients` decides which of them the inner query sees.
  foreach t in array array['client_home_settings', 'pages', 'store_settings', 'shipping_methods', 'palettes', 'products'] loop
    execute format('drop policy if exists visitor_reads on public.%I', t);
    execute format('create policy visitor_reads on public.%I for select to anon, authenticated using (exists (
      select 1 from public.clients c where c.id = client_id and c.is_active and c.publication_status = ''published''))', t);
    execute format('drop policy if exists admin_works on public.%I', t);
    execute format('create policy admin_works on public.%1$I for all to authenticated
      using (exists (select 1 from public.users u where u.client_id = %1$I.client_id and u.id = (select auth.uid()) and u.role = ''admin''))
      with check (exists (select 1 from public.users u where u.client_id = %1$I.client_id and u.id = (select auth.uid()) and u.role = ''admin''))', t);
  end loop;

  drop policy if exists admin_reads on public.orders;
  create policy admin_reads on public.orders for select to authenticated
    using (exists (select 1 from public.users u where u.client_id = orders.client_id and u.id = (select auth.uid()) and u.role = 'admin'));
end;
$$;

-- PostgREST reads the schema again; elsewhere nobody listens.
notify pgrst, 'reload schema';
