import { isAltaError } from '../../contract/errors.ts';
import type { MercadoPago } from './index.ts';
import type { Payment } from './schemas.ts';

/** Reads a payment back; null when Mercado Pago does not know it. Throws MP_*. */
export async function readPayment(mp: Pick<MercadoPago, 'getPayment'>, paymentId: string): Promise<Payment | null> {
  try {
    return await mp.getPayment(paymentId);
  } catch (error) {
    if (isAltaError(error) && error.code === 'PAYMENT_NOT_FOUND') return null;
    throw error;
  }
}
