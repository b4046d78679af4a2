import { createHmac, timingSafeEqual } from 'node:crypto';

export interface SignatureRequest {
  /** As Node gives headers: absent, one value, or several. */
  xSignature: string | readonly string[] | undefined;
  xRequestId: string | readonly string[] | undefined;
  /** `data.id` of the query string, decoded. */
  dataId: string | readonly string[] | undefined;
  /** Several during a rotation; each is tried. */
  secrets: readonly { id: string; secret: string }[];
  now: Date;
  /** Oldest accepted signature time; wide, because genuine retries come days later (decision 1). */
  maxAgeMs: number;
  maxFutureMs: number;
}

export type SignatureFailure =
  | 'signature-missing'
  | 'signature-malformed'
  | 'timestamp-malformed'
  | 'hash-malformed'
  | 'request-id-malformed'
  | 'data-id-missing'
  | 'data-id-malformed'
  | 'no-secret'
  | 'mismatch'
  | 'too-old'
  | 'in-future';

export type SignatureCheck =
  | { ok: true; secretId: string; variant: 'verbatim' | 'lowercase'; /** now - ts: positive when signed in the past. */ skewMs: number }
  | { ok: false; reason: SignatureFailure };

/** One value, trimmed; undefined when absent or blank; null when repeated, because then two parties could read two different ones. */
function single(value: string | readonly string[] | undefined): string | undefined | null {
  if (value === undefined) return undefined;
  const all = typeof value === 'string' ? [value] : value;
  if (all.length > 1) return null;
  const text = all[0]?.trim();
  return text === undefined || text === '' ? undefined : text;
}

/** `ts=...,v1=...` with any spaces; other parts are ignored, a repeated one makes the header malformed. */
function parseHeader(header: string): Map<string, string> | null {
  const parts = new Map<string, string>();
  for (const part of header.split(',')) {
    const at = part.indexOf('=');
    if (at < 1) continue;
    const key = part.slice(0, at).trim().toLowerCase();
    if (parts.has(key)) return null;
    parts.set(key, part.slice(at + 1).trim());
  }
  return parts;
}

// Without these, `data.id=A;request-id:B` and no header would make the same manifest as data.id A with request id B.
const DATA_ID = /^[A-Za-z0-9_-]{1,64}$/;
const REQUEST_ID = /^[\x21-\x3a\x3c-\x7e]{1,200}$/;

/**
 * Checks the origin of a webhook (P-104, decisions 1 and 3; facts/mercadopago.md, section 2): HMAC-SHA256 over
 * `id:<data.id>;request-id:<x-request-id>;ts:<ts>;`, data.id verbatim or lower-cased, the request-id pair left out where the header
 * is absent, ts in seconds or milliseconds. Every secret and variant is compared in constant time, without an early end.
 */
export function verifySignature(request: SignatureRequest): SignatureCheck {
  const fail = (reason: SignatureFailure): SignatureCheck => ({ ok: false, reason });
  const header = single(request.xSignature);
  if (header === undefined) return fail('signature-missing');
  const parts = header === null ? null : parseHeader(header);
  if (parts === null) return fail('signature-malformed');
  const dataId = single(request.dataId);
  if (dataId === undefined) return fail('data-id-missing');
  if (dataId === null || !DATA_ID.test(dataId)) return fail('data-id-malformed');
  const requestId = single(request.xRequestId);
  if (requestId === null || (requestId !== undefined && !REQUEST_ID.test(requestId))) return fail('request-id-malformed');
  const ts = parts.get('ts') ?? '';
  if (!/^\d{1,15}$/.test(ts)) return fail('timestamp-malformed');
  const hash = parts.get('v1') ?? '';
  if (!/^[0-9a-f]{64}$/.test(hash)) return fail('hash-malformed');
  const secrets = request.secrets.filter(({ secret }) => secret !== '');
  if (secrets.length === 0) return fail('no-secret');

  const given = Buffer.from(hash, 'hex');
  const tail = `${requestId === undefined ? '' : `request-id:${requestId};`}ts:${ts};`;
  let found: { secretId: string; variant: 'verbatim' | 'lowercase' } | undefined;
  for (const { id, secret } of secrets) {
    for (const variant of ['verbatim', 'lowercase'] as const) {
      const signed = variant === 'verbatim' ? dataId : dataId.toLowerCase();
      const expected = createHmac('sha256', secret).update(`id:${signed};${tail}`).digest();
      if (timingSafeEqual(expected, given)) found ??= { secretId: id, variant };
    }
  }
  if (found === undefined) return fail('mismatch');

  // Documents and SDKs disagree on the unit; 1e11 s is the year 5138, 1e11 ms is 1973.
  const signedAt = Number(ts) > 1e11 ? Number(ts) : Number(ts) * 1_000;
  const skewMs = request.now.getTime() - signedAt;
  if (skewMs > request.maxAgeMs) return fail('too-old');
  if (-skewMs > request.maxFutureMs) return fail('in-future');
  return { ok: true, ...found, skewMs };
}
