import { AltaError } from '../../contract/errors.ts';
import type { SealPlace, Vault } from '../vault/index.ts';
import type { AdminDb, Tx } from './db.ts';
import { addLifecycleEvent } from './lifecycle.ts';

export interface ClusterRegistration {
  clusterId: string;
  displayName: string;
  url: string;
  serviceKey: string;
  publishableKey: string;
  /** Left out: 1 for a new cluster, unchanged for a known one. */
  weight?: number;
  /** Null: no limit. Left out: as `weight`. */
  maxTenants?: number | null;
  /** Whether it takes new tenants. Left out: yes for a new cluster, unchanged for a known one. */
  isActive?: boolean;
  actor?: string;
}

/** A cluster without its secrets. */
export interface ClusterRow {
  clusterId: string;
  displayName: string;
  url: string;
  publishableKey: string;
  weight: number;
  isActive: boolean;
  status: string;
  maxTenants: number | null;
  tenantCount: number;
  lastError: string | null;
  revision: number;
  updatedAt: string;
}

/** Every column but the sealed ones, which only the worker's role may read. */
const NAMES = {
  cluster_id: 'clusterId',
  display_name: 'displayName',
  supabase_url: 'url',
  publishable_key: 'publishableKey',
  weight: 'weight',
  is_active: 'isActive',
  status: 'status',
  max_tenants: 'maxTenants',
  tenant_count: 'tenantCount',
  last_error: 'lastError',
  revision: 'revision',
  updated_at: 'updatedAt',
} as const satisfies Record<string, keyof ClusterRow>;
const COLUMNS = Object.entries(NAMES)
  .map(([column, name]) => `${column} as "${name}"`)
  .join(', ');
const RETURNED = Object.keys(NAMES)
  .map((column) => `c.${column}`)
  .join(', ');

const place = (clusterId: string): SealPlace => ({ table: 'backend_clusters', id: clusterId, field: 'service_role_key' });

/**
 * Enters a cluster into the registry, or gives a known one a new address or key; the key is sealed first (P-018). A new one is
 * active at once. Returns the revision, by which a cached client is told from a fresh one.
 */
export function registerCluster(db: AdminDb, vault: Vault, cluster: ClusterRegistration): Promise<number> {
  const { clusterId } = cluster;
  return db.tx('admin-db.register-cluster', async (tx) => {
    const [row] = await tx.query<{ revision: number }>({
      name: 'admin-db.set-cluster-credentials',
      text: 'select set_backend_cluster_credentials($1, $2, $3, $4, $5) as revision',
      values: [clusterId, cluster.displayName, cluster.url, vault.seal(cluster.serviceKey, place(clusterId)), cluster.publishableKey],
    });
    const revision = row?.revision as number;
    await tx.query({
      name: 'admin-db.set-cluster-limits',
      text: `update backend_clusters set weight = coalesce($2, weight), is_active = coalesce($3, is_active),
               max_tenants = case when $5 then $4::int else max_tenants end
             where cluster_id = $1`,
      values: [
        clusterId,
        cluster.weight ?? null,
        cluster.isActive ?? (revision === 1 ? true : null),
        cluster.maxTenants ?? null,
        cluster.maxTenants !== undefined,
      ],
    });
    await addLifecycleEvent(tx, {
      clusterId,
      type: revision === 1 ? 'cluster.registered' : 'cluster.credentials_changed',
      to: `revision ${revision}`,
      actor: cluster.actor ?? 'alta',
      reason: 'registered',
    });
    return revision;
  });
}

/** Where one cluster is, and what a visitor's browser may hold: all that the API gets to see. Throws CLUSTER_UNKNOWN. */
export async function loadClusterAddress(db: Tx, clusterId: string): Promise<Omit<ClusterAccess, 'serviceKey'>> {
  const [row] = await db.query<Omit<ClusterAccess, 'serviceKey'>>({
    name: 'admin-db.load-cluster-address',
    text: `select cluster_id as "clusterId", supabase_url as url, publishable_key as "publishableKey", revision
           from backend_clusters where cluster_id = $1`,
    values: [clusterId],
  });
  if (row === undefined) throw new AltaError('CLUSTER_UNKNOWN', `no cluster ${JSON.stringify(clusterId)} is registered`);
  return row;
}

/** All clusters, without secrets. */
export function listClusters(db: Tx): Promise<ClusterRow[]> {
  return db.query<ClusterRow>({ name: 'admin-db.list-clusters', text: `select ${COLUMNS} from backend_clusters order by cluster_id` });
}

export interface ClusterAccess {
  clusterId: string;
  url: string;
  serviceKey: string;
  publishableKey: string;
  revision: number;
}

/**
 * How to reach one cluster, its key opened: whatever its state, for its tenants are served on (O-12). Throws CLUSTER_UNKNOWN and
 * the vault's codes.
 */
export async function loadCluster(db: Tx, vault: Vault, clusterId: string): Promise<ClusterAccess> {
  const [row] = await db.query<ClusterAccess & { sealed: string }>({
    name: 'admin-db.load-cluster',
    text: `select cluster_id as "clusterId", supabase_url as url, publishable_key as "publishableKey", revision, service_role_key as sealed
           from list_backend_clusters($1)`,
    values: [clusterId],
  });
  if (row === undefined) throw new AltaError('CLUSTER_UNKNOWN', `no cluster ${JSON.stringify(clusterId)} is registered`);
  const { sealed, ...access } = row;
  return { ...access, serviceKey: vault.open(sealed, place(clusterId)) };
}

export interface ClusterChange {
  isActive?: boolean;
  status?: 'ready' | 'error' | 'maintenance' | 'cloning' | 'disabled';
  weight?: number;
  maxTenants?: number | null;
  lastError?: string | null;
  actor: string;
  reason: string;
}

const described = `'active ' || is_active || ', ' || status || ', weight ' || weight || ', max ' || coalesce(max_tenants::text, 'none')`;

/** Changes what a cluster may take, with one audit row (P-510: it counts from the next choice on). Throws CLUSTER_UNKNOWN. */
export async function setClusterState(db: Tx, clusterId: string, change: ClusterChange): Promise<ClusterRow> {
  const [row] = await db.query<ClusterRow>({
    name: 'admin-db.set-cluster-state',
    text: `with before as (
             select cluster_id, ${described} as was from backend_clusters where cluster_id = $1 for update
           ), changed as (
             update backend_clusters c set is_active = coalesce($2, c.is_active), status = coalesce($3, c.status),
               weight = coalesce($4, c.weight), max_tenants = case when $6 then $5::int else c.max_tenants end,
               last_error = case when $8 then $7 else c.last_error end, updated_at = now()
             from before b where c.cluster_id = b.cluster_id returning ${RETURNED}, b.was
           ), audit as (
             insert into lifecycle_events (cluster_id, event_type, from_value, to_value, actor, reason)
             select cluster_id, 'cluster.changed', was, ${described}, $9, $10 from changed
           )
           select ${COLUMNS} from changed`,
    values: [
      clusterId,
      change.isActive ?? null,
      change.status ?? null,
      change.weight ?? null,
      change.maxTenants ?? null,
      change.maxTenants !== undefined,
      change.lastError ?? null,
      change.lastError !== undefined,
      change.actor,
      change.reason,
    ],
  });
  if (row === undefined) throw new AltaError('CLUSTER_UNKNOWN', `no cluster ${JSON.stringify(clusterId)} is registered`);
  return row;
}
