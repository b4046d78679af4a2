import { expect, test } from '@jest/globals';
import { classifyAuthError, classifyRestError, classifyStorageError } from '../../adapters/cluster/index.ts';
import { parseRetryAfter } from '../../adapters/cluster/http.ts';
import type { ErrorCode } from '../../contract/errors.ts';

const facts = (status: number) => ({ clusterId: 'north', act: 'test', status });

const REST: [status: number, code: string, expected: ErrorCode][] = [
  [0, '', 'CLUSTER_UNREACHABLE'],
  [408, '', 'CLUSTER_UNREACHABLE'],
  [425, '', 'CLUSTER_UNREACHABLE'],
  [500, '', 'CLUSTER_UNREACHABLE'],
  [502, '', 'CLUSTER_UNREACHABLE'],
  [503, '', 'CLUSTER_UNREACHABLE'],
  [504, '', 'CLUSTER_UNREACHABLE'],
  [520, '', 'CLUSTER_UNREACHABLE'],
  [530, '', 'CLUSTER_UNREACHABLE'],
  [540, '', 'CLUSTER_UNREACHABLE'],
  [503, 'PGRST000', 'CLUSTER_UNREACHABLE'],
  [503, 'PGRST001', 'CLUSTER_UNREACHABLE'],
  [503, 'PGRST002', 'CLUSTER_UNREACHABLE'],
  [504, 'PGRST003', 'CLUSTER_UNREACHABLE'],
  [503, '08006', 'CLUSTER_UNREACHABLE'],
  [500, '40001', 'CLUSTER_UNREACHABLE'],
  [500, '40P01', 'CLUSTER_UNREACHABLE'],
  [503, '53300', 'CLUSTER_UNREACHABLE'],
  [500, '55P03', 'CLUSTER_UNREACHABLE'],
  [500, '57014', 'CLUSTER_UNREACHABLE'],
  [503, '57P01', 'CLUSTER_UNREACHABLE'],
  [500, '58030', 'CLUSTER_UNREACHABLE'],
  [405, '25006', 'CLUSTER_UNREACHABLE'],
  [500, '55000', 'CLUSTER_UNREACHABLE'],
  [500, 'ECONNREFUSED', 'CLUSTER_UNREACHABLE'],
  [500, '0A000', 'CLUSTER_UNREACHABLE'],
  [500, 'XX000', 'CLUSTER_UNREACHABLE'],
  [429, '', 'CLUSTER_RATE_LIMITED'],
  [429, 'PGRST100', 'CLUSTER_RATE_LIMITED'],
  [404, 'PGRST202', 'CLUSTER_SCHEMA_MISMATCH'],
  [400, 'PGRST204', 'CLUSTER_SCHEMA_MISMATCH'],
  [404, 'PGRST205', 'CLUSTER_SCHEMA_MISMATCH'],
  [404, '42P01', 'CLUSTER_SCHEMA_MISMATCH'],
  [400, '42703', 'CLUSTER_SCHEMA_MISMATCH'],
  [404, '42883', 'CLUSTER_SCHEMA_MISMATCH'],
  [401, '', 'CLUSTER_UNAUTHORIZED'],
  [403, '', 'CLUSTER_UNAUTHORIZED'],
  [403, '42501', 'CLUSTER_UNAUTHORIZED'],
  [401, '42501', 'CLUSTER_UNAUTHORIZED'],
  [401, 'PGRST301', 'CLUSTER_UNAUTHORIZED'],
  [401, 'PGRST302', 'CLUSTER_UNAUTHORIZED'],
  [403, '28P01', 'CLUSTER_UNAUTHORIZED'],
  [400, '22P02', 'CLUSTER_REJECTED'],
  [400, '23502', 'CLUSTER_REJECTED'],
  [409, '23503', 'CLUSTER_REJECTED'],
  [409, '23505', 'CLUSTER_REJECTED'],
  [400, '23514', 'CLUSTER_REJECTED'],
  [400, '23P01', 'CLUSTER_REJECTED'],
  [400, '42804', 'CLUSTER_REJECTED'],
  [400, 'P0001', 'CLUSTER_REJECTED'],
  [400, 'PGRST100', 'CLUSTER_REJECTED'],
  [406, 'PGRST116', 'CLUSTER_REJECTED'],
  [404, '', 'CLUSTER_BAD_ANSWER'],
  [405, '', 'CLUSTER_BAD_ANSWER'],
  [418, '', 'CLUSTER_BAD_ANSWER'],
];

test.each(REST)('P-119: data API, HTTP %i with code %j is %s', (status, code, expected) => {
  expect(classifyRestError({ code, message: 'words' }, facts(status)).code).toBe(expected);
});

const AUTH: [status: number, code: string | undefined, expected: ErrorCode][] = [
  [0, undefined, 'CLUSTER_UNREACHABLE'],
  [500, 'unexpected_failure', 'CLUSTER_UNREACHABLE'],
  [502, undefined, 'CLUSTER_UNREACHABLE'],
  [504, 'request_timeout', 'CLUSTER_UNREACHABLE'],
  [522, undefined, 'CLUSTER_UNREACHABLE'],
  [429, 'over_request_rate_limit', 'CLUSTER_RATE_LIMITED'],
  [429, undefined, 'CLUSTER_RATE_LIMITED'],
  [401, undefined, 'CLUSTER_UNAUTHORIZED'],
  [401, 'no_authorization', 'CLUSTER_UNAUTHORIZED'],
  [403, 'not_admin', 'CLUSTER_UNAUTHORIZED'],
  [400, 'validation_failed', 'AUTH_USER_INVALID'],
  [422, 'weak_password', 'AUTH_USER_INVALID'],
  [400, 'email_address_invalid', 'AUTH_USER_INVALID'],
  [422, 'email_exists', 'CLUSTER_REJECTED'],
  [404, 'user_not_found', 'CLUSTER_REJECTED'],
  [404, undefined, 'CLUSTER_BAD_ANSWER'],
];

test.each(AUTH)('P-119: Auth, HTTP %i with code %j is %s', (status, code, expected) => {
  expect(classifyAuthError({ code, message: 'words' }, facts(status)).code).toBe(expected);
});

const STORAGE: [status: number, statusCode: string | undefined, expected: ErrorCode][] = [
  [0, undefined, 'CLUSTER_UNREACHABLE'],
  [500, undefined, 'CLUSTER_UNREACHABLE'],
  [503, '503', 'CLUSTER_UNREACHABLE'],
  [429, undefined, 'CLUSTER_RATE_LIMITED'],
  [400, '429', 'CLUSTER_RATE_LIMITED'],
  [403, '403', 'CLUSTER_UNAUTHORIZED'],
  [400, '403', 'CLUSTER_UNAUTHORIZED'],
  [401, undefined, 'CLUSTER_UNAUTHORIZED'],
  [404, '404', 'CLUSTER_SCHEMA_MISMATCH'],
  [400, '404', 'CLUSTER_SCHEMA_MISMATCH'],
  [404, undefined, 'CLUSTER_BAD_ANSWER'],
  [413, '413', 'CLUSTER_REJECTED'],
  [400, '415', 'CLUSTER_REJECTED'],
  [400, '400', 'CLUSTER_REJECTED'],
];

test.each(STORAGE)('P-119: storage, HTTP %i with statusCode %j is %s', (status, statusCode, expected) => {
  expect(classifyStorageError({ statusCode, message: 'words' }, facts(status)).code).toBe(expected);
});

test('P-125: only the slug constraint means that the slug is taken', () => {
  const clash = (name: string) =>
    classifyRestError({ code: '23505', message: `duplicate key value violates unique constraint "${name}"` }, facts(409));
  expect(clash('clients_slug_key').code).toBe('CLIENT_SLUG_TAKEN');
  expect(clash('clients_pkey')).toMatchObject({ code: 'CLUSTER_REJECTED', details: { sqlstate: '23505', constraint: 'clients_pkey' } });
});

test('what the cluster wrote is never in the message, for it may quote a secret', () => {
  const error = classifyRestError(
    { code: '22P02', message: 'invalid input syntax: "APP_USR-secret"', details: 'APP_USR-secret' },
    facts(400),
  );
  expect(JSON.stringify([error.message, error.details])).not.toContain('APP_USR');
});

test('Retry-After is read as seconds or as a date', () => {
  const now = Date.parse('2026-11-22T12:00:00Z');
  expect(parseRetryAfter('7', now)).toBe(7_000);
  expect(parseRetryAfter('Sun, 22 Nov 2026 12:00:30 GMT', now)).toBe(30_000);
  expect(parseRetryAfter('Sun, 22 Nov 2026 11:00:00 GMT', now)).toBe(0);
  for (const odd of [null, '', 'soon', '-3']) expect(parseRetryAfter(odd, now)).toBeUndefined();
});
