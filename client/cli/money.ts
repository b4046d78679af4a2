import type { Command } from 'commander';
import { IN_PROGRESS_SECONDS, MONEY_LISTS, type MoneyList, type MoneyReport } from '../index.ts';
import { withAlta } from './context.ts';
import { count } from './numbers.ts';
import { age, EXIT, paint, print, printJson, table } from './output.ts';

const NAMES: Record<MoneyList, string> = {
  paidWithoutStore: 'paid without store',
  storeWithoutPayment: 'store without payment',
  paidTwice: 'paid twice',
  refundedButLive: 'refunded but live',
};

interface Options {
  limit: number;
  inProgressMinutes: number;
  failIfAny?: boolean;
  json?: boolean;
}

/** `alta money`: where money and stores do not fit together. */
export function moneyCommands(program: Command): void {
  program
    .command('money')
    .description('payments without a store, stores without a payment, second payments, refunded stores that are open')
    .option('--limit <n>', 'how many of each list; the sums count all', count('limit', 1_000), 20)
    .option(
      '--in-progress-minutes <n>',
      'a younger onboarding is not "paid without store" yet',
      count('in-progress-minutes', 10_080),
      IN_PROGRESS_SECONDS / 60,
    )
    .option('--fail-if-any', 'exit 1 when a list is not empty, for cron')
    .option('--json', 'machine-readable')
    .action(async ({ limit, inProgressMinutes, failIfAny, json }: Options) => {
      const report = await withAlta(({ alta }) => alta.money.report({ limit, inProgressSeconds: inProgressMinutes * 60 }));
      if (json) printJson(report);
      else print(reportText(report));
      if (failIfAny && MONEY_LISTS.some((list) => report.lists[list].count > 0)) process.exitCode = EXIT.failed;
    });
}

function reportText({ lists, inProgress }: MoneyReport): string {
  const parts = MONEY_LISTS.map((list) => {
    const { count: found, oldestSeconds, atStake, items } = lists[list];
    const name = paint('bold', NAMES[list]);
    if (found === 0) return `${name}: ${paint('green', 'none')}`;
    const oldest = age(new Date(Date.now() - (oldestSeconds ?? 0) * 1_000).toISOString());
    const sums = atStake.map(({ amount, currency }) => `${amount} ${currency}`).join(', ');
    const cells = items.map((item) => [
      item.paymentId ?? '',
      item.accountId ?? '',
      item.slug ?? '',
      item.state,
      item.code ?? '',
      item.refund ?? '',
      `${item.amount} ${item.currency}`,
      age(item.since),
    ]);
    const heads = ['PAYMENT', 'ACCOUNT', 'SLUG', 'STATE', 'REASON', 'REFUND', 'AMOUNT', 'AGE'];
    const more = found > items.length ? `\n... and ${String(found - items.length)} more` : '';
    return `${name}: ${paint('red', String(found))}, oldest ${oldest}, at stake ${sums}\n${table(heads, cells)}${more}`;
  });
  return [...parts, `paid, and under way: ${String(inProgress)}`].join('\n\n');
}
