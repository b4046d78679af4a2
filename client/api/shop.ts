import type { FastifyInstance } from 'fastify';
import { askForResync, findShop, type AdminDb } from '../../adapters/admin-db/index.ts';
import { placeShopOrder, type ClusterRouter } from '../../adapters/cluster/index.ts';
import { merchantCredentials } from '../../adapters/merchant-credentials.ts';
import { createMercadoPago } from '../../adapters/mercadopago/index.ts';
import type { Vault } from '../../adapters/vault/index.ts';
import { COUNTRIES, isCountryCode } from '../../contract/countries.ts';
import { AltaError, isAltaError } from '../../contract/errors.ts';
import { shopCheckoutSchema, type ShopCheckout, type ShopCheckoutAnswer } from '../../contract/shop.ts';
import type { ApiDeps } from './deps.ts';
import { invalidInput } from './errors.ts';
import { refuseUnreadable } from './readable.ts';

/** What the minimal shop works with: a pool with the rights of `alta_storefront`, and clusters with their service keys. */
export interface ShopDeps {
  db: AdminDb;
  vault: Vault;
  clusters: ClusterRouter;
}

/**
 * A buyer's checkout (P-719): the store behind a slug or domain, its cluster and its client row, passed along (P-511); the order at the
 * shop's own prices; and a preference with the merchant's credentials, in two stages (P-315). A cluster that lost them gets them again.
 * Errors: NOT_FOUND for no open store, ARTICLE_UNAVAILABLE, MP_NOT_CONFIGURED, CLUSTER_*, MP_*.
 */
export async function shopCheckout(
  { db, vault, clusters }: ShopDeps,
  { config, log }: Pick<ApiDeps, 'config' | 'log'>,
  name: string,
  order: ShopCheckout,
): Promise<ShopCheckoutAnswer> {
  const closed = (): AltaError => new AltaError('NOT_FOUND', `no open store is called ${JSON.stringify(name.slice(0, 100))}`);
  const shop = await findShop(db, name);
  if (shop === null || !isCountryCode(shop.country)) throw closed();
  const { accountId, clusterId } = shop;
  const { currency } = COUNTRIES[shop.country];
  const cluster = await clusters.get(clusterId);
  // Without credentials no order is entered: nobody could pay it.
  const { accessToken, from } = await merchantCredentials({ db, vault }, cluster, accountId);
  if (from === 'admin') {
    log.warn(
      { accountId, clusterId, alert: 'credentials missing on cluster' },
      'a store has lost its Mercado Pago credentials; they are synced again',
    );
    await askForResync(db, shop);
  }
  const placed = await placeShopOrder(cluster, { ...order, accountId, currency });
  if (placed.outcome === 'closed') throw closed();
  if (placed.outcome !== 'placed') {
    const why = placed.outcome === 'unknown' ? 'is not sold here' : 'is not in stock in this quantity';
    throw new AltaError('ARTICLE_UNAVAILABLE', `items: ${JSON.stringify(placed.sku)} ${why}`, { details: { field: 'items' } });
  }
  const mp = createMercadoPago({ baseUrl: config.MP_BASE_URL, accessToken, timeoutMs: config.MP_TIMEOUT_MS });
  const preference = await mp.createPreference({
    title: `Order ${placed.order_id.slice(0, 8)}`,
    amount: placed.total,
    currency,
    externalReference: placed.order_id,
    notificationUrl: new URL(`/stores/${accountId}/webhooks/mercadopago`, config.PUBLIC_URL).href,
    idempotencyKey: placed.order_id,
  });
  return { orderId: placed.order_id, initPoint: preference.initPoint, total: placed.total, currency };
}

/** Served only where the settings ask for the minimal shop. */
export function shopRoutes(app: FastifyInstance, deps: ApiDeps): void {
  const { shop, apiMetrics } = deps;
  if (shop === undefined) return;
  const schema = { summary: "Enters a buyer's order and answers where it is paid", tags: ['stores'] };
  app.post<{ Params: { slug: string } }>('/stores/:slug/checkout', { schema }, async (request, reply) => {
    const parsed = shopCheckoutSchema.safeParse(request.body ?? {});
    if (!parsed.success) throw invalidInput(parsed.error);
    refuseUnreadable(parsed.data);
    try {
      const answer = await shopCheckout(shop, deps, request.params.slug, parsed.data);
      return await reply.code(201).send(answer);
    } catch (error) {
      if (isAltaError(error) && error.code === 'MP_NOT_CONFIGURED') apiMetrics?.notConfigured.inc();
      throw error;
    }
  });
}
