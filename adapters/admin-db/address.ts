import { readFileSync } from 'node:fs';
import type { ClientConfig } from 'pg';
import { AltaError } from '../../contract/errors.ts';

/** Whether the server's certificate and name are checked, by `sslmode`. Unlike in libpq there is no mode that encrypts for anybody. */
const TLS_MODES = new Map([
  ['disable', false],
  ['require', true],
  ['verify-ca', true],
  ['verify-full', true],
]);
const OWN = ['sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'options', 'application_name', 'uselibpqcompat', 'ssl'];
const LIMITS = [
  'statement_timeout',
  'query_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'connect_timeout',
  'keepalives',
];

/**
 * How to connect to the Admin DB: the address without what Alta sets itself, TLS by `sslmode` (with `sslrootcert`, `sslcert` and
 * `sslkey` as paths), the role to act as and settings of the server from the first statement on, which costs no round trip. Throws
 * CONFIG_INVALID.
 */
export function connectionOf(
  url: string,
  role?: string,
  settings: readonly string[] = [],
): Pick<ClientConfig, 'connectionString' | 'ssl' | 'options'> {
  const address = new URL(url);
  const given = (name: string): string | undefined => address.searchParams.get(name) || undefined;
  const mode = given('sslmode') ?? (given('sslrootcert') === undefined ? 'disable' : 'verify-full');
  const tls = TLS_MODES.get(mode);
  if (tls === undefined || given('ssl') !== undefined)
    throw invalid(`write TLS as sslmode=${[...TLS_MODES.keys()].join(' | ')}; a connection that checks nobody is refused`);
  const read = (name: string): string | undefined => {
    const path = given(name);
    try {
      return path === undefined ? undefined : readFileSync(path, 'utf8');
    } catch (error) {
      throw invalid(`${name} cannot be read (${(error as { code?: string }).code ?? 'unknown reason'})`);
    }
  };
  const ssl = tls ? { rejectUnauthorized: true, ca: read('sslrootcert'), cert: read('sslcert'), key: read('sslkey') } : false;
  const options = [given('options'), role && `-c role=${role}`, ...settings.map((setting) => `-c ${setting}`)].filter(Boolean).join(' ');
  for (const name of [...OWN, ...LIMITS]) address.searchParams.delete(name);
  return { connectionString: address.href, ssl, ...(options === '' ? {} : { options }) };
}

const invalid = (fault: string): AltaError => new AltaError('CONFIG_INVALID', `ADMIN_DATABASE_URL: ${fault}`);
