import { randomUUID } from 'node:crypto';
import { type Context, authenticate, fields, idempotent, stamp } from './context.ts';
import type { Answer, Request, Route } from './http.ts';
import { makePayment, webAddress } from './payments.ts';
import { Refused, type SimPreference } from './types.ts';

const text = (value: unknown): string | null => (typeof value === 'string' && value !== '' ? value : null);

function createPreference(context: Context, request: Request): Answer {
  const collector = authenticate(context, request);
  const body = fields(request);
  const items = Array.isArray(body['items']) ? (body['items'] as SimPreference['items']) : [];
  const fine = items.every(
    (item) => typeof item.unit_price === 'number' && item.unit_price > 0 && Number.isInteger(item.quantity) && item.quantity > 0,
  );
  if (items.length === 0 || !fine) throw new Refused(400, 'invalid_items', 'items needed, with unit_price and quantity');
  const preference: SimPreference = {
    id: `${collector}-${randomUUID()}`,
    collector_id: Number(collector),
    items,
    external_reference: text(body['external_reference']),
    notification_url: webAddress(text(body['notification_url'])),
    back_urls: (body['back_urls'] as SimPreference['back_urls'] | undefined) ?? {},
    date_created: stamp(new Date()),
  };
  context.store.put('preference', preference.id, preference);
  const amount = items.reduce((sum, item) => sum + item.unit_price * item.quantity, 0);
  context.store.record({ kind: 'effect', what: 'preference.created', id: preference.id, amount, reference: preference.external_reference });
  return { status: 201, body: preference };
}

/** The link is made when it is shown: after a restart the simulator listens elsewhere. */
function shown(context: Context, preference: SimPreference): object {
  const link = `${context.url()}/checkout/v1/redirect?pref_id=${preference.id}`;
  return { ...preference, init_point: link, sandbox_init_point: link };
}

/** The preference of this id, or 404. */
export function findPreference({ store }: Context, id: string): SimPreference {
  const preference = store.get('preference', id);
  if (preference === undefined) throw new Refused(404, 'not_found', 'preference not found');
  return preference;
}

const escape = (value: string): string => value.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);

/** The page behind `init_point`: a person pays here, as with Checkout Pro. */
function page(preference: SimPreference): string {
  const rows = preference.items.map((item) => `<li>${escape(item.title)}: ${escape(item.currency_id)} ${item.unit_price}</li>`).join('');
  const button = (status: string, label: string): string => `<button name="status" value="${status}">${label}</button> `;
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>Simulated checkout</title><body style="font:16px system-ui;max-width:32em;margin:4em auto">
<h1>Simulated checkout</h1><p>No money moves here.</p><ul>${rows}</ul>
<form method="post" action="/checkout/v1/pay"><input type="hidden" name="pref_id" value="${escape(preference.id)}">
${button('approved', 'Pay')}${button('pending', 'Pay later')}${button('rejected', 'Be rejected')}</form></body></html>`;
}

/** Preferences, and the page where a person pays one. */
export const checkoutRoutes = (context: Context): Route[] => [
  {
    method: 'POST',
    path: '/checkout/preferences',
    operation: 'preference.create',
    handle: (request) => {
      const answer = idempotent(context, request, false, () => createPreference(context, request));
      return { ...answer, body: shown(context, answer.body as SimPreference) };
    },
  },
  {
    method: 'GET',
    path: '/checkout/preferences/:id',
    operation: 'preference.get',
    handle: (request) => {
      authenticate(context, request);
      return { status: 200, body: shown(context, findPreference(context, request.params['id'] ?? '')) };
    },
  },
  {
    method: 'GET',
    path: '/checkout/v1/redirect',
    operation: 'checkout.page',
    handle: ({ url }) => ({ status: 200, body: page(findPreference(context, url.searchParams.get('pref_id') ?? '')) }),
  },
  {
    method: 'POST',
    path: '/checkout/v1/pay',
    operation: 'checkout.pay',
    handle: (request) => {
      const { pref_id: id, status } = fields(request);
      const preference = findPreference(context, String(id));
      const { payment } = makePayment(context, preference, { status: typeof status === 'string' ? status : 'approved' });
      const back = preference.back_urls.success;
      const done = `<p>Payment ${payment.id} is ${escape(payment.status)}.</p>`;
      if (back === undefined || !/^https?:/.test(back)) return { status: 200, body: done };
      const target = new URL(back);
      target.searchParams.set('payment_id', String(payment.id));
      target.searchParams.set('status', payment.status);
      target.searchParams.set('external_reference', payment.external_reference ?? '');
      return { status: 303, body: done, headers: { location: target.href } };
    },
  },
];
