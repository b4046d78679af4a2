import { loadClientConfigProfile, toClientOptions, type ClientConfigProfile, type ClientConfigTLS } from '@temporalio/envconfig';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { AltaError } from '../../contract/errors.ts';

type Env = Record<string, string | undefined>;

/** What `Connection` and `NativeConnection` are opened with. It holds keys: never log it. */
export type TemporalConnection = ReturnType<typeof toClientOptions>['connectionOptions'] & { address: string };

/** Where Temporal is and who we are there. */
export interface TemporalProfile {
  namespace: string;
  connection: TemporalConnection;
}

const DEFAULT_ADDRESS = '127.0.0.1:7233';
const DEFAULT_NAMESPACE = 'default';
const TLS_PARTS = { clientCert: 'client_cert', clientKey: 'client_key', serverCACert: 'server_ca_cert' } as const;
const TLS_SETTINGS = new Set(
  ['', '_SERVER_NAME', ...Object.values(TLS_PARTS).flatMap((part) => [`_${part}_PATH`, `_${part}_DATA`])].map((end) =>
    `TEMPORAL_TLS${end}`.toUpperCase(),
  ),
);
const LOOPBACK = /^(?:127\.\d+\.\d+\.\d+|localhost|\[::1\]):\d+$/;

const text = z.string().min(1);
const tlsForm = z.object({ disabled: z.boolean().optional(), serverName: text.optional() });
const profileForm = z.object({
  address: text.regex(/^[^\s/]+:\d+$/, 'write it as host:port').optional(),
  namespace: text.optional(),
  apiKey: text.optional(),
  tls: tlsForm.optional(),
  grpcMeta: z.record(z.string(), z.string()).optional(),
});

const invalid = (name: string, fault: string): AltaError => new AltaError('CONFIG_INVALID', `${name}: ${fault}`);
const codeOf = (error: unknown): string => (error as { code?: string } | null)?.code ?? 'unknown reason';

/**
 * The Temporal profile of an environment: the file that TEMPORAL_CONFIG_FILE names and its profile TEMPORAL_PROFILE, with single
 * TEMPORAL_* variables over it, as every Temporal tool reads them. Certificates and keys are read and tried here, once. A file is
 * read only when one of the two variables asks for it: what somebody keeps in their home directory is no setting of a service.
 * Throws CONFIG_INVALID that names file, key or variable; neither a value nor a line of the file is in it.
 */
export function readTemporalProfile(env: Env): TemporalProfile {
  refuseUnknown(env);
  const profile = load(env);
  const checked = profileForm.safeParse(profile);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw invalid(`${sourceOf(env)}: ${issue?.path.join('.') ?? 'profile'}`, issue?.message ?? 'is not valid');
  }
  const tls = profile.tls && readTls(profile.tls, sourceOf(env));
  // The library turns the first underscore only.
  const grpcMeta = Object.fromEntries(Object.entries(profile.grpcMeta ?? {}).map(([key, value]) => [key.replaceAll('_', '-'), value]));
  const { connectionOptions } = toClientOptions({ ...profile, grpcMeta, ...(tls === undefined ? {} : { tls }) });
  const connection = { ...connectionOptions, address: profile.address ?? DEFAULT_ADDRESS };
  if (connection.apiKey !== undefined && !connection.tls && !LOOPBACK.test(connection.address)) {
    throw invalid('TEMPORAL_TLS', 'an API key is sent over TLS only; turned off is for an address of this machine');
  }
  return { namespace: profile.namespace ?? DEFAULT_NAMESPACE, connection };
}

/** Misspelt TLS settings would be passed over in silence and leave the connection open; so would any word but these for yes and no. */
function refuseUnknown(env: Env): void {
  for (const [name, value] of Object.entries(env)) {
    if (value && name.startsWith('TEMPORAL_TLS') && !TLS_SETTINGS.has(name)) throw invalid(name, 'is not a known setting');
  }
  const flag = env['TEMPORAL_TLS'];
  if (flag && !['true', 'false', '1', '0'].includes(flag)) throw invalid('TEMPORAL_TLS', 'write true or false');
}

const sourceOf = (env: Env): string =>
  env['TEMPORAL_CONFIG_FILE'] || env['TEMPORAL_PROFILE']
    ? `TEMPORAL_CONFIG_FILE (profile ${env['TEMPORAL_PROFILE'] || 'default'})`
    : 'TEMPORAL_*';

function load(env: Env): ClientConfigProfile {
  const path = env['TEMPORAL_CONFIG_FILE'] || undefined;
  const name = env['TEMPORAL_PROFILE'] || undefined;
  // An empty variable is one that is not set; only for gRPC metadata it takes the file's key away.
  const overrideEnvVars = Object.fromEntries(
    Object.entries(env).flatMap(([key, value]) =>
      value === undefined || (value === '' && !key.startsWith('TEMPORAL_GRPC_META_')) ? [] : [[key, value]],
    ),
  );
  const options = { configFileStrict: true, overrideEnvVars, ...(name === undefined ? {} : { profile: name }) };
  try {
    if (path !== undefined) return loadClientConfigProfile({ ...options, configSource: { data: readFileSync(path, 'utf8') } });
    return loadClientConfigProfile({ ...options, disableFile: name === undefined });
  } catch (error) {
    throw invalid(`TEMPORAL_CONFIG_FILE (${path ?? 'the default place'})`, whyNotLoaded(error));
  }
}

/** The parser's own message quotes the line, which may hold the key. */
function whyNotLoaded(error: unknown): string {
  const { line, column, message } = error as { line?: number; column?: number; message: string };
  if (line !== undefined) return `not valid TOML at line ${line}, column ${column ?? 0}`;
  if (/^(?:Validation error|Profile '|Cannot specify both)/.test(message)) return message;
  return `cannot be read (${codeOf(error)})`;
}

/** Reads what is named by a path, and lets OpenSSL say whether certificate, key and CA are what they should be and fit together. */
function readTls(tls: ClientConfigTLS, source: string): ClientConfigTLS {
  const parts: Partial<Record<keyof typeof TLS_PARTS, { data: Uint8Array | string }>> = {};
  for (const [field, key] of Object.entries(TLS_PARTS) as [keyof typeof TLS_PARTS, string][]) {
    const given = tls[field];
    if (given === undefined) continue;
    try {
      parts[field] = 'path' in given ? { data: readFileSync(given.path) } : given;
    } catch (error) {
      throw invalid(`${source}: tls.${key}_path`, `cannot be read (${codeOf(error)})`);
    }
  }
  const [cert, key, ca] = [parts.clientCert, parts.clientKey, parts.serverCACert].map((part) => part && Buffer.from(part.data));
  if ((cert === undefined) !== (key === undefined)) throw invalid(`${source}: tls`, 'client_cert and client_key go together');
  const attempts = { client_cert: { cert }, client_key: { key }, server_ca_cert: { ca }, 'client_cert, client_key': { cert, key } };
  for (const [name, material] of Object.entries(attempts)) {
    try {
      createSecureContext(material);
    } catch (error) {
      throw invalid(`${source}: tls.${name}`, `not usable as PEM (${codeOf(error)})`);
    }
  }
  return { ...tls, ...parts };
}
