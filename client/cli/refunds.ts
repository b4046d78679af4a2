import { Argument, Option, type Command } from 'commander';
import { REFUND_ACTIONS, REFUND_STATES, type RefundAction, type RefundState } from '../../contract/refund.ts';
import type { RefundRow } from '../index.ts';
import { actorOption } from './actor.ts';
import { withAlta } from './context.ts';
import { age, facts, print, printJson, table } from './output.ts';

interface Json {
  json?: boolean;
}
interface Decided extends Json {
  reason: string;
  actor: string;
}

const words = (state: RefundState): string => state.replace('_', ' ');

const MONEY: Record<RefundState, string> = {
  asked: 'refund to be decided',
  wanted: 'refund wanted',
  in_process: 'refund pending',
  approved: 'refunded',
  rejected: 'refund rejected',
  kept: 'kept',
  superseded: 'spent on another run',
  not_needed: 'had gone back',
};
/** What becomes of the money, in words. */
export const moneyOf = (state: RefundState): string => MONEY[state];

/** `alta refunds ...`: what becomes of money whose store was not made, or that was paid twice. */
export function refundCommands(program: Command): void {
  const group = program.command('refunds').description('look at refunds and decide about them');

  group
    .command('list')
    .description('newest first')
    .addOption(new Option('--state <state>', 'only these').choices(REFUND_STATES))
    .option('--json', 'machine-readable')
    .action(async ({ state, json }: Json & { state?: RefundState }) => {
      const rows = await withAlta(({ alta }) => alta.refunds.list(state === undefined ? {} : { state }));
      if (json) printJson(rows);
      else print(table(['PAYMENT', 'ACCOUNT', 'STATE', 'AMOUNT', 'AGE', 'REASON'], rows.map(cells), 'no refunds'));
    });

  group
    .command('show <target>')
    .description('every intent about one payment (payment id or refund id)')
    .option('--json', 'machine-readable')
    .action(async (target: string, { json }: Json) => {
      const rows = await withAlta(({ alta }) => alta.refunds.show(target));
      if (json) printJson(rows);
      else print(rows.map(storyOf).join('\n\n'));
    });

  group
    .command('ask <payment>')
    .description('ask for the money of a payment to be given back; nothing is sent before it is decided')
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (payment: string, { reason, actor, json }: Decided) => {
      const row = await withAlta(({ alta }) => alta.refunds.ask(payment, { reason, actor }));
      if (json) printJson(row);
      else print(storyOf(row));
    });

  group
    .command('decide <target>')
    .description('give the money back (again: try once more), or keep it (payment id or refund id)')
    .addArgument(new Argument('<action>', 'what to do').choices(REFUND_ACTIONS))
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (target: string, action: RefundAction, { reason, actor, json }: Decided) => {
      const answer = await withAlta(({ alta }) => alta.refunds.decide(target, { action, reason, actor }));
      if (json) printJson(answer);
      else print(`payment ${answer.paymentId}: ${words(answer.state)}`);
    });
}

const cells = (row: RefundRow): string[] => [
  row.paymentId,
  row.accountId ?? '',
  words(row.state),
  `${row.amount} ${row.currency}`,
  age(row.createdAt),
  row.code ?? row.askReason,
];

/** One intent, for people; says plainly whether the money is back. */
export function storyOf(row: RefundRow): string {
  return facts([
    ['payment', row.paymentId],
    ['state', words(row.state)],
    ['amount', `${row.amount} ${row.currency}`],
    ['account', row.accountId],
    ['refund', `${row.refundId}${row.mpRefundId === null ? '' : `, Mercado Pago's ${row.mpRefundId}`}`],
    ['asked by', `${row.askedBy}: ${row.askReason}`],
    ['decided by', row.decidedBy === null ? null : `${row.decidedBy}: ${row.decisionReason ?? ''}`],
    ['tries', row.tries],
    ['reason', row.code === null ? null : `${row.code}: ${row.message ?? ''}`],
    ['next', row.state === 'asked' ? `alta refunds decide ${row.paymentId} refund|keep --reason "..."` : null],
  ]);
}
