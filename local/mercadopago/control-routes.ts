import { findPreference } from './checkout.ts';
import { type Context, fields } from './context.ts';
import type { FaultDesk } from './faults.ts';
import type { Answer, Request, Route } from './http.ts';
import { type CodeRequest, issueCode, revoke } from './oauth.ts';
import { type PaymentOverrides, changePayment, makePayment } from './payments.ts';
import { endRefund } from './refunds.ts';
import { type Fault, Refused, type StoredPayment } from './types.ts';
import type { DeliveryOptions, Target } from './webhooks.ts';

const ok = (body: unknown): Answer => ({ status: 200, body });

function stored({ store }: Context, id: unknown): StoredPayment {
  const found = store.get('payment', String(id));
  if (found === undefined) throw new Refused(404, 'not_found', `no payment ${String(id)}`);
  return found;
}

export interface StatusChange {
  status: string;
  statusDetail?: string;
  /** Decimal text: what was given back; everything for `refunded`. */
  amountRefunded?: string;
  notify?: boolean;
}

/** Which payments to tell about; a `url` is needed for an id that is no payment here. */
export interface DeliveryRequest extends DeliveryOptions {
  paymentIds: string[];
}

async function deliver(context: Context, request: Request): Promise<Answer> {
  const { paymentIds, ...options } = fields(request) as unknown as DeliveryRequest;
  const targets = paymentIds.map((dataId): Target => {
    const url = options.url ?? stored(context, dataId).payment.notification_url;
    if (url === null) throw new Refused(400, 'bad_request', `payment ${dataId} has no notification_url`);
    return { dataId, url };
  });
  return ok(await context.postman.deliver(targets, options));
}

/** What only a simulator has; tests and demos reach these through `control.ts`. */
export const controlRoutes = (context: Context, faults: FaultDesk): Route[] => [
  {
    method: 'POST',
    path: '/__sim/pay',
    handle: (request) => {
      const { preferenceId, ...over } = fields(request) as { preferenceId?: string | null } & PaymentOverrides;
      const preference = preferenceId == null ? undefined : findPreference(context, preferenceId);
      return ok(makePayment(context, preference, over).payment);
    },
  },
  {
    method: 'POST',
    path: '/__sim/payments/:id/status',
    handle: (request) => {
      const change = fields(request) as unknown as StatusChange;
      const before = stored(context, request.params['id']);
      const whole = change.status === 'refunded' ? String(before.payment.transaction_amount) : undefined;
      const refunded = change.amountRefunded ?? whole;
      const changes = {
        status: change.status,
        ...(change.statusDetail === undefined ? {} : { status_detail: change.statusDetail }),
        ...(refunded === undefined ? {} : { transaction_amount_refunded: Number(refunded) }),
      };
      return ok(changePayment(context, before, changes, change.notify !== false).payment);
    },
  },
  { method: 'GET', path: '/__sim/payments', handle: () => ok(context.store.all('payment').map(({ payment }) => payment)) },
  { method: 'GET', path: '/__sim/preferences', handle: () => ok(context.store.all('preference')) },
  { method: 'POST', path: '/__sim/deliver', handle: (request) => deliver(context, request) },
  {
    method: 'GET',
    path: '/__sim/idle',
    handle: async () => {
      await context.postman.idle();
      return ok({});
    },
  },
  {
    method: 'POST',
    path: '/__sim/faults',
    handle: (request) => {
      faults.add(fields(request) as unknown as Fault);
      return ok(faults.pending());
    },
  },
  { method: 'GET', path: '/__sim/faults', handle: () => ok(faults.pending()) },
  {
    method: 'DELETE',
    path: '/__sim/faults',
    handle: () => {
      faults.clear();
      return ok([]);
    },
  },
  {
    method: 'POST',
    path: '/__sim/refund-status',
    handle: (request) => {
      context.refundStatus.next = String(fields(request)['status']);
      return ok(context.refundStatus);
    },
  },
  {
    method: 'POST',
    path: '/__sim/refunds/:id/end',
    handle: (request) => ok(endRefund(context, request.params['id'] ?? '', String(fields(request)['status']))),
  },
  { method: 'POST', path: '/__sim/oauth/code', handle: (request) => ok(issueCode(context, fields(request) as unknown as CodeRequest)) },
  {
    method: 'POST',
    path: '/__sim/oauth/revoke',
    handle: (request) => {
      revoke(context, String(fields(request)['userId']));
      return ok({});
    },
  },
  {
    method: 'POST',
    path: '/__sim/oauth/deauthorize',
    handle: async (request) => {
      const { userId, url } = fields(request);
      revoke(context, String(userId));
      // The resource is the application; the seller stands in the body only.
      const target = { dataId: context.settings.clientId, url: String(url) };
      return ok(
        await context.postman.deliver([target], { topic: 'mp-connect', action: 'application.deauthorized', userId: String(userId) }),
      );
    },
  },
  { method: 'GET', path: '/__sim/ledger', handle: ({ url }) => ok(context.store.ledger(Number(url.searchParams.get('after') ?? 0))) },
  { method: 'GET', path: '/__sim/health', handle: () => ok({ ready: true }) },
];
