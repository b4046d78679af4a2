import { Option, type Command } from 'commander';
import type { AccountCommandInput } from '../../contract/account-commands.ts';
import { AltaError } from '../../contract/errors.ts';
import { answerOf, archiveOf, credentialsOf, storyOf } from './account-views.ts';
import { actorOption } from './actor.ts';
import { withAlta } from './context.ts';
import { forecastCommand } from './dunning.ts';
import { count } from './numbers.ts';
import { print, printJson } from './output.ts';

interface Given {
  reason: string;
  actor: string;
  commandId?: string;
  json?: boolean;
}

const TARGET = 'account id or slug';
type Act = Record<string, unknown>;

/** `alta accounts ...`: look at accounts that have a store, and change them. */
export function accountCommands(program: Command): void {
  const group = program.command('accounts').description('look at accounts that have a store, and change them');

  group
    .command('show <target>')
    .description(`how an account stands, and its story (${TARGET})`)
    .option('--json', 'machine-readable')
    .action(async (target: string, { json }: { json?: boolean }) => {
      const story = await withAlta(({ alta }) => alta.accounts.show(target));
      if (json) printJson(story);
      else print(storyOf(story));
    });

  group
    .command('archives <target>')
    .description(`what was kept of a store before it was deleted (${TARGET})`)
    .option('--json', 'machine-readable')
    .action(async (target: string, { json }: { json?: boolean }) => {
      const archives = await withAlta(({ alta }) => alta.accounts.archives(target));
      if (json) printJson(archives);
      else print(archives.length === 0 ? 'no archives' : archives.map(archiveOf).join('\n\n'));
    });

  /** A command of its own for an action; `more` reads what else it takes. */
  const give = (
    usage: string,
    about: string,
    act: (target: string, args: string[], options: Act) => Omit<AccountCommandInput, 'actor' | 'reason'>,
  ): Command =>
    group
      .command(usage)
      .description(about)
      .requiredOption('--reason <text>', 'why; it is kept')
      .addOption(actorOption())
      .option('--command-id <uuid>', 'repeat this very command, whose answer was lost')
      .option('--json', 'machine-readable')
      .action(async (...all: unknown[]) => {
        const options = all.at(-2) as Given & Act;
        const [target = '', ...args] = all.slice(0, -2) as string[];
        const { actor, reason, commandId, json } = options;
        const command = { ...act(target, args, options), actor, reason } as AccountCommandInput;
        const answer = await withAlta(({ alta }) => alta.accounts.command(target, command, commandId));
        if (json) printJson(answer);
        else print(answerOf(answer));
      });

  const cause = new Option('--cause <cause>', 'what stands against its running')
    .choices(['pause', 'past_due', 'operator'])
    .default('pause');
  give(
    'suspend <target>',
    `take a store off the air (${TARGET})`,
    (_, __, { cause: why }) => ({ action: 'suspend', cause: why }) as never,
  ).addOption(cause);
  give(
    'resume <target>',
    'take one cause away; the store runs when none is left',
    (_, __, { cause: why }) => ({ action: 'resume', cause: why }) as never,
  ).addOption(cause);
  give('cancel <target>', 'end the subscription; the store stops', () => ({ action: 'cancel' }));
  give('delete <target>', 'keep an archive of a store, then shut it for good; its rows stay', () => ({ action: 'delete' }));
  give('restore <target>', 'bring back what was cancelled, or deleted within the retention', () => ({ action: 'restore' }));
  give('publish <target>', 'approve a store: its cluster shows it published, and then the account is live', () => ({ action: 'publish' }));
  give('change-plan <target> <plan>', 'another plan, up or down', (_, [planKey], { period }) => ({
    action: 'change-plan',
    planKey: planKey ?? '',
    billingPeriod: (period as 'monthly' | undefined) ?? null,
  })).addOption(new Option('--period <period>', 'another period too').choices(['monthly', 'annual']));
  give('add-addon <target> <addon>', 'buy an add-on, or change how many there are', (_, [addonKey], { quantity, until }) => ({
    action: 'add-addon',
    addonKey: addonKey ?? '',
    quantity: quantity as number,
    expiresAt: (until as string | undefined) ?? null,
  }))
    .option('--quantity <count>', 'how many there are afterwards', count('--quantity', 100), 1)
    .option('--until <time>', 'when it ends, as 2026-12-31T00:00:00Z');
  give('remove-addon <target> <addon>', 'end an add-on', (_, [addonKey]) => ({ action: 'remove-addon', addonKey: addonKey ?? '' }));
  give(
    'set-override <target> <kind> <key> <value>',
    'set a limit, or give (1) or take (0) a feature, whatever the plan says',
    (_, args, { until }) => ({
      action: 'set-override',
      ...overridden(args),
      value: count('value', 2_147_483_647, 0)(args[2] ?? ''),
      expiresAt: (until as string | undefined) ?? null,
    }),
  ).option('--until <time>', 'when it ends, as 2026-12-31T00:00:00Z; until it is cleared when left out');
  give('clear-override <target> <kind> <key>', 'let plan and add-ons count again', (_, args) => ({
    action: 'clear-override',
    ...overridden(args),
  }));
  give('sync-entitlements <target>', 'compute and write what the store may do anew', () => ({ action: 'sync-entitlements' }));
  give('reseed <target>', 'add what the store lacks of the content that it began with', () => ({ action: 'reseed' }));
  give('change-settings <target> <settings...>', 'settings of the store as key=value; key= takes one away', (_, [pairs]) => ({
    action: 'change-settings',
    settings: valuesOf(pairs as unknown as string[], (text) => (text === 'true' || text === 'false' ? text === 'true' : text)),
  }));
  give('change <target> <fields...>', 'fields of the account as businessName=value; field= clears one', (_, [pairs]) => ({
    action: 'change-account',
    fields: valuesOf(pairs as unknown as string[], (text) => text),
  }));
  give('set-due <target>', 'until when the store is paid for, or its trial runs', (_, __, { trialEnds, paidUntil }) => ({
    action: 'set-due-dates',
    ...dateOf('trialEndsAt', trialEnds),
    ...dateOf('paidUntil', paidUntil),
  }))
    .option('--trial-ends <time>', 'as 2026-12-31T00:00:00Z; none takes it away')
    .option('--paid-until <time>', 'as 2026-12-31T00:00:00Z; none takes it away');
  forecastCommand(group);
  for (const [name, act, about] of [
    ['rotate-credentials', 'rotateCredentials', "rotate its seller's Mercado Pago tokens"],
    ['revoke-credentials', 'revokeCredentials', "take its seller's Mercado Pago tokens out of the Admin DB and off the cluster"],
  ] as const) {
    group
      .command(`${name} <target>`)
      .description(about)
      .requiredOption('--reason <text>', 'why; it is kept')
      .addOption(actorOption())
      .option('--command-id <uuid>', 'repeat this very command, whose answer was lost')
      .option('--json', 'machine-readable')
      .action(async (target: string, { reason, actor, commandId, json }: Given) => {
        const answer = await withAlta(({ alta }) =>
          alta.accounts[act](target, { reason, actor, ...(commandId === undefined ? {} : { commandId }) }),
        );
        if (json) printJson(answer);
        else print(credentialsOf(answer));
      });
  }
  give('hold <target>', 'write nothing to the store until it is released', () => ({ action: 'hold' }));
  give('release <target>', 'write to the store again, first of all what was told meanwhile', () => ({ action: 'release' }));
}

const dateOf = (name: string, text: unknown): object => (text === undefined ? {} : { [name]: text === 'none' ? null : text });
/** What is overridden: `limit products`, `feature checkout`. The command's schema judges it. */
const overridden = ([kind, key]: string[]): { kind: 'limit'; key: string } => ({ kind: kind as 'limit', key: key ?? '' });

/** Reads `key=value` pairs; an empty value is null. Throws INPUT_INVALID. */
function valuesOf<T>(pairs: readonly string[], read: (text: string) => T): Record<string, T | null> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const at = pair.indexOf('=');
      if (at < 1) throw new AltaError('INPUT_INVALID', `${JSON.stringify(pair)}: write name=value, or name= to take it away`);
      const text = pair.slice(at + 1);
      return [pair.slice(0, at), text === '' ? null : read(text)];
    }),
  );
}
