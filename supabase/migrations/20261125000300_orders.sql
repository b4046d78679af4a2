-- What a shop needs to sell with the merchant's own credentials: orders with their items, confirmed by a payment, once.

alter table public.orders add column payment_id text constraint orders_payment_id_key unique;
alter table public.orders add column paid_at timestamptz;
alter table public.orders add column updated_at timestamptz not null default now();

create table public.order_items (
  order_id uuid not null constraint order_items_order_id_fkey references public.orders (id) on delete cascade,
  client_id uuid not null constraint order_items_client_id_fkey references public.clients (id),
  sku text not null,
  name text not null,
  unit_price numeric(14, 2) not null,
  quantity int not null constraint order_items_quantity_check check (quantity > 0),
  constraint order_items_pkey primary key (order_id, sku)
);
create index order_items_client_id_idx on public.order_items (client_id);

-- {account_id, items: [{sku, quantity}], buyer_email, currency} -> {outcome: placed | closed | unknown | sold_out, sku, order_id, total}
-- Prices are the shop's, whatever the buyer says. Nothing is taken from the stock before somebody has paid.
create function public.alta_place_order(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  c public.clients;
  lacking record;
  placed uuid;
  sum numeric(14, 2);
begin
  select * into c from public.clients
  where nv_account_id = (p ->> 'account_id')::uuid and is_active and publication_status = 'published' and deleted_at is null;
  if c.id is null then
    return jsonb_build_object('outcome', 'closed');
  end if;
  select i.sku, r.id into lacking
  from jsonb_to_recordset(p -> 'items') as i (sku text, quantity int)
  left join public.products r on r.client_id = c.id and r.sku = i.sku
  where r.id is null or r.stock < i.quantity order by r.id is not null, i.sku limit 1;
  if lacking.sku is not null then
    return jsonb_build_object('outcome', case when lacking.id is null then 'unknown' else 'sold_out' end, 'sku', lacking.sku);
  end if;
  insert into public.orders (client_id, buyer_email, currency) values (c.id, p ->> 'buyer_email', p ->> 'currency') returning id into placed;
  insert into public.order_items (order_id, client_id, sku, name, unit_price, quantity)
  select placed, c.id, r.sku, r.name, r.price, i.quantity
  from jsonb_to_recordset(p -> 'items') as i (sku text, quantity int) join public.products r on r.client_id = c.id and r.sku = i.sku;
  update public.orders o set total = (select sum(l.unit_price * l.quantity) from public.order_items l where l.order_id = placed)
  where o.id = placed returning o.total into sum;
  return jsonb_build_object('outcome', 'placed', 'order_id', placed, 'total', trim_scale(sum)::text);
end;
$$;

-- {account_id, order_id, payment_id, amount, currency} -> {outcome: confirmed | same | paid_otherwise | mismatch | absent}
-- A payment confirms one order, once; only then the stock goes down, and never below nothing.
create function public.alta_confirm_order(payload text) returns jsonb
language plpgsql set search_path = '' as $$
declare
  p jsonb := payload::jsonb;
  o public.orders;
begin
  select r.* into o from public.orders r join public.clients c on c.id = r.client_id
  where r.id = (p ->> 'order_id')::uuid and c.nv_account_id = (p ->> 'account_id')::uuid for update of r;
  if o.id is null then
    return jsonb_build_object('outcome', 'absent');
  elsif o.payment_id = p ->> 'payment_id' then
    return jsonb_build_object('outcome', 'same');
  elsif o.payment_id is not null then
    return jsonb_build_object('outcome', 'paid_otherwise');
  elsif o.total <> (p ->> 'amount')::numeric or o.currency <> p ->> 'currency' then
    return jsonb_build_object('outcome', 'mismatch');
  end if;
  update public.orders set status = 'paid', payment_id = p ->> 'payment_id', paid_at = now(), updated_at = now() where id = o.id;
  update public.products r set stock = greatest(r.stock - l.quantity, 0), updated_at = now()
  from public.order_items l where l.order_id = o.id and r.client_id = o.client_id and r.sku = l.sku;
  return jsonb_build_object('outcome', 'confirmed');
end;
$$;

-- {account_id} -> {access_token, public_key}: what the store sells with; both null when it holds none, null when there is no open store.
create function public.alta_read_mp_credentials(payload text) returns jsonb
language sql stable set search_path = '' as $$
  select jsonb_build_object('access_token', c.mp_access_token, 'public_key', c.mp_public_key)
  from public.clients c where c.nv_account_id = (payload::jsonb ->> 'account_id')::uuid and c.deleted_at is null;
$$;

revoke all on public.order_items from public, anon, authenticated;
grant select, insert, update, delete on public.order_items to service_role;
grant select on public.order_items to authenticated;

do $$
declare
  f regprocedure;
begin
  for f in
    select p.oid::regprocedure from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
    where n.nspname = 'public' and p.proname in ('alta_place_order', 'alta_confirm_order', 'alta_read_mp_credentials')
  loop
    execute format('revoke all on function %s from public, anon, authenticated', f);
    execute format('grant execute on function %s to service_role', f);
  end loop;
  alter table public.order_items enable row level security;
  drop policy if exists admin_reads on public.order_items;
  create policy admin_reads on public.order_items for select to authenticated
    using (exists (select 1 from public.users u where u.client_id = order_items.client_id and u.id = (select auth.uid()) and u.role = 'admin'));
end;
$$;

notify pgrst, 'reload schema';
