import { Option, type Command } from 'commander';
import { CONNECTION_STATES, type ConnectionState } from '../../contract/credentials.ts';
import type { Connection } from '../index.ts';
import { actorOption } from './actor.ts';
import { withAlta } from './context.ts';
import { age, facts, print, printJson, table } from './output.ts';

interface Json {
  json?: boolean;
}
interface Asked extends Json {
  reason: string;
  actor: string;
}

const TASKS = {
  refresh: 'rotate the tokens now',
  check: 'look whether Mercado Pago still honours the token; one that it does not is taken out',
  revoke: 'take the tokens out of the Admin DB and off the cluster',
} as const;

/** `alta credentials ...`: sellers' Mercado Pago consents, which the stores sell with. No command ever shows a token. */
export function credentialCommands(program: Command): void {
  const group = program.command('credentials').description("look after sellers' Mercado Pago consents");

  group
    .command('list')
    .description('those whose tokens end first in front')
    .addOption(new Option('--state <state>', 'only these').choices(CONNECTION_STATES))
    .option('--json', 'machine-readable')
    .action(async ({ state, json }: Json & { state?: ConnectionState }) => {
      const rows = await withAlta(({ alta }) => alta.credentials.list(state === undefined ? {} : { state }));
      if (json) printJson(rows);
      else print(table(['ACCOUNT', 'SELLER', 'STATE', 'REFRESH DUE', 'TOKEN ENDS', 'REASON'], rows.map(cells), 'no consents'));
    });

  group
    .command('show <account>')
    .description("how one account's consent stands")
    .option('--json', 'machine-readable')
    .action(async (accountId: string, { json }: Json) => {
      const row = await withAlta(({ alta }) => alta.credentials.show(accountId));
      if (json) printJson(row);
      else print(storyOf(row));
    });

  group
    .command('link <account>')
    .description('make a link on which the seller agrees; give it to the owner of the store and to nobody else')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (accountId: string, { actor, json }: Json & { actor: string }) => {
      const link = await withAlta(({ alta }) => alta.credentials.link(accountId, { actor }));
      if (json) printJson(link);
      else print(`${link.url}\nvalid until ${link.expiresAt}`);
    });

  for (const [task, description] of Object.entries(TASKS) as [keyof typeof TASKS, string][]) {
    group
      .command(`${task} <account>`)
      .description(description)
      .requiredOption('--reason <text>', 'why; it is kept')
      .addOption(actorOption())
      .option('--json', 'machine-readable')
      .action(async (accountId: string, { reason, actor, json }: Asked) => {
        const row = await withAlta(({ alta }) => alta.credentials.ask(accountId, { task, reason, actor }));
        if (json) printJson(row);
        else print(`${task} of account ${accountId} is asked for; \`alta credentials show ${accountId}\` tells what came of it`);
      });
  }
}

const words = (state: ConnectionState): string => (state === 'reauth_required' ? 'seller must agree again' : state);
const day = (iso: string | null): string => iso?.slice(0, 10) ?? '';

const cells = (row: Connection): string[] => [
  row.accountId,
  row.sellerId,
  words(row.state),
  day(row.refreshDueAt),
  day(row.expiresAt),
  row.code ?? '',
];

/** One consent, for people. */
function storyOf(row: Connection): string {
  return facts([
    ['account', row.accountId],
    ['seller', row.sellerId],
    ['state', words(row.state)],
    ['credentials', `version ${String(row.credentialVersion)}`],
    ['token ends', row.expiresAt],
    ['refresh due', row.refreshDueAt],
    ['under way', row.refreshId === null ? null : `a refresh, since ${age(row.refreshBegunAt)}`],
    ['reason', row.code === null ? null : `${row.code}: ${row.message ?? ''}`],
    ['next', row.state === 'connected' ? null : `alta credentials link ${row.accountId}`],
  ]);
}
