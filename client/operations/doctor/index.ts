import { createAdminDb } from '../../../adapters/admin-db/index.ts';
import { loadConfig, type Config } from '../../../adapters/config.ts';
import { isAltaError } from '../../../contract/errors.ts';
import { checkAdminDb } from './admin-db.ts';
import { skipped, type Finding } from './check.ts';
import { checkOutside } from './outside.ts';
import { checkProduction, checkSettings } from './settings.ts';
import { checkTemporal } from './temporal.ts';

export type { Finding, Verdict } from './check.ts';

export interface Diagnosis {
  /** Whether nothing failed; a warning is no failure. */
  healthy: boolean;
  findings: Finding[];
}

/**
 * Looks at every setting and every connection, all at once, each with a time limit, and changes nothing. What fails says how to mend
 * it. While settings are missing or wrong the connections are skipped: nothing true could be said of them.
 */
export async function diagnose(env: Record<string, string | undefined>): Promise<Diagnosis> {
  const settings = checkSettings(env);
  const config = readable(env);
  const rest = config === undefined ? [skipped('connections', 'not looked at: mend the settings first')] : await connections(config);
  const findings = [...settings, ...rest];
  return { healthy: findings.every(({ verdict }) => verdict === 'ok' || verdict === 'warn'), findings };
}

function readable(env: Record<string, string | undefined>): Config | undefined {
  try {
    return loadConfig(env);
  } catch (error) {
    if (isAltaError(error) && error.code === 'CONFIG_INVALID') return undefined;
    throw error;
  }
}

async function connections(config: Config): Promise<Finding[]> {
  const db = createAdminDb(config.ADMIN_DATABASE_URL, {
    // The worker's view: what it may read is what must be there for it.
    role: 'worker',
    max: 6,
    applicationName: 'alta-doctor',
    connectTimeoutMs: 3_000,
    statementTimeoutMs: 5_000,
  });
  try {
    const found = await Promise.all([checkAdminDb(config, db), checkTemporal(config), checkOutside(config)]);
    return [...checkProduction(config), ...found.flat()];
  } finally {
    await db.close();
  }
}
