import { expect, test } from '@jest/globals';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AltaError, ERROR_TABLE, errorRow, isAltaError, isErrorCode, type ErrorCode } from '../../contract/errors.ts';

const ROOMS = ['contract', 'workflows', 'activities', 'adapters', 'worker', 'client'];
const root = join(import.meta.dirname, '../..');

const sources = ROOMS.flatMap((room) =>
  readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => ({ file: join(room, file), text: readFileSync(join(root, room, file), 'utf8') })),
);

test.each(Object.entries(ERROR_TABLE))('%s says what happens next and what an operator does', (_code, row) => {
  expect(['compensate', 'park', 'reject']).toContain(row.onExhausted);
  expect(row.http).toBeGreaterThanOrEqual(400);
  expect(row.http).toBeLessThan(600);
  expect(row.hint.length).toBeGreaterThan(15);
});

test('law 7: what may pass by itself is never a reason to undo', () => {
  const wrong = Object.entries(ERROR_TABLE).filter(([, row]) => row.retryable && row.onExhausted !== 'park');
  expect(wrong).toEqual([]);
});

test('law 7: a failure that nobody declared is retried and then parked', () => {
  expect(errorRow('SOMETHING_ELSE')).toEqual(ERROR_TABLE.INTERNAL);
  expect(errorRow('constructor')).toEqual(ERROR_TABLE.INTERNAL);
  expect(errorRow(undefined)).toMatchObject({ retryable: true, onExhausted: 'park' });
});

test('P-119: every code that the product throws is in the table', () => {
  const thrown = sources.flatMap(({ file, text }) =>
    [...text.matchAll(/new AltaError\(\s*'([A-Z_]+)'/g)].map(([, code]) => ({ file, code })),
  );
  expect(thrown.length).toBeGreaterThan(20);
  expect(thrown.filter(({ code }) => !isErrorCode(code))).toEqual([]);
});

test('every code of the table is used somewhere', () => {
  const unused = (Object.keys(ERROR_TABLE) as ErrorCode[]).filter(
    (code) => !sources.some(({ file, text }) => file !== 'contract/errors.ts' && text.includes(`'${code}'`)),
  );
  expect(unused).toEqual([]);
});

test('P-090: no empty catch and no catch that answers false hides a failed write', () => {
  const crossing = sources.filter(({ file }) => /^(activities|worker|adapters\/(cluster|admin-db))\//.test(file));
  const silent = crossing
    .filter(({ text }) => /catch\s*(\([^)]*\))?\s*\{\s*(return (false|null|undefined);?\s*)?\}/.test(text))
    .map(({ file }) => file);
  expect(silent).toEqual([]);
});

test('P-075 P-513 P-641: no cluster literal, static cluster client, raw cluster pool or legacy path is in the product', () => {
  const traces =
    /cluster_shared_01|SUPABASE_ADMIN_CLIENT|SUPABASE_SERVICE_ROLE_KEY|getBackendPool|claim_provisioning_jobs|enqueue_provisioning_job/;
  expect(sources.filter(({ text }) => traces.test(text)).map(({ file }) => file)).toEqual([]);
});

test('P-074 P-513: one factory makes cluster clients', () => {
  const makers = sources
    .filter(({ text }) => /\bcreateClient\(/.test(text) || /from '@supabase\/supabase-js'/.test(text))
    .map(({ file }) => file);
  expect(makers.every((file) => file.startsWith('adapters/cluster/'))).toBe(true);
  expect(sources.filter(({ text }) => /\bcreateClient\(/.test(text))).toHaveLength(1);
});

test('P-091: one workflow creates clients', () => {
  const callers = sources
    .filter(({ file, text }) => file.startsWith('workflows/') && text.includes("'upsert-client'"))
    .map(({ file }) => file);
  expect(callers).toEqual(['workflows/onboarding.ts']);
});

test('an AltaError is recognised across module instances, a look-alike is not', () => {
  expect(isAltaError(new AltaError('NOT_FOUND', 'x'))).toBe(true);
  expect(isAltaError(Object.assign(new Error('x'), { name: 'AltaError', code: 'NOT_FOUND' }))).toBe(true);
  expect(isAltaError(Object.assign(new Error('x'), { name: 'AltaError', code: 'toString' }))).toBe(false);
  expect(isAltaError({ name: 'AltaError', code: 'NOT_FOUND' })).toBe(false);
});
