import { OUTBOX_BACKOFF_MS, OUTBOX_MAX_ATTEMPTS } from '../../contract/outbox.ts';
import { errorRow, isAltaError, type ErrorCode } from '../../contract/errors.ts';

/**
 * What follows from a failed delivery:
 * - `release`: the other side pushed back; the attempt does not count (decision 7);
 * - `retry`: it counts, and the row waits 30 s, 2 m, 8 m, 32 m;
 * - `fail`: five attempts are used up, or the row itself can never be delivered.
 */
export type Consequence =
  | { kind: 'release'; delayMs: number; code: ErrorCode; message: string }
  | { kind: 'retry'; delayMs: number; code: ErrorCode; message: string }
  | { kind: 'fail'; code: ErrorCode; message: string };

/** Pushback: nothing is wrong with the row, and counting would kill good rows in an outage of ours. */
const PUSHBACK: ReadonlySet<ErrorCode> = new Set(['TEMPORAL_UNAVAILABLE', 'ADMIN_DB_UNAVAILABLE', 'MP_RATE_LIMITED']);
const RELEASE_MS = 2_000;

/**
 * Judges a failed delivery. A declared, permanent error about the row itself is dead at once (P-226); a fault of the installation,
 * such as a wrong access token, is permanent too but would be true of every row, so it is retried on the timetable.
 */
export function consequenceOf(error: unknown, attempt: number): Consequence {
  const code = isAltaError(error) ? error.code : 'INTERNAL';
  const message = isAltaError(error) ? error.message : 'unforeseen failure';
  const asked = isAltaError(error) ? error.retryAfterMs : undefined;
  if (PUSHBACK.has(code)) return { kind: 'release', delayMs: asked ?? Math.round(RELEASE_MS * (0.5 + Math.random())), code, message };
  const { retryable, onExhausted } = errorRow(code);
  const hopeless = !retryable && onExhausted !== 'park';
  const wait = OUTBOX_BACKOFF_MS[attempt - 1];
  if (hopeless || attempt >= OUTBOX_MAX_ATTEMPTS || wait === undefined) return { kind: 'fail', code, message };
  return { kind: 'retry', delayMs: Math.max(wait, asked ?? 0), code, message };
}
