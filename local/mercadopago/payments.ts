import { type Context, authenticate, stamp, visiblePayment } from './context.ts';
import type { Answer, Request, Route } from './http.ts';
import { Refused, type SimPayment, type SimPreference, type StoredPayment } from './types.ts';

/** What a test may change about a payment. */
export interface PaymentOverrides {
  status?: string;
  statusDetail?: string;
  /** Decimal text. */
  amount?: string;
  currency?: string;
  collectorId?: string;
  externalReference?: string | null;
  liveMode?: boolean;
  /** The user who may read it; another one gets 403. */
  owner?: string;
  notificationUrl?: string;
  /** False: no webhook, as when it is lost. */
  notify?: boolean;
}

const DETAILS: Record<string, string> = {
  approved: 'accredited',
  pending: 'pending_waiting_payment',
  in_process: 'pending_review_manual',
  authorized: 'pending_capture',
  rejected: 'cc_rejected_other_reason',
  cancelled: 'by_payer',
  refunded: 'refunded',
  charged_back: 'settled',
  in_mediation: 'pending',
};

/** Refuses what no webhook could be sent to. */
export function webAddress(url: string | null): string | null {
  if (url !== null && !(URL.canParse(url) && /^https?:/.test(url))) throw new Refused(400, 'bad_request', 'notification_url must be a URL');
  return url;
}

/** Tells the preference's notification_url, without waiting for it. */
export function notify(context: Context, { payment }: StoredPayment, action: string): void {
  if (payment.notification_url === null) return;
  void context.postman.deliver([{ dataId: String(payment.id), url: payment.notification_url }], { action });
}

/** Somebody pays a preference; with none, a payment out of the blue is made. */
export function makePayment(context: Context, preference: SimPreference | undefined, over: PaymentOverrides): StoredPayment {
  const { settings, store } = context;
  const status = over.status ?? 'approved';
  const at = stamp(new Date());
  const total = (preference?.items ?? []).reduce((sum, item) => sum + item.unit_price * item.quantity, 0);
  const payment: SimPayment = {
    id: store.nextId(),
    status,
    status_detail: over.statusDetail ?? DETAILS[status] ?? status,
    transaction_amount: over.amount === undefined ? total : Number(over.amount),
    transaction_amount_refunded: 0,
    currency_id: over.currency ?? preference?.items[0]?.currency_id ?? 'ARS',
    collector_id: Number(over.collectorId ?? preference?.collector_id ?? settings.collectorId),
    external_reference: over.externalReference === undefined ? (preference?.external_reference ?? null) : over.externalReference,
    live_mode: over.liveMode ?? settings.liveMode,
    date_created: at,
    date_approved: status === 'approved' ? at : null,
    date_last_updated: at,
    operation_type: 'regular_payment',
    captured: status === 'approved',
    // The real API may hide the payer as well.
    payer: { id: null, email: null },
    order: { id: String(store.nextId()), type: 'mercadopago' },
    metadata: {},
    notification_url: webAddress(over.notificationUrl ?? null) ?? preference?.notification_url ?? null,
  };
  const stored = { owner: over.owner ?? settings.collectorId, payment };
  store.put('payment', String(payment.id), stored);
  store.record({
    kind: 'effect',
    what: 'payment.created',
    id: String(payment.id),
    amount: payment.transaction_amount,
    reference: payment.external_reference,
  });
  if (over.notify !== false) notify(context, stored, 'payment.created');
  return stored;
}

/** Changes a payment, as time or the buyer's bank would. */
export function changePayment(context: Context, stored: StoredPayment, changes: Partial<SimPayment>, tell = true): StoredPayment {
  const at = stamp(new Date());
  const status = changes.status ?? stored.payment.status;
  const payment: SimPayment = {
    ...stored.payment,
    status_detail: DETAILS[status] ?? status,
    date_approved: status === 'approved' ? (stored.payment.date_approved ?? at) : stored.payment.date_approved,
    date_last_updated: at,
    ...changes,
  };
  const next = { ...stored, payment };
  context.store.put('payment', String(payment.id), next);
  context.store.record({
    kind: 'effect',
    what: `payment.${status}`,
    id: String(payment.id),
    amount: payment.transaction_amount,
    reference: payment.external_reference,
  });
  if (tell) notify(context, next, 'payment.updated');
  return next;
}

/** A bound of a range: a time, or an anchor such as NOW or NOW-1DAYS of which only NOW is known here. */
function bound(text: string | null, what: string): number {
  const at = text === 'NOW' ? Date.now() + 1 : Date.parse(text ?? '');
  if (Number.isNaN(at)) throw new Refused(400, 'bad_request', `${what} is not a date`);
  return at;
}

function search(context: Context, request: Request): Answer {
  const user = authenticate(context, request);
  const query = request.url.searchParams;
  const reference = query.get('external_reference');
  const status = query.get('status');
  const field = query.get('range') === 'date_created' ? 'date_created' : 'date_last_updated';
  const ranged = query.get('range') !== null;
  const from = ranged ? bound(query.get('begin_date'), 'begin_date') : 0;
  const to = ranged ? bound(query.get('end_date'), 'end_date') : Infinity;
  const order = query.get('criteria') === 'desc' ? -1 : 1;
  const found = context.store
    .all('payment')
    .filter(({ owner }) => owner === user)
    .map(({ payment }) => payment)
    .filter((payment) => reference === null || payment.external_reference === reference)
    .filter((payment) => status === null || payment.status === status)
    .filter((payment) => Date.parse(payment[field]) >= from && Date.parse(payment[field]) <= to)
    .sort((a, b) => order * (Date.parse(a[field]) - Date.parse(b[field]) || a.id - b.id));
  const offset = Number(query.get('offset') ?? 0);
  const limit = Math.min(Number(query.get('limit') ?? 30), 50);
  return { status: 200, body: { paging: { total: found.length, limit, offset }, results: found.slice(offset, offset + limit) } };
}

/** Reading payments. `search` comes first, because it looks like an id. */
export const paymentRoutes = (context: Context): Route[] => [
  { method: 'GET', path: '/v1/payments/search', operation: 'payment.search', handle: (request) => search(context, request) },
  {
    method: 'GET',
    path: '/v1/payments/:id',
    operation: 'payment.get',
    handle: (request) => ({ status: 200, body: visiblePayment(context, request).payment }),
  },
];
