import type { FastifyInstance } from 'fastify';
import { findTenant, loadClusterAddress } from '../../adapters/admin-db/index.ts';
import { createClusterRouter, readOpenStore, type ClusterRouter } from '../../adapters/cluster/index.ts';
import { AltaError } from '../../contract/errors.ts';
import type { ApiDeps } from './deps.ts';

/** What a visitor's browser needs to open a store; nothing in it is secret. */
export interface StoreAnswer {
  accountId: string;
  clusterId: string;
  clientId: string;
  slug: string;
  name: string;
  /** The cluster, for supabase-js with `publishableKey`. */
  url: string;
  publishableKey: string;
  publicationStatus: string;
}

/**
 * Resolves a slug or custom domain: account, cluster, client row (P-137, P-511). NOT_FOUND for a name that is nobody's, and for
 * a store that is not open; CLUSTER_* when its cluster cannot be asked.
 */
export async function resolveStore({ db }: Pick<ApiDeps, 'db'>, clusters: ClusterRouter, name: string): Promise<StoreAnswer> {
  const tenant = await findTenant(db, name);
  if (tenant === null || tenant.status === 'suspended') throw noStore(name);
  const cluster = await clusters.get(tenant.clusterId);
  const store = await readOpenStore(cluster, tenant.accountId);
  if (store === null) throw noStore(name);
  return {
    accountId: tenant.accountId,
    clusterId: tenant.clusterId,
    clientId: store.id,
    slug: store.slug,
    name: store.name,
    url: cluster.url,
    publishableKey: cluster.publishableKey,
    publicationStatus: store.publication_status,
  };
}

const noStore = (name: string): AltaError => new AltaError('NOT_FOUND', `no open store is called ${JSON.stringify(name.slice(0, 100))}`);

/** The API is a visitor of the clusters: it never holds a service key. */
const visitorsClusters = (db: ApiDeps['db'], timeoutMs: number): ClusterRouter =>
  createClusterRouter({
    timeoutMs,
    load: async (clusterId) => {
      const address = await loadClusterAddress(db, clusterId);
      return { ...address, serviceKey: address.publishableKey };
    },
  });

export function storeRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { db, config } = deps;
  const clusters = deps.clusters ?? visitorsClusters(deps.db, config.CLUSTER_TIMEOUT_MS);
  const schema = { summary: 'Finds the store of a slug or domain', tags: ['stores'] };
  app.get<{ Params: { slug: string } }>('/stores/:slug', { schema }, (request) => resolveStore({ db }, clusters, request.params.slug));
}
