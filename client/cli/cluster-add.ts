import type { Command } from 'commander';
import { createAdminDb, registerCluster } from '../../adapters/admin-db/index.ts';
import { checkClusterSchema, createClusterRouter } from '../../adapters/cluster/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { createLogger } from '../../adapters/log.ts';
import { createVault } from '../../adapters/vault/index.ts';
import { AltaError } from '../../contract/errors.ts';
import { actorOption } from './actor.ts';
import { readEnvironment } from './context.ts';
import { print, printJson } from './output.ts';

interface AddOptions {
  url: string;
  name?: string;
  weight?: string;
  reason: string;
  actor: string;
  json?: boolean;
}

/**
 * `alta clusters add`: enters a hosted or a self-run Supabase project, or gives a known one a new address or keys. Its keys come by
 * the environment, never by the command line, which everybody on the machine can read. It is looked at first: one that lacks
 * something is not entered.
 */
export function clusterAddCommand(group: Command): void {
  group
    .command('add <cluster>')
    .description('enter a Supabase project; keys in CLUSTER_SECRET_KEY and CLUSTER_PUBLISHABLE_KEY')
    .requiredOption('--url <url>', 'address of the project')
    .option('--name <text>', 'display name')
    .option('--weight <n>', 'share of new tenants')
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (clusterId: string, options: AddOptions) => {
      const env = readEnvironment();
      const config = loadConfig(env);
      const keys = { serviceKey: needed(env, 'CLUSTER_SECRET_KEY'), publishableKey: needed(env, 'CLUSTER_PUBLISHABLE_KEY') };
      if (!URL.canParse(options.url)) throw new AltaError('INPUT_INVALID', 'url: write the address of the project');
      const weight = options.weight === undefined ? undefined : Number(options.weight);
      if (weight !== undefined && !(weight >= 0)) throw new AltaError('INPUT_INVALID', 'weight: write a number that is not negative');

      const secrets = { clusterId, url: options.url, revision: 0, ...keys };
      const router = createClusterRouter({ load: () => Promise.resolve(secrets), timeoutMs: config.CLUSTER_TIMEOUT_MS });
      const lacks = await checkClusterSchema(await router.get(clusterId));
      if (lacks.length > 0) throw new AltaError('CLUSTER_SCHEMA_MISMATCH', `${clusterId}: ${lacks.join('; ')}`);

      const db = createAdminDb(config.ADMIN_DATABASE_URL, { role: 'operator', max: 1, log: createLogger('alta-cli', 'silent') });
      try {
        const revision = await registerCluster(db, createVault(config.ALTA_VAULT_KEYS), {
          clusterId,
          displayName: options.name ?? clusterId,
          url: options.url,
          ...keys,
          ...(weight === undefined ? {} : { weight }),
          actor: options.actor,
        });
        if (options.json) printJson({ clusterId, revision });
        else print(`${clusterId}: ${revision === 1 ? 'entered, and active' : `has its new address and keys (revision ${revision})`}`);
      } finally {
        await db.close();
      }
    });
}

function needed(env: Record<string, string | undefined>, name: string): string {
  const value = env[name];
  if (value === undefined || value === '') throw new AltaError('INPUT_INVALID', `${name}: is missing`);
  return value;
}
