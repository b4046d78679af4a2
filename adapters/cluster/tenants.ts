import { z } from 'zod';
import { effect } from '../effect.ts';
import { select } from './call.ts';
import type { Cluster } from './router.ts';

const tenantsForm = z.array(
  z.object({
    id: z.uuid(),
    nv_account_id: z.uuid(),
    slug: z.string(),
    is_active: z.boolean(),
    sync_version: z.int(),
    deleted_at: z.string().nullable(),
    users: z.array(z.object({ id: z.uuid(), role: z.string() })),
  }),
);

/** A client row as a list shows it, with the people of its store. */
export type Tenant = z.output<typeof tenantsForm>[number];

/** A page of a cluster's client rows by account id, those after `after`; no credentials. Throws the codes of a cluster call. */
export function listTenants(cluster: Cluster, after: string, limit: number): Promise<Tenant[]> {
  const send = () =>
    cluster.client
      .from('clients')
      .select('id, nv_account_id, slug, is_active, sync_version, deleted_at, users(id, role)')
      .gt('nv_account_id', after)
      .order('nv_account_id')
      .limit(limit);
  return effect('cluster.list-tenants', () => select(cluster, 'list-tenants', send, tenantsForm));
}
