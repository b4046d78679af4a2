import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createAdminDb, migrate, pendingMigrations } from '../../adapters/admin-db/index.ts';
import { connectionOf } from '../../adapters/admin-db/address.ts';
import { createAuthority } from '../support/certificates.ts';
import { freshDatabase, type FreshDatabase } from '../support/postgres.ts';
import { openPostgresTls } from '../support/postgres-tls.ts';

const dir = mkdtempSync(join(tmpdir(), 'alta-pg-tls-'));
const ours = createAuthority('ours');
const theirs = createAuthority('theirs');
const [ourCa, theirCa] = [ours, theirs].map(({ cert }, index) => {
  const path = join(dir, `ca-${String(index)}.pem`);
  writeFileSync(path, cert);
  return path;
}) as [string, string];

let database: FreshDatabase;
let gate: Awaited<ReturnType<typeof openPostgresTls>>;
beforeAll(async () => {
  database = await freshDatabase();
  gate = await openPostgresTls(database.url, ours.issue('127.0.0.1'));
});
afterAll(async () => {
  await gate.close();
  await database.drop();
  rmSync(dir, { recursive: true, force: true });
});

const ask = async (url: string): Promise<unknown> => {
  const db = createAdminDb(url, { role: 'relay', max: 1 });
  try {
    return await db.query({ name: 'test.one', text: 'select current_user as role' });
  } finally {
    await db.close();
  }
};

test.each(['require', 'verify-ca', 'verify-full'])(
  'sslmode=%s: processes and migrations talk TLS to a server whose CA is named',
  async (mode) => {
    const url = `${gate.url}?sslmode=${mode}&sslrootcert=${ourCa}`;
    expect(await ask(url)).toEqual([{ role: 'alta_relay' }]);
    expect(await pendingMigrations(url)).toEqual([]);
    expect(await migrate(url)).toEqual([]);
  },
);

test('a CA alone asks for TLS too', async () => {
  expect(await ask(`${gate.url}?sslrootcert=${ourCa}`)).toEqual([{ role: 'alta_relay' }]);
});

test.each([
  ['of another CA', () => `${gate.url}?sslmode=require&sslrootcert=${theirCa}`],
  ['of nobody that this machine trusts', () => `${gate.url}?sslmode=require`],
])('a server with a certificate %s is not talked to', async (_, url) => {
  await expect(ask(url())).rejects.toThrow(/certificate/);
  await expect(pendingMigrations(url())).rejects.toThrow(/certificate/);
});

test('a certificate of another name is refused', async () => {
  const other = await openPostgresTls(database.url, ours.issue('elsewhere.example.com'));
  const url = new URL(`${other.url}?sslmode=verify-ca&sslrootcert=${ourCa}`);
  url.hostname = 'localhost';
  try {
    await expect(ask(url.href)).rejects.toThrow(/certificate|altnames/i);
  } finally {
    await other.close();
  }
});

test('a server that wants TLS is not reached without it', async () => {
  await expect(ask(gate.url)).rejects.toMatchObject({ code: 'ADMIN_DB_UNAVAILABLE' });
  expect(gate.plain).toBe(1);
});

test.each([
  ['no-verify', /sslmode=disable \| require/],
  ['prefer', /a connection that checks nobody is refused/],
])('P-617: sslmode=%s is refused at the start', (mode, fault) => {
  expect(() => connectionOf(`${gate.url}?sslmode=${mode}`)).toThrow(fault);
});

test('P-617: a CA file that is not there is named', () => {
  expect(() => connectionOf(`${gate.url}?sslrootcert=${join(dir, 'none.pem')}`)).toThrow(
    /ADMIN_DATABASE_URL: sslrootcert cannot be read \(ENOENT\)/,
  );
});
