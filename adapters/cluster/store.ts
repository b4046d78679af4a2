import { z } from 'zod';
import { effect } from '../effect.ts';
import { rpc } from './call.ts';
import type { Cluster } from './router.ts';

const count = z.int().nonnegative();
const storeForm = z
  .object({
    client: z
      .object({
        id: z.uuid(),
        nv_account_id: z.uuid(),
        slug: z.string(),
        name: z.string(),
        is_active: z.boolean(),
        publication_status: z.string(),
        onboarding_id: z.string().nullable(),
        sync_version: z.int(),
        deleted_at: z.string().nullable(),
        entitlements: z.unknown(),
      })
      .loose(),
    mp_fingerprint: z.string().nullable(),
    users: z.array(z.object({ id: z.uuid(), role: z.string(), email: z.string() })),
    counts: z.object({
      pages: count,
      settings: count,
      shipping: count,
      palettes: count,
      home_settings: count,
      products: count,
      assets: count,
      orders: count,
    }),
    home_settings: z.record(z.string(), z.unknown()).nullable(),
  })
  .nullable();

/** One store as its cluster holds it: the client row without credentials, their fingerprint, its people, row counts, and its settings. */
export type Store = NonNullable<z.output<typeof storeForm>>;

/** Reads the store of an account; null when the cluster has none (P-511). Throws the codes of a cluster call. */
export function readStore(cluster: Cluster, accountId: string): Promise<Store | null> {
  return effect('cluster.read-store', () => rpc(cluster, 'read-store', 'alta_read_store', { account_id: accountId }, storeForm));
}
