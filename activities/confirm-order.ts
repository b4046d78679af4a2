import { askForResync, loadSnapshot } from '../adapters/admin-db/index.ts';
import { confirmShopOrder } from '../adapters/cluster/index.ts';
import { merchantCredentials } from '../adapters/merchant-credentials.ts';
import { createMercadoPago, readPayment } from '../adapters/mercadopago/index.ts';
import { AltaError } from '../contract/errors.ts';
import { confirmOrderSchema, type ConfirmOrderInput, type ConfirmOrderResult } from '../contract/shop.ts';
import type { ActivityDeps } from './deps.ts';
import { isUuid } from '../contract/ids.ts';

const IGNORED: ConfirmOrderResult = { outcome: 'ignored', orderId: null };

/**
 * `confirm-order`: reads a buyer's payment back with the merchant's own token, which alone may see it, and confirms the order that it
 * pays whole. Repeating it confirms nothing twice. Throws MP_NOT_CONFIGURED, MP_*, CLUSTER_*.
 */
export function confirmOrderStep(deps: ActivityDeps) {
  const { db, clusters, config, log } = deps;
  return async (input: ConfirmOrderInput): Promise<ConfirmOrderResult> => {
    const { accountId, paymentId } = confirmOrderSchema.parse(input);
    const { backendClusterId, version } = await loadSnapshot(db, accountId);
    if (backendClusterId === null) throw new AltaError('CLUSTER_UNKNOWN', `account ${accountId} has no cluster`);
    const cluster = await clusters.get(backendClusterId);
    const { accessToken, from } = await merchantCredentials(deps, cluster, accountId);
    if (from === 'admin') await askForResync(db, { accountId, version });

    const mp = createMercadoPago({ baseUrl: config.MP_BASE_URL, accessToken, timeoutMs: config.MP_TIMEOUT_MS });
    const payment = await readPayment(mp, paymentId);
    if (payment?.status !== 'approved' || payment.externalReference === null || !isUuid(payment.externalReference)) return IGNORED;
    const orderId = payment.externalReference.toLowerCase();
    const { amount, currency } = payment;
    const outcome = await confirmShopOrder(cluster, { accountId, orderId, paymentId, amount, currency });
    if (outcome === 'mismatch' || outcome === 'paid_otherwise')
      log.warn({ accountId, paymentId, orderId, alert: 'order not confirmed' }, `a buyer's payment confirms nothing: ${outcome}`);
    return { outcome, orderId };
  };
}
