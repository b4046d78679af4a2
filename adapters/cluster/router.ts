import { createClient, type SupabaseClient } from '@supabase/supabase-js';
import { createFetch, type KeyHolder } from './http.ts';

/** What the Admin DB knows of a cluster, keys opened. */
export interface ClusterSecrets {
  clusterId: string;
  url: string;
  serviceKey: string;
  publishableKey: string;
  /** Changes whenever URL or keys do. */
  revision: number | string;
}

/** One cluster, ready to be called with the service key. */
export interface Cluster {
  readonly clusterId: string;
  readonly url: string;
  /** What a visitor's browser may hold. */
  readonly publishableKey: string;
  readonly client: SupabaseClient;
}

export interface ClusterRouter {
  /** The cluster of this id (P-509). Throws what `load` throws: CLUSTER_UNKNOWN, VAULT_*; there is no default cluster (P-514). */
  get(clusterId: string): Promise<Cluster>;
  /** Drops what is cached, so that a new URL or key takes effect with the next `get`. */
  forget(clusterId: string): void;
}

export interface RouterOptions {
  /** Reads the cluster from the Admin DB. */
  load: (clusterId: string) => Promise<ClusterSecrets>;
  /** Longest use of what was loaded, ms; at most and by default five minutes (P-509). */
  ttlMs?: number;
  /** Time limit of one HTTP call, headers and body, ms. */
  timeoutMs?: number;
  /** For tests. */
  now?: () => number;
}

export const MAX_TTL_MS = 300_000;

interface Entry {
  at: number;
  loading: Promise<Cluster>;
}

/**
 * The only factory of cluster clients (P-509, P-513): one client a cluster, made when first asked for, kept for five minutes. A
 * failed load is not kept. A service key that was replaced meanwhile is noticed on the first 401 and used at once.
 */
export function createClusterRouter({ load, ttlMs = MAX_TTL_MS, timeoutMs = 10_000, now = Date.now }: RouterOptions): ClusterRouter {
  const entries = new Map<string, Entry>();
  const ttl = Math.min(ttlMs, MAX_TTL_MS);

  const forget = (clusterId: string): void => void entries.delete(clusterId);
  const open = async (clusterId: string): Promise<Cluster> => {
    const reload = (): Promise<ClusterSecrets> => load(clusterId);
    return connect(await reload(), timeoutMs, reload, () => forget(clusterId));
  };

  return {
    forget,
    get(clusterId) {
      const known = entries.get(clusterId);
      if (known && now() - known.at < ttl) return known.loading;
      const loading = open(clusterId);
      const entry = { at: now(), loading };
      entries.set(clusterId, entry);
      loading.catch(() => {
        if (entries.get(clusterId) === entry) entries.delete(clusterId);
      });
      return loading;
    },
  };
}

/** Makes the client: no session, no retries of its own, our fetch. The anon key would never do here: service key only. */
function connect(secrets: ClusterSecrets, timeoutMs: number, reload: () => Promise<ClusterSecrets>, drop: () => void): Cluster {
  const holder: KeyHolder = { serviceKey: secrets.serviceKey };
  const renew = async (): Promise<boolean> => {
    drop();
    const used = holder.serviceKey;
    const fresh = await reload().catch(() => undefined);
    // A cluster that moved gets its requests through a new client, not through this one.
    if (fresh === undefined || fresh.url !== secrets.url || fresh.serviceKey === used) return false;
    holder.serviceKey = fresh.serviceKey;
    return true;
  };
  const client = createClient(secrets.url, secrets.serviceKey, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    db: { retry: false },
    global: { fetch: createFetch(holder, timeoutMs, renew) },
  });
  return { clusterId: secrets.clusterId, url: secrets.url, publishableKey: secrets.publishableKey, client };
}
