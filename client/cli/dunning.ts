import type { Command } from 'commander';
import type { DunningPolicy } from '../../contract/dunning.ts';
import type { Forecast, Simulation } from '../index.ts';
import { withAlta } from './context.ts';
import { count } from './numbers.ts';
import { facts, print, printJson } from './output.ts';

/** `alta dunning ...`: what due dates bring. */
export function dunningCommands(program: Command): void {
  const group = program.command('dunning').description('what due dates bring, under this policy or another; nothing is changed');
  group
    .command('simulate')
    .description('which stores another policy would suspend, delete or spare now')
    .option('--grace-days <days>', 'days from the due date until the suspension', count('--grace-days', 365, 0))
    .option('--delete-after-days <days>', 'days from the suspension until the deletion', count('--delete-after-days', 3_650))
    .option('--never-delete', 'no store is deleted by itself')
    .option('--json', 'machine-readable')
    .action(
      async ({ graceDays, deleteAfterDays, neverDelete, json }: Partial<DunningPolicy> & { neverDelete?: boolean; json?: boolean }) => {
        const proposed = {
          ...(graceDays === undefined ? {} : { graceDays }),
          ...(deleteAfterDays === undefined ? {} : { deleteAfterDays }),
          ...(neverDelete ? { deleteAfterDays: null } : {}),
        };
        const simulation = await withAlta(({ alta }) => alta.dunning.simulate(proposed));
        if (json) printJson(simulation);
        else print(simulationOf(simulation));
      },
    );
}

/** `alta accounts forecast`. */
export function forecastCommand(group: Command): void {
  group
    .command('forecast <target>')
    .description('what the due dates of an account will bring, and when')
    .option('--json', 'machine-readable')
    .action(async (target: string, { json }: { json?: boolean }) => {
      const forecast = await withAlta(({ alta }) => alta.dunning.forecast(target));
      if (json) printJson(forecast);
      else print(forecastOf(forecast));
    });
}

const WORDS = {
  remind: 'the owner is reminded of the payment',
  suspend: 'the store is suspended',
  resume: 'the store runs again: it is paid',
  delete: 'the store is exported and deleted',
} as const;

function forecastOf({ accountId, slug, status, due, steps }: Forecast): string {
  const account = facts([
    ['account', `${accountId} (${status})`],
    ['store', slug],
    ['due', due ?? 'nothing is ever due'],
  ]);
  const lines = steps.map(({ at, step }) => `  ${at}  ${WORDS[step]}`);
  return `${account}\n\n${lines.length === 0 ? 'nothing is to come' : lines.join('\n')}`;
}

function simulationOf({ policy, looked, accounts }: Simulation): string {
  const after = policy.deleteAfterDays === null ? 'never deletes' : `deletes after ${String(policy.deleteAfterDays)} days`;
  const head = `${String(policy.graceDays)} days of grace, ${after}: of ${String(looked)} stores with something due it treats ${String(accounts.length)} otherwise`;
  const lines = accounts.map(
    ({ accountId, slug, status, due, more, fewer }) =>
      `  ${slug}  ${accountId}  ${status}, due ${due ?? '-'}: ${[...more.map((step) => `would ${step}`), ...fewer.map((step) => `would not ${step}`)].join(', ')}`,
  );
  return [head, ...lines].join('\n');
}
