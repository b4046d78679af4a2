import type { Command } from 'commander';
import { withAlta } from './context.ts';
import { age, print, printJson, table } from './output.ts';

interface Json {
  json?: boolean;
}

/** `alta schedules ...`: what runs by itself. */
export function scheduleCommands(program: Command): void {
  const group = program.command('schedules').description('upkeep: what runs by itself, and when');

  group
    .command('apply')
    .description('make the schedules as this version wants them; part of every deployment, and harmless to repeat')
    .option('--prune', 'delete those that another version made and this one does not want, instead of telling of them')
    .option('--json', 'machine-readable')
    .action(async ({ prune = false, json }: Json & { prune?: boolean }) => {
      const applied = await withAlta(({ alta }) => alta.schedules.apply({ prune }));
      if (json) return printJson(applied);
      print(applied.map(({ scheduleId, outcome }) => `${outcome}: ${scheduleId}`).join('\n'));
      if (applied.some(({ outcome }) => outcome === 'left over'))
        print('what is left over still runs; once no other version is deployed: alta schedules apply --prune');
    });

  group
    .command('list')
    .description('each schedule, its last run and its next')
    .option('--json', 'machine-readable')
    .action(async ({ json }: Json) => {
      const rows = await withAlta(({ alta }) => alta.schedules.list());
      if (json) return printJson(rows);
      const cells = rows.map((row) => [
        row.task,
        row.when,
        !row.present ? 'not applied' : row.paused ? 'paused' : 'on',
        row.lastAt === null ? '' : `${age(row.lastAt)} ago`,
        row.nextAt ?? '',
        String(row.taken),
        String(row.skipped + row.missed),
      ]);
      print(table(['TASK', 'WHEN', 'STATE', 'LAST RUN', 'NEXT RUN', 'RUNS', 'LEFT OUT'], cells));
    });
}
