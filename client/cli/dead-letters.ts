import { Option, type Command } from 'commander';
import { withAlta } from './context.ts';
import { count } from './numbers.ts';
import { age, print, printJson, table } from './output.ts';

interface Json {
  json?: boolean;
}
const limit = (): Option => new Option('--limit <n>', 'how many').argParser(count('limit', 1_000)).default(20);

/** `alta dlq list`: what goes no further by itself. */
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
}
