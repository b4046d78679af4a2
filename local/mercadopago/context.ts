import { isDeepStrictEqual } from 'node:util';
import type { Answer, Request } from './http.ts';
import type { Store } from './store.ts';
import { Refused, type Settings, type StoredPayment } from './types.ts';
import type { Postman } from './webhooks.ts';

/** What the parts of the simulator share. */
export interface Context {
  settings: Settings;
  store: Store;
  postman: Postman;
  /** Known once it listens. */
  url(): string;
  /** What the next refunds end as; `approved` unless a test says otherwise. */
  refundStatus: { next: string };
}

/** The user behind the bearer token; 401 in the documented form otherwise. */
export function authenticate({ settings, store }: Context, request: Request): string {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1];
  if (token !== undefined && token === settings.accessToken) return settings.collectorId;
  const known = token === undefined ? undefined : store.get('token', token);
  if (known?.valid !== true) throw new Refused(401, 'unauthorized', 'invalid access token');
  return known.userId;
}

/** A payment that this user may read: 404 with code 2000, or 403 with code 4 for another seller's. */
export function visiblePayment(context: Context, request: Request): StoredPayment {
  const user = authenticate(context, request);
  const stored = context.store.get('payment', request.params['id'] ?? '');
  if (stored === undefined) throw new Refused(404, 'not_found', 'Payment not found', 2000);
  if (stored.owner !== user) throw new Refused(403, 'forbidden', 'The caller is not authorized to access this resource', 4);
  return stored;
}

/** The same key on the same path answers what it answered before; with another body it is a conflict. */
export function idempotent({ store }: Context, request: Request, required: boolean, act: () => Answer): Answer {
  const key = request.headers['x-idempotency-key'];
  if (typeof key !== 'string' || key.trim() === '') {
    if (required) throw new Refused(400, 'bad_request', "Header X-Idempotency-Key can't be null", 4292);
    return act();
  }
  const place = `${request.url.pathname}|${key}`;
  const body = request.body ?? {};
  const before = store.get('idempotency', place);
  if (before !== undefined) {
    if (!isDeepStrictEqual(before.body, body)) throw new Refused(409, 'idempotency_error', 'the key was used with another body');
    return { ...before.answer, repeated: true };
  }
  const answer = act();
  store.put('idempotency', place, { body, answer });
  return answer;
}

/** The body as an object. */
export function fields(request: Request): Record<string, unknown> {
  const { body } = request;
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Refused(400, 'bad_request', 'the body must be an object');
  return body as Record<string, unknown>;
}

/** Mercado Pago's own form of a time. */
export const stamp = (at: Date): string => at.toISOString().replace('Z', '+00:00');
