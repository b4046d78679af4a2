import type { Command } from 'commander';
import { migrate, pendingMigrations } from '../../adapters/admin-db/index.ts';
import { loadConfig } from '../../adapters/config.ts';
import { readEnvironment, withAlta } from './context.ts';
import { EXIT, paint, print, printJson } from './output.ts';

/** `alta replay` and `alta migrate`. */
export function maintenanceCommands(program: Command): void {
  program
    .command('replay <workflow-id>')
    .description("replay a run's history on today's workflow code; exit 1 when it differs")
    .option('--run <run-id>', 'another run than the newest')
    .option('--json', 'machine-readable')
    .action(async (workflowId: string, { run, json }: { run?: string; json?: boolean }) => {
      const { DefaultLogger, Runtime } = await import('@temporalio/worker');
      // Its own log would say the same again, with a stack.
      Runtime.install({
        logger: new DefaultLogger('ERROR', () => undefined),
        telemetryOptions: { logging: { filter: 'off', forward: {} } },
      });
      try {
        const report = await withAlta(({ alta }) => alta.replay(workflowId, run));
        if (json) printJson(report);
        else if (report.same)
          print(`${paint('green', 'same')}: ${String(report.events)} events of ${report.workflowType} replay on today's code`);
        else print(`${paint('red', 'differs')}: ${report.workflowType}, ${String(report.events)} events\n${report.difference ?? ''}`);
        if (!report.same) process.exitCode = EXIT.failed;
      } finally {
        await Runtime.instance().shutdown();
      }
    });

  program
    .command('migrate')
    .description('bring the schema of the Admin DB up to date')
    .option('--dry-run', 'only list what would be applied')
    .option('--json', 'machine-readable')
    .action(async ({ dryRun, json }: { dryRun?: boolean; json?: boolean }) => {
      const { ADMIN_DATABASE_URL: url } = loadConfig(readEnvironment());
      const names = await (dryRun ? pendingMigrations(url) : migrate(url));
      if (json) printJson(names);
      else print(names.length === 0 ? 'nothing to apply' : names.map((name) => `${dryRun ? 'pending' : 'applied'}: ${name}`).join('\n'));
    });
}
