import type { Command } from 'commander';
import type { DeploymentStatus, StalledRun } from '../index.ts';
import { withAlta } from './context.ts';
import { age, EXIT, print, printJson, table } from './output.ts';

/** `alta deployments ...`: which version of the workers takes new runs (docs/rollout.md). */
export function deploymentCommands(program: Command): void {
  const group = program.command('deployments').description('versions of the workers: which takes new runs, which may stop');

  group
    .command('status')
    .description('every version, its share of new runs, and the open runs that hold it')
    .option('--json', 'machine-readable')
    .action(async ({ json }: { json?: boolean }) => show(await withAlta(({ alta }) => alta.deployments.status()), json));

  group
    .command('promote <build-id>')
    .description('let new runs start on this version; runs under way stay where they are')
    .option('--ramp <percent>', 'only this share of new runs')
    .option('--json', 'machine-readable')
    .action(async (buildId: string, { ramp, json }: { ramp?: string; json?: boolean }) =>
      show(await withAlta(({ alta }) => alta.deployments.promote(buildId, ramp === undefined ? undefined : Number(ramp))), json),
    );

  group
    .command('rollback <build-id>')
    .description('take new runs back to this earlier version, and end a ramp')
    .option('--json', 'machine-readable')
    .action(async (buildId: string, { json }: { json?: boolean }) =>
      show(await withAlta(({ alta }) => alta.deployments.rollback(buildId)), json),
    );

  group
    .command('stalled')
    .description('open runs that stand still because their code fails or no worker takes them; exit 1 when there are any')
    .option('--limit <n>', 'look at no more open runs than this', '500')
    .option('--json', 'machine-readable')
    .action(async ({ limit, json }: { limit: string; json?: boolean }) => {
      const stalled = await withAlta(({ alta }) => alta.deployments.stalled(Number(limit)));
      if (json) printJson(stalled);
      else print(stalledTable(stalled));
      if (stalled.length > 0) process.exitCode = EXIT.failed;
    });
}

function show(status: DeploymentStatus, json: boolean | undefined): void {
  if (json) return printJson(status);
  const rows = status.versions.map(({ buildId, status: state, share, pinnedRuns, mayStop, createdAt }) => [
    buildId,
    state,
    `${String(share)} %`,
    String(pinnedRuns),
    mayStop ? 'may stop' : 'needed',
    age(createdAt),
  ]);
  print(
    table(
      ['VERSION', 'STATE', 'NEW RUNS', 'PINNED RUNS', 'WORKERS', 'AGE'],
      rows,
      `deployment ${status.deployment} has no versions: its workers run without a build id, or none has started`,
    ),
  );
}

const stalledTable = (stalled: readonly StalledRun[]): string =>
  table(
    ['RUN', 'VERSION', 'WHY', 'TRIES', 'SINCE', 'LAST FAILURE'],
    stalled.map(({ workflowId, buildId, why, attempts, since, failure }) => [
      workflowId,
      buildId ?? '(none)',
      why,
      String(attempts),
      age(since),
      (failure ?? '').split('\n', 1)[0]!.slice(0, 100),
    ]),
    'no run stands still',
  );
