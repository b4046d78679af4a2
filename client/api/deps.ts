import type { AdminDb } from '../../adapters/admin-db/index.ts';
import type { ClusterRouter } from '../../adapters/cluster/index.ts';
import type { Config } from '../../adapters/config.ts';
import type { Logger } from '../../adapters/log.ts';
import type { ApiMetrics } from '../../adapters/metrics/index.ts';
import type { MercadoPago } from '../../adapters/mercadopago/index.ts';
import type { ShopDeps } from './shop.ts';
import type { Vault } from '../../adapters/vault/index.ts';

/** What the API works with. It has no Temporal client: nothing that it answers may depend on Temporal. */
export interface ApiDeps {
  db: AdminDb;
  vault: Vault;
  mp: MercadoPago;
  config: Config;
  log: Logger;
  /** The minimal shop; not served when left out. */
  shop?: ShopDeps;
  /** Nothing is counted when left out. */
  apiMetrics?: ApiMetrics;
  /** Made from `db` and `vault` when left out. */
  clusters?: ClusterRouter;
  /** Requests a minute from one address, webhooks and probes excepted. */
  ratePerMinute?: number;
}
