import { AltaError, type ErrorCode } from '../../contract/errors.ts';
import { now } from '../clock.ts';
import { parseJson } from './json.ts';
import { refusalSchema } from './schemas.ts';

/** What was asked, for messages: the act's name, and whether a repeat could do it a second time. */
export interface Act {
  readonly name: string;
  readonly writes: boolean;
  /** What a 404 in the documented form means for this act. */
  readonly notFound?: ErrorCode;
}

/** Longest wait that a `Retry-After` can ask of us; a longer one is capped, so that a broken header cannot park work for days. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Reads `Retry-After`, which is in seconds or an HTTP date; undefined when absent or unreadable. */
export function retryAfterMs(header: string | null): number | undefined {
  if (header === null || header.trim() === '') return undefined;
  const text = header.trim();
  const wait = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - now().getTime();
  return Number.isFinite(wait) ? Math.min(Math.max(wait, 0), MAX_RETRY_AFTER_MS) : undefined;
}

/** The error word and the cause's code of a refusal in the documented form; null when the body is something else. */
function readRefusal(body: string): { error: string | null; code: string | null } | null {
  let json: unknown;
  try {
    json = parseJson(body);
  } catch {
    return null;
  }
  const parsed = refusalSchema.safeParse(json);
  if (!parsed.success) return null;
  const { message, error, status, code, cause } = parsed.data;
  if (message == null && error == null && status == null && code == null) return null;
  // Only words that look like codes are passed on: free text could quote what we sent.
  const word = (value: string | number | null | undefined): string | null =>
    /^[\w-]{1,60}$/.test(String(value ?? '')) ? String(value) : null;
  return { error: word(error), code: word(cause?.[0]?.code ?? code) };
}

const byStatus = (status: number): ErrorCode => {
  if (status === 429) return 'MP_RATE_LIMITED';
  // 409: the same idempotency key is still at work (inferred from the SDK's error class); 423 and 424 pass as well.
  if (status >= 500 || [408, 409, 423, 424, 425].includes(status)) return 'MP_UNAVAILABLE';
  if (status === 401 || status === 403) return 'MP_UNAUTHORIZED';
  return 'MP_REJECTED';
};

/**
 * Turns an answer outside 2xx into its error. A permanent verdict is believed only in Mercado Pago's own documented form: an HTML
 * 404 or 403 comes from something in between and says nothing about the payment, so it counts as MP_BAD_ANSWER, which is retried.
 */
export function refusal(act: Act, status: number, headers: Headers, body: string): AltaError {
  const told = readRefusal(body);
  const lasting = status < 500 && status !== 429;
  const strange = status < 400 || (told === null && lasting && byStatus(status) !== 'MP_UNAVAILABLE');
  const absent = status === 404 ? act.notFound : undefined;
  // A gateway's own 404 has a message too, but not these words.
  const certain = told?.error === 'not_found' || told?.code === '2000';
  const code: ErrorCode = strange || (absent !== undefined && !certain) ? 'MP_BAD_ANSWER' : (absent ?? byStatus(status));
  const wait = retryAfterMs(headers.get('retry-after'));
  const words = [told?.error, told?.code].filter((word) => word != null).join(' ');
  const what = status < 400 ? `an unexpected ${status} (redirects are not followed)` : `HTTP ${status}${words === '' ? '' : ` ${words}`}`;
  return new AltaError(code, `Mercado Pago answered ${act.name} with ${what}`, {
    ...(wait === undefined ? {} : { retryAfterMs: wait }),
    details: {
      act: act.name,
      status,
      mpError: told?.error ?? null,
      mpCode: told?.code ?? null,
      mayHaveActed: act.writes && status >= 500,
    },
  });
}

/** No whole answer: refused, reset, cut or out of time. A write may have happened all the same. */
export function noAnswer(act: Act, why: string, cause?: unknown): AltaError {
  return new AltaError('MP_UNAVAILABLE', `Mercado Pago gave no whole answer to ${act.name}: ${why}`, {
    details: { act: act.name, mayHaveActed: act.writes },
    ...(cause === undefined ? {} : { cause }),
  });
}

/** A 2xx whose body is not what the documentation promises. `what` names fields, never values. */
export function badAnswer(act: Act, what: string): AltaError {
  return new AltaError('MP_BAD_ANSWER', `Mercado Pago answered ${act.name} with ${what}`, {
    details: { act: act.name, mayHaveActed: act.writes },
  });
}
