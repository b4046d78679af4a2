/**
 * The error table: every failure that Alta throws has one of these codes, and the code alone decides what happens next.
 *
 * - `retryable`: the same call may succeed later without anybody acting.
 * - `onExhausted`: what the onboarding does before the pivot once the failure is final (not retryable, or its retries are
 *   used up): `compensate` undoes the finished steps, `park` stops at the step and waits for an operator (law 7),
 *   `reject` ends the run before anything was made.
 * - `http`: the status an API caller sees.
 * - `hint`: what an operator does about it.
 *
 * After the pivot nothing compensates by itself, whatever this table says.
 */
export type Disposition = 'compensate' | 'park' | 'reject';

export interface ErrorRow {
  readonly retryable: boolean;
  readonly onExhausted: Disposition;
  readonly http: number;
  readonly hint: string;
}

const row = (retryable: boolean, onExhausted: Disposition, http: number, hint: string): ErrorRow => ({
  retryable,
  onExhausted,
  http,
  hint,
});

export const ERROR_TABLE = {
  // Input and configuration
  INPUT_INVALID: row(false, 'compensate', 400, 'Correct the named field and send the request again.'),
  CONFIG_INVALID: row(false, 'park', 500, 'Set the named setting and start the process again.'),
  NOT_FOUND: row(false, 'park', 404, 'Check the id; nothing is stored under it.'),
  CONFLICT: row(false, 'park', 409, 'Somebody else changed this meanwhile; read it again and decide anew.'),
  LEGACY_JOB_TYPE: row(false, 'compensate', 410, 'PROVISION_CLIENT is gone; pay the order, the onboarding starts by itself.'),
  INTERNAL: row(true, 'park', 500, 'An unforeseen failure: read the cause in the step row, then retry.'),

  // Webhook intake
  SIGNATURE_INVALID: row(false, 'reject', 401, 'Compare MP_WEBHOOK_SECRETS with the secret shown in the Mercado Pago panel.'),
  NOTIFICATION_INVALID: row(false, 'reject', 400, 'The notification is malformed; compare its query and body.'),
  BODY_TOO_LARGE: row(false, 'reject', 413, 'Send at most the stated number of bytes.'),
  UNAUTHORIZED: row(false, 'reject', 401, 'Sign in with the name and token of an operator (ALTA_OPERATOR_TOKENS).'),
  RATE_LIMITED: row(true, 'park', 429, 'Slow down; retry after the stated time.'),

  // Payment checks
  PAYMENT_NOT_FOUND: row(false, 'reject', 404, 'Mercado Pago does not know this payment; a simulated notification does this.'),
  PAYMENT_NOT_APPROVED: row(false, 'reject', 409, 'Wait for the approval; the next notification starts a new run.'),
  PAYMENT_AMOUNT_MISMATCH: row(false, 'reject', 409, 'Compare the amount paid with the order; refund or correct by hand.'),
  PAYMENT_CURRENCY_MISMATCH: row(false, 'reject', 409, 'Compare the currency paid with the order; refund by hand.'),
  PAYMENT_COLLECTOR_MISMATCH: row(false, 'reject', 409, 'The money went to another collector; check MP_COLLECTOR_ID.'),
  PAYMENT_REFERENCE_MISMATCH: row(false, 'reject', 409, 'The payment names another order; find out which one was meant.'),
  PAYMENT_MODE_MISMATCH: row(false, 'reject', 409, 'A test payment reached a live installation, or the reverse; check MP_LIVE_MODE.'),
  PAYMENT_USED_ELSEWHERE: row(false, 'reject', 409, 'This payment already bought another account; refund or correct by hand.'),
  PAYMENT_REVERSED: row(
    false,
    'park',
    409,
    'The money went back while the store went live: `retry` reads it again, `skip` keeps the store.',
  ),

  // Refunds
  REFUND_UNDECIDED: row(false, 'park', 409, 'Money was taken and no store was made: `alta refunds decide <payment> refund|keep`.'),
  REFUND_PENDING: row(true, 'park', 409, 'Mercado Pago has the refund and has not ended it; it is followed until it ends.'),
  REFUND_REJECTED: row(false, 'park', 409, 'Mercado Pago refused the refund; read why, then ask again (`refund`) or `keep`.'),
  REFUND_NOT_NEEDED: row(false, 'park', 409, 'The money had gone back already, or was charged back; nothing was sent.'),

  // Account and slug preconditions
  ACCOUNT_NOT_FOUND: row(false, 'reject', 404, 'No account has this id.'),
  ACCOUNT_STATE_INVALID: row(false, 'compensate', 409, 'The account is not in a state that can be onboarded; see its status.'),
  COMMAND_REFUSED: row(false, 'park', 409, 'The state of the account does not allow this now; the message says when it is possible.'),
  EXPORT_NOT_CONFIGURED: row(false, 'park', 409, 'Say where archives of deleted stores go: ALTA_ARCHIVES. Without one nothing is deleted.'),
  EXPORT_FAILED: row(
    true,
    'park',
    503,
    'The store could not be kept, so it was not deleted; mend what the message names, then delete again.',
  ),
  OVER_LIMITS: row(false, 'park', 409, 'The store has more than it might then; have it reduced, or set ALTA_DOWNGRADE_POLICY=keep.'),
  ACCOUNT_HELD: row(false, 'park', 409, 'An operator holds this account: `alta accounts release <account> --reason "..."`.'),
  PLAN_NOT_FOUND: row(false, 'compensate', 409, 'Add the plan to `plans` or correct the account, then retry the onboarding.'),
  COUNTRY_UNSUPPORTED: row(false, 'compensate', 409, 'Supported: AR, BR, CL, CO, MX, PE, UY.'),
  SLUG_TAKEN: row(false, 'compensate', 409, 'The customer chooses another slug; then retry the onboarding.'),
  MP_TOKEN_MISSING: row(false, 'compensate', 409, 'The account says it is connected but has no token; reconnect Mercado Pago.'),

  // Placement
  NO_ELIGIBLE_CLUSTER: row(true, 'park', 503, 'Activate a cluster, raise its max_tenants or bring it back; the run goes on by itself.'),
  PLACEMENT_LOST: row(false, 'park', 409, 'The reserved slot expired; `retry` reserves again.'),
  CLUSTER_UNKNOWN: row(false, 'park', 409, 'The account names a cluster that is not in backend_clusters.'),

  // Cluster calls
  CLUSTER_UNREACHABLE: row(true, 'park', 503, 'The cluster does not answer; bring it back, then retry.'),
  CLUSTER_RATE_LIMITED: row(true, 'park', 503, 'The cluster limits us; it is retried after the time it asked for.'),
  CLUSTER_UNAUTHORIZED: row(false, 'park', 502, 'The cluster refuses our service key; store the new key, then retry.'),
  CLUSTER_SCHEMA_MISMATCH: row(true, 'park', 502, 'Apply supabase/migrations to the cluster, then retry.'),
  CLUSTER_REJECTED: row(false, 'compensate', 502, 'The cluster refuses this data for good; read the SQLSTATE in the message.'),
  CLUSTER_BAD_ANSWER: row(
    true,
    'park',
    502,
    'The cluster answered something that is not its protocol; look at what stands in front of it.',
  ),
  WRITE_NOT_CONFIRMED: row(true, 'park', 502, 'The cluster reported success but reading back shows otherwise; look at the row.'),
  CLIENT_SLUG_TAKEN: row(false, 'compensate', 409, 'Another store on this cluster has the slug; the customer chooses another.'),
  EMAIL_TAKEN: row(false, 'park', 409, 'Another tenant of this cluster owns this e-mail; agree another with the customer, or compensate.'),
  AUTH_USER_INVALID: row(false, 'compensate', 422, 'The cluster refuses this e-mail; correct it on the account.'),
  CREDENTIALS_NOT_STORED: row(true, 'park', 502, 'The token did not read back from the cluster; look at the client row.'),
  SEED_INCOMPLETE: row(true, 'park', 502, 'Fewer items than the bundle has were found after seeding.'),
  ASSET_INVALID: row(false, 'park', 422, 'The logo or catalogue cannot be used; replace it, or skip the step.'),

  // Mercado Pago
  MP_UNAVAILABLE: row(true, 'park', 503, 'Mercado Pago does not answer; it is retried.'),
  MP_RATE_LIMITED: row(true, 'park', 503, 'Mercado Pago limits us; it is retried after the time it asked for.'),
  MP_UNAUTHORIZED: row(false, 'park', 502, 'Mercado Pago refuses our access token; set MP_ACCESS_TOKEN.'),
  MP_BAD_ANSWER: row(true, 'park', 502, 'Mercado Pago answered something that is not its documented form.'),
  MP_REJECTED: row(false, 'park', 502, 'Mercado Pago refuses this request for good; read its code in the message.'),
  MP_REAUTH_REQUIRED: row(
    false,
    'park',
    409,
    'The seller has to agree again: `alta credentials link <account>` makes the link; the seller was mailed one.',
  ),

  MP_NOT_CONFIGURED: row(
    false,
    'park',
    409,
    'The store has no Mercado Pago credentials: `alta credentials link <account>` asks its seller.',
  ),

  // Buyers' orders
  ARTICLE_UNAVAILABLE: row(false, 'park', 409, 'The store does not sell this article, or not as many; correct the order.'),

  // Admin DB, vault, mail, Temporal
  ADMIN_DB_UNAVAILABLE: row(true, 'park', 503, 'PostgreSQL does not answer; bring it back.'),
  ADMIN_DB_REJECTED: row(false, 'park', 500, 'PostgreSQL refuses the statement for good; read the SQLSTATE in the message.'),
  VAULT_KEY_UNKNOWN: row(false, 'park', 500, 'Add the named key id to ALTA_VAULT_KEYS; never remove a key that still seals rows.'),
  VAULT_TAMPERED: row(false, 'park', 500, 'A sealed value does not open under its key and place; restore the row from a backup.'),
  CODEC_KEY_UNKNOWN: row(true, 'park', 500, 'Add the named key id to ALTA_CODEC_KEYS of every process; the run goes on by itself.'),
  CODEC_TAMPERED: row(false, 'park', 500, 'A payload does not open under its key and workflow; find out who wrote it, then reset the run.'),
  CODEC_PLAINTEXT: row(
    true,
    'park',
    500,
    'A payload is not sealed: find out who sent it; ALTA_CODEC_PLAINTEXT=accept lets runs from before the codec end.',
  ),
  MAIL_UNAVAILABLE: row(true, 'park', 503, 'The mail server does not answer; retry or skip.'),
  MAIL_REJECTED: row(false, 'park', 502, 'The mail server refuses this message; correct the address or skip.'),
  TEMPORAL_UNAVAILABLE: row(true, 'park', 503, 'Temporal does not answer or pushes back; it is retried.'),
  DELIVERY_NEVER_ENDED: row(
    false,
    'reject',
    500,
    'Each relay that took this outbox row was gone before it ended; read why in their logs, mend it, then `alta outbox retry`.',
  ),

  // Ends and decisions
  CANCELLED: row(false, 'compensate', 409, 'The run was cancelled before the pivot; its steps are undone.'),
  COMPENSATED_BY_OPERATOR: row(false, 'compensate', 409, 'An operator chose to undo the run.'),
  STEP_TIMED_OUT: row(true, 'park', 504, 'The step did not end in its time; see whether it happened, then retry.'),
  RESOLVE_REFUSED: row(false, 'park', 409, 'The command makes no sense in the present state; the message says why.'),
} as const satisfies Record<string, ErrorRow>;

/** A code of the error table. */
export type ErrorCode = keyof typeof ERROR_TABLE;

/** True for a string that is a code of the table. */
export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === 'string' && Object.hasOwn(ERROR_TABLE, value);
}

/** The row of a code; an unknown one counts as `INTERNAL`: retried, then parked, never compensated (law 7). */
export function errorRow(code: string | undefined | null): ErrorRow {
  return isErrorCode(code) ? ERROR_TABLE[code] : ERROR_TABLE.INTERNAL;
}

export interface AltaErrorOptions {
  /** How long the other side asked us to wait, in milliseconds. */
  retryAfterMs?: number;
  /** Non-secret facts that help an operator: ids, SQLSTATEs, statuses. They reach logs and histories. */
  details?: Record<string, string | number | boolean | null>;
  cause?: unknown;
}

/**
 * A failure with a code of the error table. The message is read by people and is stored in histories and rows: it never
 * holds a secret, a header or a body.
 */
export class AltaError extends Error {
  override readonly name = 'AltaError';
  readonly code: ErrorCode;
  readonly retryAfterMs: number | undefined;
  readonly details: Record<string, string | number | boolean | null>;

  constructor(code: ErrorCode, message: string, options: AltaErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryAfterMs = options.retryAfterMs;
    this.details = options.details ?? {};
  }

  get retryable(): boolean {
    return ERROR_TABLE[this.code].retryable;
  }
}

/** Works across realms and bundles, where `instanceof` does not. */
export function isAltaError(error: unknown): error is AltaError {
  return error instanceof Error && error.name === 'AltaError' && 'code' in error && isErrorCode(error.code);
}
