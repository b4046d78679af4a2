import { z } from 'zod';
import { CLIENT_CONTRACT } from '../../contract/projection.ts';
import { effect } from '../effect.ts';
import { ASSET_BUCKET } from './assets.ts';
import { rpc, storage } from './call.ts';
import type { Cluster } from './router.ts';

const seeded = ['id', 'client_id', 'seed_key', 'seed_version', 'onboarding_id'];

/** Tables and columns that Alta relies on (P-030 to P-036), beside the contractual columns of `clients`. */
const COLUMNS: Record<string, readonly string[]> = {
  clients: [
    'id',
    'publication_status',
    'entitlements',
    'mp_access_token',
    'mp_public_key',
    'deleted_at',
    'onboarding_id',
    'sync_version',
    'sync_stamp',
    'entitlements_version',
    'entitlements_stamp',
    'mp_credentials_version',
    'mp_credentials_stamp',
    ...CLIENT_CONTRACT.map(({ column }) => column),
  ],
  users: ['id', 'client_id', 'email', 'role', 'onboarding_id'],
  client_home_settings: ['client_id', 'settings', 'sync_version', 'onboarding_id'],
  pages: [...seeded, 'slug', 'title', 'body', 'position'],
  store_settings: [...seeded, 'key', 'value'],
  shipping_methods: [...seeded, 'name', 'price', 'currency', 'days_min', 'days_max'],
  palettes: [...seeded, 'name', 'colors', 'is_default'],
  products: ['id', 'client_id', 'sku', 'name', 'price', 'stock', 'onboarding_id'],
  orders: ['id', 'client_id', 'status', 'total', 'currency', 'payment_id'],
  order_items: ['order_id', 'client_id', 'sku', 'unit_price', 'quantity'],
  cart_items: ['id', 'client_id', 'product_id'],
  store_assets: ['client_id', 'path', 'sha256', 'onboarding_id'],
  sync_tombstones: ['nv_account_id', 'aspect', 'onboarding_id', 'version'],
  sync_images: ['nv_account_id', 'aspect', 'onboarding_id', 'image'],
};

const NOT_NULL = ['clients.nv_account_id', 'clients.plan_key'];

/** Column lists are sorted by name. */
const UNIQUES = [
  'clients(nv_account_id)',
  'clients(slug)',
  'users(client_id,id)',
  'client_home_settings(client_id)',
  'pages(client_id,seed_key)',
  'store_settings(client_id,seed_key)',
  'shipping_methods(client_id,seed_key)',
  'palettes(client_id,seed_key)',
  'products(client_id,sku)',
  'orders(payment_id)',
  'store_assets(client_id,path)',
];

const report = z.object({
  columns: z.array(z.string()),
  not_null: z.array(z.string()),
  uniques: z.array(z.string()),
  leaks: z.array(z.string()),
});

/**
 * What a cluster lacks before it may be used (P-523): columns, constraints, the asset bucket, and rights that would show
 * credentials (P-038), one line each; empty when all is well. Throws CLUSTER_SCHEMA_MISMATCH when not even the report is there, and
 * the codes of a cluster call.
 */
export async function checkClusterSchema(cluster: Cluster): Promise<string[]> {
  const act = 'check-schema';
  const [found, buckets] = await Promise.all([
    effect('cluster.schema-report', () => rpc(cluster, act, 'alta_schema_report', {}, report)),
    effect('cluster.list-buckets', () => storage(cluster, act, () => cluster.client.storage.listBuckets())),
  ]);
  const has = new Set(found.columns);
  return [
    ...Object.entries(COLUMNS)
      .flatMap(([table, columns]) => columns.map((column) => `${table}.${column}`))
      .filter((column) => !has.has(column))
      .map((column) => `column ${column} is missing`),
    ...NOT_NULL.filter((column) => !found.not_null.includes(column)).map((column) => `column ${column} may be null`),
    ...UNIQUES.filter((unique) => !found.uniques.includes(unique)).map((unique) => `${unique} is not unique`),
    ...(buckets.some(({ id }) => id === ASSET_BUCKET) ? [] : [`bucket ${ASSET_BUCKET} is missing`]),
    ...found.leaks,
  ];
}
