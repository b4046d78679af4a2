import { Argument, Option, type Command } from 'commander';
import { OUTBOX_STATES, OUTBOX_TARGETS, type OutboxState, type OutboxTarget } from '../../contract/outbox.ts';
import { AltaError } from '../../contract/errors.ts';
import type { RetryFilter } from '../index.ts';
import { actorOption } from './actor.ts';
import { withAlta } from './context.ts';
import { count } from './numbers.ts';
import { age, facts, print, printJson, table } from './output.ts';

interface Json {
  json?: boolean;
}
interface Decision extends Json {
  actor: string;
  reason: string;
}

const limit = (): Option => new Option('--limit <n>', 'how many').argParser(count('limit', 1_000)).default(20);
const only = (name: string, of: string): Option => new Option(name, `only those of this ${of}`);

interface RetryOptions {
  allFailed?: boolean;
  code?: string;
  target?: OutboxTarget;
  event?: string;
  account?: string;
}

/** `alta outbox ...`: what was committed and not yet delivered. */
export function outboxCommands(program: Command): void {
  const outbox = program.command('outbox').description('what was committed and not yet delivered');

  outbox
    .command('stats')
    .description('how much waits, is under way and is dead')
    .option('--json', 'machine-readable')
    .action(async ({ json }: Json) => {
      const stats = await withAlta(({ alta }) => alta.outbox.stats());
      if (json) return printJson(stats);
      const cells = stats.map((one) => [
        one.target,
        String(one.pending),
        String(one.processing),
        String(one.failed),
        one.oldestDueSeconds === null ? '' : `${String(Math.round(one.oldestDueSeconds))} s`,
      ]);
      print(table(['TARGET', 'PENDING', 'PROCESSING', 'FAILED', 'OLDEST DUE'], cells, 'everything is delivered'));
    });

  outbox
    .command('list')
    .description('newest first')
    .addOption(new Option('--state <state>', 'only these').choices(OUTBOX_STATES))
    .addOption(new Option('--target <target>', 'only these').choices(OUTBOX_TARGETS))
    .option('--code <code>', 'only those that failed with this error')
    .addOption(limit())
    .option('--json', 'machine-readable')
    .action(
      async ({ json, limit: most, ...filter }: Json & { limit: number; state?: OutboxState; target?: OutboxTarget; code?: string }) => {
        const rows = await withAlta(({ alta }) => alta.outbox.list({ ...filter, limit: most }));
        if (json) return printJson(rows);
        const cells = rows.map((row) => [
          row.id,
          row.eventType,
          row.target,
          row.state,
          String(row.attempts),
          row.code ?? '',
          age(row.createdAt),
        ]);
        print(table(['ID', 'EVENT', 'TARGET', 'STATE', 'ATTEMPTS', 'ERROR', 'AGE'], cells, 'no rows'));
      },
    );

  outbox
    .command('show <id>')
    .description('one row, and what operators did with it')
    .option('--json', 'machine-readable')
    .action(async (id: string, { json }: Json) => {
      const { payload, actions, ...row } = await withAlta(({ alta }) => alta.outbox.show(id));
      if (json) return printJson({ ...row, payload, actions });
      const told = actions.map((one) => `${one.at}  ${one.actor}: ${one.action}: ${one.reason}`).join('\n');
      print([facts(Object.entries(row)), JSON.stringify(payload), told].filter((part) => part !== '').join('\n\n'));
    });

  outbox
    .command('retry [ids...]')
    .description('make dead or waiting rows due at once, with a fresh count of attempts')
    .option('--all-failed', 'every dead row, instead of naming them')
    .option('--code <code>', 'with --all-failed: only those that failed with this error')
    .addOption(only('--target <target>', 'target').choices(OUTBOX_TARGETS))
    .addOption(only('--event <type>', 'event, such as account.updated'))
    .addOption(only('--account <id>', 'account'))
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (ids: string[], { allFailed, actor: who, reason, json, ...options }: Decision & RetryOptions) => {
      if (ids.length > 0 === (allFailed === true)) throw new AltaError('INPUT_INVALID', 'ids: name rows, or say --all-failed');
      const { code, target, event: eventType, account: accountId } = options;
      const filter = Object.fromEntries(Object.entries({ code, target, eventType, accountId }).filter(([, value]) => value !== undefined));
      if (ids.length > 0 && Object.keys(filter).length > 0)
        throw new AltaError('INPUT_INVALID', `${Object.keys(filter).join(', ')}: a filter goes with --all-failed`);
      const which = allFailed ? { allFailed, ...(filter as RetryFilter) } : { ids };
      const retried = await withAlta(({ alta }) => alta.outbox.retry(which, { actor: who, reason }));
      if (json) printJson(retried);
      else print(`due at once: ${String(retried.length)}`);
    });

  outbox
    .command('discard <id>')
    .description('give a dead or waiting row up')
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (id: string, { actor: who, reason, json }: Decision) => {
      const { openRefund } = await withAlta(({ alta }) => alta.outbox.discard(id, { actor: who, reason }));
      if (json) return printJson({ id, state: 'discarded', openRefund });
      print(`discarded: ${id}`);
      if (openRefund !== null) print(`the money is still here: alta refunds decide ${openRefund} refund|keep --reason "..."`);
    });

  outbox
    .command('health')
    .description('paused targets, what was delivered lately, and what died of what')
    .option('--json', 'machine-readable')
    .action(async ({ json }: Json) => {
      const health = await withAlta(({ alta }) => alta.outbox.health());
      if (json) return printJson(health);
      const waits = health.targets.map((one) => [one.target, String(one.pending), String(one.processing), String(one.failed)]);
      const done = health.delivered.map((one) => [one.target, one.eventType, String(one.lastHour), String(one.lastDay), age(one.lastAt)]);
      const dead = health.dead.map((one) => [one.code, String(one.rows), String(one.lastSixHours), age(one.newestAt)]);
      const paused = health.paused.map((one) => [one.target, one.pausedBy, age(one.pausedAt), one.reason]);
      print(
        [
          table(['TARGET', 'PENDING', 'PROCESSING', 'FAILED'], waits, 'everything is delivered'),
          table(['DELIVERED TO', 'EVENT', 'LAST HOUR', 'LAST DAY', 'LAST'], done, 'nothing was delivered in a day'),
          table(['DEAD OF', 'ROWS', 'IN 6 H', 'NEWEST'], dead, 'nothing is dead'),
          table(['PAUSED', 'BY', 'FOR', 'WHY'], paused, 'nothing is paused'),
        ].join('\n\n'),
      );
    });

  for (const [name, description, done] of [
    ['pause', 'deliver nothing to a target until it is resumed; its rows wait', 'paused'],
    ['resume', 'deliver to a target again', 'resumed'],
  ] as const) {
    outbox
      .command(name)
      .description(description)
      .addArgument(new Argument('<target>', 'which').choices(OUTBOX_TARGETS))
      .requiredOption('--reason <text>', 'why; it is kept')
      .addOption(actorOption())
      .option('--json', 'machine-readable')
      .action(async (target: OutboxTarget, { actor: who, reason, json }: Decision) => {
        await withAlta(({ alta }) => alta.outbox[name](target, { actor: who, reason }));
        if (json) printJson({ target, state: done });
        else print(`${done}: ${target}`);
      });
  }
}
