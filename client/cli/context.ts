import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseEnv } from 'node:util';
import { createAdminDb } from '../../adapters/admin-db/index.ts';
import { loadConfig, type Config } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { connectTemporal, createAltaClient, type AltaClient } from '../index.ts';

/** Where the local stack leaves its settings while it runs. */
const LOCAL_ENV = fileURLToPath(new URL('../../.alta/local.env', import.meta.url));

/**
 * The environment, and beneath it the running local stack's settings, if there is one. A Temporal profile that the environment names
 * is taken whole, so that its key is never shown to the local server.
 */
export function readEnvironment(
  env: Record<string, string | undefined> = process.env,
  file = LOCAL_ENV,
): Record<string, string | undefined> {
  if (!existsSync(file)) return env;
  const local = Object.entries(parseEnv(readFileSync(file, 'utf8')));
  const profile = Boolean(env['TEMPORAL_CONFIG_FILE'] || env['TEMPORAL_PROFILE']);
  return { ...Object.fromEntries(local.filter(([name]) => !(profile && name.startsWith('TEMPORAL_')))), ...env };
}

export interface CliContext {
  alta: AltaClient;
  config: Config;
}

/** Connects, as an operator unless the command needs another role, runs one command and gives everything back. Throws CONFIG_INVALID that names what is missing. */
export async function withAlta<T>(act: (context: CliContext) => Promise<T>, role: 'operator' | 'keeper' = 'operator'): Promise<T> {
  const config = loadConfig(readEnvironment());
  const log = createLogger('alta-cli', 'silent');
  const db = createAdminDb(config.ADMIN_DATABASE_URL, { role, log });
  const temporal = connectTemporal(config);
  try {
    return await act({ alta: createAltaClient({ db, temporal: temporal.client, config }), config });
  } finally {
    await temporal.close();
    await db.close();
  }
}
