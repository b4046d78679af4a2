import { Option, type Command } from 'commander';
import { AltaError } from '../../contract/errors.ts';
import { actorOption } from './actor.ts';
import { clusterAddCommand } from './cluster-add.ts';
import { withAlta } from './context.ts';
import { print, printJson, table } from './output.ts';

const STATUSES = ['ready', 'error', 'maintenance', 'cloning', 'disabled'] as const;

interface SetOptions {
  active?: string;
  status?: (typeof STATUSES)[number];
  weight?: string;
  maxTenants?: string;
  reason: string;
  actor: string;
  json?: boolean;
}

/** `alta clusters ...`: what each cluster may take. Keys are never shown. */
export function clusterCommands(program: Command): void {
  const group = program.command('clusters').description('the clusters that hold stores');

  group
    .command('list')
    .description('every cluster, its weight and how full it is')
    .option('--json', 'machine-readable')
    .action(async ({ json }: { json?: boolean }) => {
      const clusters = await withAlta(({ alta }) => alta.clusters.list());
      if (json) return printJson(clusters);
      const cells = clusters.map((cluster) => [
        cluster.clusterId,
        cluster.isActive ? 'yes' : 'no',
        cluster.status,
        String(cluster.weight),
        `${String(cluster.tenantCount)}/${cluster.maxTenants === null ? '∞' : String(cluster.maxTenants)}`,
        cluster.url,
        cluster.lastError ?? '',
      ]);
      print(table(['CLUSTER', 'ACTIVE', 'STATUS', 'WEIGHT', 'TENANTS', 'URL', 'LAST ERROR'], cells, 'no clusters'));
    });

  clusterAddCommand(group);

  group
    .command('set <cluster>')
    .description('change what a cluster may take; it counts from the next placement on')
    .addOption(new Option('--active <yes|no>', 'whether it takes new tenants').choices(['yes', 'no']))
    .addOption(new Option('--status <status>').choices(STATUSES))
    .option('--weight <n>', 'share of new tenants')
    .option('--max-tenants <n|none>', 'most tenants')
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (clusterId: string, options: SetOptions) => {
      const change = {
        ...(options.active === undefined ? {} : { isActive: options.active === 'yes' }),
        ...(options.status === undefined ? {} : { status: options.status }),
        ...(options.weight === undefined ? {} : { weight: numberOf('weight', options.weight) }),
        ...(options.maxTenants === undefined
          ? {}
          : { maxTenants: options.maxTenants === 'none' ? null : numberOf('max-tenants', options.maxTenants) }),
      };
      if (Object.keys(change).length === 0)
        throw new AltaError('INPUT_INVALID', 'name at least one of --active, --status, --weight, --max-tenants');
      const cluster = await withAlta(({ alta }) =>
        alta.clusters.set(clusterId, { ...change, actor: options.actor, reason: options.reason }),
      );
      if (options.json) printJson(cluster);
      else
        print(
          `${cluster.clusterId}: ${cluster.isActive ? 'active' : 'not active'}, ${cluster.status}, weight ${String(cluster.weight)}, at most ${cluster.maxTenants === null ? 'any number of' : String(cluster.maxTenants)} tenants`,
        );
    });
}

function numberOf(name: string, text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0)
    throw new AltaError('INPUT_INVALID', `${name}: write a number that is not negative`);
  return value;
}
