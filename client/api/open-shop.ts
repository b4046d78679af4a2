import { createAdminDb, loadCluster } from '../../adapters/admin-db/index.ts';
import { createClusterRouter } from '../../adapters/cluster/index.ts';
import type { Config } from '../../adapters/config.ts';
import type { Logger } from '../../adapters/log.ts';
import type { Vault } from '../../adapters/vault/index.ts';
import type { ShopDeps } from './shop.ts';

/** Connects the minimal shop: a pool of its own, whose role may open what the API's may not. */
export function openShop(config: Config, vault: Vault, log: Logger): ShopDeps {
  const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'storefront', max: config.API_DB_POOL, log });
  const clusters = createClusterRouter({ load: (id) => loadCluster(db, vault, id), timeoutMs: config.CLUSTER_TIMEOUT_MS });
  return { db, vault, clusters };
}
