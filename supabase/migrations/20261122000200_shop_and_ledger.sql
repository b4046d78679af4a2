-- The shop's own tables, of which an onboarding only fills `products` (P-035), and the ledger that fences and undoes writes.

create table public.products (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null constraint products_client_id_fkey references public.clients (id),
  sku text not null,
  name text not null,
  price numeric(14, 2) not null,
  stock int not null default 0,
  onboarding_id uuid,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint products_client_id_sku_key unique (client_id, sku)
);

create table public.orders (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null constraint orders_client_id_fkey references public.clients (id),
  buyer_email text,
  status text not null default 'open',
  total numeric(14, 2) not null default 0,
  currency text not null,
  created_at timestamptz not null default now()
);
create index orders_client_id_idx on public.orders (client_id);

create table public.cart_items (
  id uuid primary key default gen_random_uuid(),
  client_id uuid not null constraint cart_items_client_id_fkey references public.clients (id),
  product_id uuid not null constraint cart_items_product_id_fkey references public.products (id),
  cart_id uuid not null,
  quantity int not null constraint cart_items_quantity_check check (quantity > 0),
  created_at timestamptz not null default now()
);
create index cart_items_client_id_idx on public.cart_items (client_id);
create index cart_items_product_id_idx on public.cart_items (product_id);

-- Which storage objects were put for a store, and by which onboarding. A row is written before its object, so that an
-- upload whose answer was lost is undone too (law 6). Whether the object is there, only the storage knows.
create table public.store_assets (
  client_id uuid not null constraint store_assets_client_id_fkey references public.clients (id),
  path text not null,
  kind text not null,
  content_type text not null,
  bytes int not null,
  sha256 text not null,
  onboarding_id uuid,
  created_at timestamptz not null default now(),
  constraint store_assets_pkey primary key (client_id, path)
);

-- What was undone, at which version: a write that comes late finds its tombstone and is refused.
create table public.sync_tombstones (
  nv_account_id uuid not null,
  aspect text not null,
  onboarding_id uuid not null,
  version bigint not null,
  at timestamptz not null default now(),
  constraint sync_tombstones_pkey primary key (nv_account_id, aspect, onboarding_id)
);

-- What an onboarding overwrote and did not make itself (P-151); its undo gives it back, publishing drops it.
create table public.sync_images (
  nv_account_id uuid not null,
  aspect text not null,
  onboarding_id uuid not null,
  image jsonb not null,
  at timestamptz not null default now(),
  constraint sync_images_pkey primary key (nv_account_id, aspect, onboarding_id)
);

-- `stamp` is null when the account's own workflow writes, outside any onboarding.
--
-- Serialises the writes and the undo of one aspect of one account, and tells whether a tombstone refuses the write: one of the
-- same onboarding at any version, or any at this version or a later one.
create function public.alta_refused(account uuid, what text, stamp uuid, v bigint) returns boolean
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(account::text || '/' || what, 0));
  return exists (
    select 1 from public.sync_tombstones t
    where t.nv_account_id = account and t.aspect = what and (t.onboarding_id = stamp or t.version >= v)
  );
end;
$$;

-- Waits for a write under way, then leaves the tombstone that refuses the later ones.
create function public.alta_bury(account uuid, what text, stamp uuid, v bigint) returns void
language plpgsql set search_path = '' as $$
begin
  perform pg_advisory_xact_lock(hashtextextended(account::text || '/' || what, 0));
  insert into public.sync_tombstones as t (nv_account_id, aspect, onboarding_id, version)
  values (account, what, stamp, v)
  on conflict on constraint sync_tombstones_pkey do update set version = greatest(t.version, excluded.version), at = now();
end;
$$;

-- Keeps what is about to be overwritten; the first image of an onboarding is the one that counts. What no onboarding writes is
-- never undone and needs none.
create function public.alta_keep_image(account uuid, what text, stamp uuid, before jsonb) returns void
language sql set search_path = '' as $$
  insert into public.sync_images (nv_account_id, aspect, onboarding_id, image)
  select account, what, stamp, before where stamp is not null
  on conflict on constraint sync_images_pkey do nothing;
$$;

-- Id of the account's client row; null when there is none.
create function public.alta_client_of(account uuid) returns uuid
language sql stable set search_path = '' as $$
  select id from public.clients where nv_account_id = account;
$$;

-- Takes the image back out: null when there is none.
create function public.alta_take_image(account uuid, what text, stamp uuid) returns jsonb
language sql set search_path = '' as $$
  delete from public.sync_images where nv_account_id = account and aspect = what and onboarding_id = stamp returning image;
$$;

-- Bucket of every store's pictures; objects live under `<client id>/`. A database without storage has none.
do $$
begin
  if to_regclass('storage.buckets') is not null then
    insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types)
    values ('store-assets', 'store-assets', true, 1048576, array['image/png', 'image/jpeg', 'image/webp'])
    on conflict (id) do nothing;
  end if;
end;
$$;
