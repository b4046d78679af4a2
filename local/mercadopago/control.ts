import type { DeliveryRequest, StatusChange } from './control-routes.ts';
import type { CodeRequest } from './oauth.ts';
import type { PaymentOverrides } from './payments.ts';
import type { Fault, LedgerEntry, Operation, SimPayment, SimPreference } from './types.ts';
import type { DeliveryOptions, DeliveryReport } from './webhooks.ts';

export type { DeliveryOptions, DeliveryReport, Fault, LedgerEntry, PaymentOverrides, SimPayment, StatusChange };

/** Which part of the ledger. */
export interface LedgerQuery {
  after?: number;
  kind?: LedgerEntry['kind'];
  operation?: Operation;
}

/** Drives a simulator from a test or a demo, in this process or another. */
export function createControl(url: string) {
  const ask = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const response = await fetch(`${url}/__sim${path}`, {
      method,
      ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`the simulator answered ${method} ${path} with ${response.status}: ${text}`);
    return JSON.parse(text) as T;
  };
  const deliver = (request: DeliveryOptions & { paymentId?: string; paymentIds?: string[] }): Promise<DeliveryReport[]> => {
    const { paymentId, paymentIds = paymentId === undefined ? [] : [paymentId], ...options } = request;
    return ask('POST', '/deliver', { ...options, paymentIds } satisfies DeliveryRequest);
  };

  return {
    url,
    /** Pays a preference, approved unless told otherwise, and sends `payment.created`. With null, a payment of no preference. */
    async pay(preferenceId: string | null, overrides: PaymentOverrides = {}): Promise<SimPayment & { paymentId: string }> {
      const payment = await ask<SimPayment>('POST', '/pay', { preferenceId, ...overrides });
      return { ...payment, paymentId: String(payment.id) };
    },
    /** Changes a payment's status and sends `payment.updated`. */
    setStatus: (paymentId: string, status: string, change: Omit<StatusChange, 'status'> = {}): Promise<SimPayment> =>
      ask('POST', `/payments/${paymentId}/status`, { status, ...change }),
    /** Sends webhooks and tells how each first sending was answered. */
    deliver,
    /** Resolves when no webhook is on its way or planned. */
    idle: (): Promise<object> => ask('GET', '/idle'),
    payments: (): Promise<SimPayment[]> => ask('GET', '/payments'),
    preferences: (): Promise<SimPreference[]> => ask('GET', '/preferences'),
    faults: {
      add: (fault: Fault): Promise<Fault[]> => ask('POST', '/faults', fault),
      pending: (): Promise<Fault[]> => ask('GET', '/faults'),
      clear: (): Promise<Fault[]> => ask('DELETE', '/faults'),
    },
    /** What the next refunds end as: `approved`, `in_process`, `rejected`. */
    setRefundStatus: (status: string): Promise<object> => ask('POST', '/refund-status', { status }),
    /** Ends a refund that is in process: `approved`, `rejected`, `cancelled`. */
    endRefund: (refundId: string, status: string): Promise<object> => ask('POST', `/refunds/${refundId}/end`, { status }),
    /** A seller agrees: the code of the redirect. */
    issueCode: (request: CodeRequest): Promise<{ code: string; sellerId: string }> => ask('POST', '/oauth/code', request),
    /** A seller takes the consent back in Mercado Pago's panel, and the application is told by a webhook. */
    deauthorize: (userId: string, url: string): Promise<DeliveryReport[]> => ask('POST', '/oauth/deauthorize', { userId, url }),
    revoke: (userId: string): Promise<object> => ask('POST', '/oauth/revoke', { userId }),
    /** What happened, oldest first. */
    async ledger({ after = 0, kind, operation }: LedgerQuery = {}): Promise<LedgerEntry[]> {
      const entries = await ask<LedgerEntry[]>('GET', `/ledger?after=${after}`);
      return entries.filter(
        (entry) =>
          (kind === undefined || entry.kind === kind) &&
          (operation === undefined || (entry.kind === 'call' && entry.operation === operation)),
      );
    },
  };
}
export type MercadoPagoControl = ReturnType<typeof createControl>;
