import { Option, type Command } from 'commander';
import { OUTBOX_STATES, OUTBOX_TARGETS, type OutboxState, type OutboxTarget } from '../../contract/outbox.ts';
import { AltaError } from '../../contract/errors.ts';
import { defaultActor } from './actor.ts';
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

const actor = (): Option => new Option('--actor <name>', 'who decides').default(defaultActor(), 'your user name');
const limit = (): Option => new Option('--limit <n>', 'how many').argParser(count('limit', 1_000)).default(20);

/** `alta dlq list`, and `alta outbox ...`: what goes no further by itself. */
export function deadLetterCommands(program: Command): void {
  program
    .command('dlq')
    .description('onboardings that go no further by themselves')
    .command('list')
    .description('parked and failed ones, and undos that failed, the longest first; then `onboardings resolve | retry | abandon`')
    .addOption(limit())
    .option('--json', 'machine-readable')
    .action(async ({ limit: most, json }: Json & { limit: number }) => {
      const letters = await withAlta(({ alta }) => alta.dlq.list({ limit: most }));
      if (json) return printJson(letters);
      const cells = letters.map((one) => [
        one.accountId,
        one.slug,
        one.kind,
        one.state,
        one.step ?? '',
        one.code ?? '',
        String(one.attempts),
        age(one.since),
      ]);
      print(table(['ACCOUNT', 'SLUG', 'KIND', 'STATE', 'STEP', 'ERROR', 'TRIES', 'AGE'], cells, 'nothing waits for an operator'));
    });

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
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actor())
    .option('--json', 'machine-readable')
    .action(async (ids: string[], { allFailed, code, actor: who, reason, json }: Decision & { allFailed?: boolean; code?: string }) => {
      if (ids.length > 0 === (allFailed === true)) throw new AltaError('INPUT_INVALID', 'ids: name rows, or say --all-failed');
      const which = allFailed ? { allFailed, ...(code === undefined ? {} : { code }) } : { ids };
      const retried = await withAlta(({ alta }) => alta.outbox.retry(which, { actor: who, reason }));
      if (json) printJson(retried);
      else print(`due at once: ${String(retried.length)}`);
    });

  outbox
    .command('discard <id>')
    .description('give a dead or waiting row up')
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actor())
    .option('--json', 'machine-readable')
    .action(async (id: string, { actor: who, reason, json }: Decision) => {
      const { openRefund } = await withAlta(({ alta }) => alta.outbox.discard(id, { actor: who, reason }));
      if (json) return printJson({ id, state: 'discarded', openRefund });
      print(`discarded: ${id}`);
      if (openRefund !== null) print(`the money is still here: alta refunds decide ${openRefund} refund|keep --reason "..."`);
    });
}
