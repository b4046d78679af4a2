import { AltaError, type ErrorCode } from '../../contract/errors.ts';
import type { Exchange } from './http.ts';

/** What is known about a failed call, beside the error that supabase-js made of it. */
export interface CallFacts extends Partial<Exchange> {
  clusterId: string;
  /** What was being done, for the message: `upsert-client`. */
  act: string;
}

/**
 * PostgREST's own codes and SQLSTATEs (facts of PostgREST's Error.hs, 2026-08), the first that fits. A code that is not here is
 * judged by its status: only what is known to be refused for good may undo a store (law 7).
 */
const BY_CODE: readonly (readonly [RegExp, ErrorCode])[] = [
  [/^PGRST00[0-3]$/, 'CLUSTER_UNREACHABLE'],
  [/^PGRST20[245]$/, 'CLUSTER_SCHEMA_MISMATCH'],
  [/^(?:42P01|42703|42883)$/, 'CLUSTER_SCHEMA_MISMATCH'],
  [/^PGRST30[0-3]$/, 'CLUSTER_UNAUTHORIZED'],
  [/^(?:42501|28\w{3})$/, 'CLUSTER_UNAUTHORIZED'],
  // Connections, rollbacks, read-only replicas, resources, locks and object states, interventions, system errors: they pass.
  [/^(?:08|25|40|53|54|55|57|58|XX)\w{3}$/, 'CLUSTER_UNREACHABLE'],
  // Data, constraints, syntax and types, our own `raise`, and requests that PostgREST cannot read.
  [/^(?:(?:22|23|42|P0)\w{3}|PGRST[1-3]\d\d)$/, 'CLUSTER_REJECTED'],
];

/** Statuses by themselves, for answers that have no code: those of a gateway, a proxy or a wrong address. */
function byStatus(status: number): ErrorCode {
  if (status === 0 || status === 408 || status === 425 || status >= 500) return 'CLUSTER_UNREACHABLE';
  if (status === 401 || status === 403) return 'CLUSTER_UNAUTHORIZED';
  return 'CLUSTER_BAD_ANSWER';
}

const MEANING: Partial<Record<ErrorCode, string>> = {
  CLUSTER_UNREACHABLE: 'does not answer',
  CLUSTER_RATE_LIMITED: 'limits us',
  CLUSTER_UNAUTHORIZED: 'refuses our service key',
  CLUSTER_SCHEMA_MISMATCH: 'lacks a table, column or function',
  CLUSTER_REJECTED: 'refuses the data',
  CLUSTER_BAD_ANSWER: 'answered something that is not its protocol',
  CLIENT_SLUG_TAKEN: 'has another store with this slug',
  AUTH_USER_INVALID: 'refuses the e-mail of the owner',
};

/** Builds the error. What the cluster wrote is left out, since it may quote the data; its codes are kept. */
export function clusterError(
  code: ErrorCode,
  facts: CallFacts,
  more: { sqlstate?: string; constraint?: string; reason?: string; cause?: unknown } = {},
): AltaError {
  const status = facts.status ?? 0;
  const shown = [status > 0 ? `HTTP ${status}` : '', more.sqlstate ?? '', more.constraint ?? '', more.reason ?? '']
    .filter(Boolean)
    .join(', ');
  return new AltaError(code, `${facts.act}: cluster ${facts.clusterId} ${MEANING[code] ?? 'failed'}${shown ? ` (${shown})` : ''}`, {
    ...(facts.retryAfterMs === undefined ? {} : { retryAfterMs: facts.retryAfterMs }),
    ...(more.cause === undefined ? {} : { cause: more.cause }),
    details: {
      clusterId: facts.clusterId,
      act: facts.act,
      status,
      ...(more.sqlstate === undefined ? {} : { sqlstate: more.sqlstate }),
      ...(more.constraint === undefined ? {} : { constraint: more.constraint }),
    },
  });
}

const text = (value: unknown, key: string): string => {
  const found = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
  return typeof found === 'string' ? found : '';
};

/** Name of the system error under a failed fetch, such as ECONNREFUSED. */
function networkReason(error: unknown): string | undefined {
  const words = `${text(error, 'message')} ${text(error, 'details')} ${text((error as { cause?: unknown } | null)?.cause, 'code')}`;
  return /\b(E[A-Z_]{4,}|UND_ERR_[A-Z_]+)\b/.exec(words)?.[1] ?? (/abort|timeout|timed out/i.test(words) ? 'timed out' : undefined);
}

const reasonOf = (error: unknown): { reason?: string } => {
  const reason = networkReason(error);
  return reason === undefined ? {} : { reason };
};

/** The error of a data call (`{code, message, details, hint}`, P-119). A status from the wire counts more than one from the library. */
export function classifyRestError(error: unknown, facts: CallFacts): AltaError {
  const sqlstate = text(error, 'code');
  const status = facts.status ?? 0;
  if (status === 429) return clusterError('CLUSTER_RATE_LIMITED', facts);
  if (status === 0) return clusterError('CLUSTER_UNREACHABLE', facts, reasonOf(error));
  const row = BY_CODE.find(([pattern]) => pattern.test(sqlstate));
  if (row === undefined) return clusterError(byStatus(status), facts);
  const constraint = /constraint "([a-z0-9_]{1,63})"/.exec(text(error, 'message'))?.[1];
  const code = sqlstate === '23505' && constraint === 'clients_slug_key' ? 'CLIENT_SLUG_TAKEN' : row[1];
  return clusterError(code, facts, { sqlstate, ...(constraint === undefined ? {} : { constraint }) });
}

const AUTH_INVALID: ReadonlySet<string> = new Set([
  'validation_failed',
  'weak_password',
  'email_address_invalid',
  'email_address_not_authorized',
]);

/** The error of an Auth call. `email_exists` and `user_not_found` are answers, not failures: look at `code` before. */
export function classifyAuthError(error: unknown, facts: CallFacts): AltaError {
  const status = facts.status ?? 0;
  const code = text(error, 'code');
  if (status === 429) return clusterError('CLUSTER_RATE_LIMITED', facts);
  if (status === 0) return clusterError('CLUSTER_UNREACHABLE', facts, reasonOf(error));
  if (AUTH_INVALID.has(code)) return clusterError('AUTH_USER_INVALID', facts, { reason: code });
  // A JSON refusal has a code; without one it is a gateway's page.
  if (code !== '' && status >= 400 && status < 500 && status !== 401 && status !== 403 && status !== 408) {
    return clusterError('CLUSTER_REJECTED', facts, { reason: code });
  }
  return clusterError(byStatus(status), facts, code === '' ? {} : { reason: code });
}

/** The error of a storage call. Its server hides the HTTP status in the body: `statusCode` is what it meant. */
export function classifyStorageError(error: unknown, facts: CallFacts): AltaError {
  const inner = Number(text(error, 'statusCode') || 0);
  const status = (facts.status ?? 0) === 400 && inner > 0 ? inner : (facts.status ?? 0);
  const seen = { ...facts, status };
  if (status === 429) return clusterError('CLUSTER_RATE_LIMITED', seen);
  if (status === 0)
    return clusterError('CLUSTER_UNREACHABLE', seen, reasonOf((error as { originalError?: unknown } | null)?.originalError ?? error));
  if (inner > 0 && status === 404) return clusterError('CLUSTER_SCHEMA_MISMATCH', seen, { reason: 'bucket' });
  if (status === 413 || status === 415 || (inner > 0 && (status === 400 || status === 422))) return clusterError('CLUSTER_REJECTED', seen);
  return clusterError(byStatus(status), seen);
}
