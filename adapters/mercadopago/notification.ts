import { createHash } from 'node:crypto';
import { parseJson } from './json.ts';

/** What a web framework parsed: text, several texts, or anything a caller made of it. */
type Values = Readonly<Record<string, unknown>>;

export interface NotificationRequest {
  /** Decoded query; dotted keys stay flat (`data.id`). */
  query: Values;
  /** With lower-case names, as Node gives them. */
  headers: Values;
  /** Parsed JSON, or its raw text or bytes (which keeps 64-bit ids whole). */
  body: unknown;
}

interface Common {
  /** `type` of the query, else of the body: `payment`, `mp-connect`, ... */
  topic: string | null;
  action: string | null;
  /** Unique per delivery that must be looked at (decision 2). */
  deliveryKey: string;
  /** The seller the notification is about. */
  userId: string | null;
  /** `X-Retry`: how often it was sent before. */
  attempt: number | null;
}

export type Notification =
  | (Common & { kind: 'payment'; dataId: string })
  /** A seller took the consent back; the seller is `userId`, which is not signed: a hint like every other. */
  | (Common & { kind: 'deauthorized'; dataId: string; userId: string })
  /** 200 and nothing else. A legacy call is never signed, so it is ignored without a look at its signature. */
  | (Common & { kind: 'ignored'; dataId: string | null; reason: 'legacy' | 'topic' })
  /** 400: NOTIFICATION_INVALID. */
  | (Common & {
      kind: 'invalid';
      dataId: string | null;
      reason: 'data-id-missing' | 'data-id-malformed' | 'data-id-mismatch' | 'body-malformed';
    });

/** Exactly one, not blank. */
const one = (value: unknown): string | undefined => {
  const text = Array.isArray(value) ? (value.length === 1 ? (value[0] as unknown) : undefined) : value;
  return typeof text === 'string' && text.trim() !== '' ? text.trim() : undefined;
};

/** An id that may be a number or text. An unsafe number has lost digits already, so it identifies nothing. */
const idText = (value: unknown): string | undefined => {
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  return typeof text === 'string' && /^[\x21-\x7e]{1,128}$/.test(text) ? text : undefined;
};

/** A short word for logs and rows. */
const word = (value: unknown): string | null => (typeof value === 'string' && /^[\w.-]{1,60}$/.test(value) ? value : null);

type Body = Record<string, unknown>;

/** The body as an object; empty where there is none; null where it is something else. Only query and headers are signed. */
function readBody(raw: unknown): Body | null {
  let value = raw;
  if (Buffer.isBuffer(value)) value = value.toString('utf8');
  if (value === undefined || value === null || value === '') return {};
  try {
    if (typeof value === 'string') value = parseJson(value);
  } catch {
    return null;
  }
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Body) : null;
}

function deliveryKey({ query, headers }: NotificationRequest, body: Body, dataId: string | undefined): string {
  const id = idText(body['id']);
  // The documented example has the payment's own id there: no id of a notification.
  if (id !== undefined && id !== dataId) return `n:${id}`;
  const requestId = one(headers['x-request-id']);
  if (requestId !== undefined && /^[\x21-\x7e]{1,200}$/.test(requestId)) return `r:${requestId}`;
  const pairs = Object.entries(query).sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return `q:${createHash('sha256')
    .update(JSON.stringify([pairs, headers['x-signature'] ?? null]))
    .digest('hex')}`;
}

/**
 * Reads what a notification is about. It checks no signature: do that with the same `data.id` for every kind but `ignored: legacy`
 * and `invalid`. A payment notification is only a hint that this payment should be read (law 1).
 */
export function parseNotification(request: NotificationRequest): Notification {
  const { query, headers } = request;
  const body = readBody(request.body);
  const dataId = one(query['data.id']);
  const retry = one(headers['x-retry']);
  const common: Common = {
    topic: word(one(query['type'])) ?? word(body?.['type']) ?? word(one(query['topic'])) ?? word(body?.['topic']),
    action: word(body?.['action']),
    deliveryKey: deliveryKey(request, body ?? {}, dataId),
    userId: idText(body?.['user_id']) ?? null,
    attempt: retry !== undefined && /^\d{1,4}$/.test(retry) ? Number(retry) : null,
  };
  if (query['data.id'] === undefined && one(query['topic']) !== undefined && one(query['id']) !== undefined) {
    return { ...common, kind: 'ignored', dataId: null, reason: 'legacy' };
  }
  if (dataId === undefined) return { ...common, kind: 'invalid', dataId: null, reason: 'data-id-missing' };
  if (!/^[A-Za-z0-9_-]{1,64}$/.test(dataId)) return { ...common, kind: 'invalid', dataId: null, reason: 'data-id-malformed' };
  if (body === null) return { ...common, kind: 'invalid', dataId, reason: 'body-malformed' };
  const data = body['data'];
  const inner = typeof data === 'object' && data !== null ? (data as Body)['id'] : undefined;
  if (inner !== undefined && inner !== null && idText(inner)?.toLowerCase() !== dataId.toLowerCase()) {
    return { ...common, kind: 'invalid', dataId, reason: 'data-id-mismatch' };
  }
  if (common.topic === 'mp-connect' && common.action === 'application.deauthorized' && /^\d{1,20}$/.test(common.userId ?? ''))
    return { ...common, kind: 'deauthorized', dataId, userId: common.userId! };
  if (common.topic !== 'payment') return { ...common, kind: 'ignored', dataId, reason: 'topic' };
  if (!/^\d{1,20}$/.test(dataId)) return { ...common, kind: 'invalid', dataId, reason: 'data-id-malformed' };
  return { ...common, kind: 'payment', dataId };
}
