import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { writePrivateFile, type LocalKeys } from './keys.ts';
import { envFileOf } from './paths.ts';
import type { MercadoPagoFacts } from './services.ts';
import type { TemporalServer } from './temporal.ts';

export interface EnvironmentFacts {
  /** Where the stack keeps its data. */
  dataDir: string;
  adminDatabaseUrl: string;
  keys: Pick<LocalKeys, 'vault' | 'codec' | 'operator'>;
  temporal: TemporalServer;
  mercadoPago: MercadoPagoFacts;
  smtpUrl: string;
  apiPort: number;
}

/** The settings of `adapters/config.ts` for everything that runs on the local stack. */
export function stackEnvironment({
  dataDir,
  adminDatabaseUrl,
  keys,
  temporal,
  mercadoPago,
  smtpUrl,
  apiPort,
}: EnvironmentFacts): Record<string, string> {
  return {
    ADMIN_DATABASE_URL: adminDatabaseUrl,
    ALTA_VAULT_KEYS: keys.vault,
    ALTA_CODEC_KEYS: keys.codec,
    ALTA_OPERATOR_TOKENS: keys.operator,
    ...temporal.settings,
    ...(temporal.uiUrl === undefined ? {} : { TEMPORAL_UI_URL: temporal.uiUrl }),
    MP_BASE_URL: mercadoPago.url,
    MP_ACCESS_TOKEN: mercadoPago.accessToken,
    MP_COLLECTOR_ID: mercadoPago.collectorId,
    MP_LIVE_MODE: String(mercadoPago.liveMode),
    MP_AUTH_URL: mercadoPago.url,
    MP_CLIENT_ID: mercadoPago.clientId,
    MP_CLIENT_SECRET: mercadoPago.clientSecret,
    MP_WEBHOOK_SECRETS: `simulator:${mercadoPago.webhookSecret}`,
    ALTA_STOREFRONT: 'true',
    ALTA_ARCHIVES: pathToFileURL(join(dataDir, 'archives')).href,
    API_HOST: '127.0.0.1',
    API_PORT: String(apiPort),
    PUBLIC_URL: `http://127.0.0.1:${apiPort}`,
    SMTP_URL: smtpUrl,
    MAIL_FROM: 'Alta <no-reply@example.com>',
    // Below the time after which the stack kills a part that does not end.
    ALTA_SHUTDOWN_GRACE_MS: '8000',
    NODE_ENV: 'development',
  };
}

/** Writes the settings for the command line tool; only the owner can read the file, because it holds keys. */
export function writeEnvFile(dataDir: string, env: Record<string, string>): void {
  const lines = Object.entries(env).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  writePrivateFile(envFileOf(dataDir), `# Written by the local stack at every start; gone when it stops.\n${lines.join('\n')}\n`);
}

export function removeEnvFile(dataDir: string): void {
  rmSync(envFileOf(dataDir), { force: true });
}
