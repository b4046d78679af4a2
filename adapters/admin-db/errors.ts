import { AltaError, isAltaError, type ErrorCode } from '../../contract/errors.ts';

/** SQLSTATEs that pass by themselves: connection, resources, shutdown, lock and statement time limits, serialisation, deadlock. */
const TRANSIENT_STATE = /^(?:08|53|57P0|55P03$|57014$|40001$|40P01$)/;
const TRANSIENT_CODE = /^(?:ECONN|EPIPE$|ETIMEDOUT$|EHOSTUNREACH$|ENETUNREACH$|EAI_AGAIN$|ENOTFOUND$)/;
const TRANSIENT_TEXT = /timeout|timed out|terminated|Connection (?:ended|closed)|not queryable|server closed/i;

/** SQLSTATEs that our own triggers raise. */
const OWN_STATES: Readonly<Record<string, ErrorCode>> = { ALT01: 'LEGACY_JOB_TYPE', ALT02: 'CONFLICT', ALT03: 'CONFLICT' };

/** A text with NUL, plain or in JSON: no column takes one. */
const UNSTORABLE = new Set(['22021', '22P05']);

/** What PostgreSQL says when a login cannot take on the role of its process: the role is not there, or not the login's. */
const NO_ROLE = /^(?:permission denied to set role|invalid value for parameter "role"|role "[^"]*" does not exist)/;

interface PgFault {
  code?: unknown;
  constraint?: unknown;
  table?: unknown;
  message?: unknown;
}

/**
 * Turns what `pg` throws into an AltaError: ADMIN_DB_UNAVAILABLE for what passes by itself, ADMIN_DB_REJECTED (with `sqlstate`
 * and `constraint` in the details) for what does not, INPUT_INVALID for a text that no column takes, CONFIG_INVALID where the login lacks its role, and the own codes of our triggers. Only fixed texts and names go into the
 * message: PostgreSQL's `detail` shows row values.
 */
export function toAdminDbError(error: unknown, query: string): AltaError {
  if (isAltaError(error)) return error;
  const { code, constraint, table, message } = (error ?? {}) as PgFault;
  const state = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
  const details = {
    query,
    sqlstate: state,
    constraint: typeof constraint === 'string' ? constraint : null,
    table: typeof table === 'string' ? table : null,
  };
  const text = typeof message === 'string' ? message : '';
  const own = state === null ? undefined : OWN_STATES[state];
  if (own !== undefined) return new AltaError(own, text, { details });
  if (state !== null && UNSTORABLE.has(state))
    return new AltaError('INPUT_INVALID', 'a text holds a character that cannot be stored', { details });
  if (NO_ROLE.test(text)) {
    const hint = 'run `alta migrate`, and make the login a member of the role of this process';
    return new AltaError('CONFIG_INVALID', `ADMIN_DATABASE_URL: ${text}: ${hint}`, { details });
  }
  const transient = state !== null ? TRANSIENT_STATE.test(state) : TRANSIENT_CODE.test(String(code)) || TRANSIENT_TEXT.test(text);
  if (transient) {
    const why = state ?? (typeof code === 'string' ? code : 'no answer in time');
    return new AltaError('ADMIN_DB_UNAVAILABLE', `${query}: ${why}`, { details, cause: error });
  }
  if (state !== null) {
    const where = details.constraint ?? details.table ?? 'statement';
    return new AltaError('ADMIN_DB_REJECTED', `${query}: SQLSTATE ${state} (${where})`, { details, cause: error });
  }
  return new AltaError('INTERNAL', `${query}: ${text}`, { details, cause: error });
}

/** True when a failure is the breach of the named constraint or unique index. */
export function breaks(error: unknown, constraint: string): boolean {
  return isAltaError(error) && error.code === 'ADMIN_DB_REJECTED' && error.details['constraint'] === constraint;
}
