import { randomUUID } from 'node:crypto';
import { WithStartWorkflowOperation, type Client } from '@temporalio/client';
import type { Workflow } from '@temporalio/common';
import {
  findAccount,
  isSameCommand,
  listArchives,
  showAccount,
  type AccountDetails,
  type AdminDb,
  type StoreArchiveRow,
} from '../../adapters/admin-db/index.ts';
import type { Config } from '../../adapters/config.ts';
import { accountRun } from '../../adapters/temporal/index.ts';
import {
  accountCommandSchema,
  UPDATE_ACCOUNT_COMMAND,
  type AccountCommand,
  type AccountCommandInput,
  type CommandAnswer,
  isCommandId,
} from '../../contract/account-commands.ts';
import { isStoreState } from '../../contract/account-machine.ts';
import type { AccountState } from '../../contract/account.ts';
import { AltaError, isAltaError } from '../../contract/errors.ts';
import { ACCOUNT_WORKFLOW } from '../../contract/ids.ts';
import { looksEncoded } from '../../contract/slug.ts';
import { callTemporal } from '../temporal.ts';
import { stateOf } from './account-state.ts';
import { changeCredentials, type CredentialsAnswer } from './account-credentials.ts';
import { updateRefusalOf } from './update-refusal.ts';

/** An answer waits for the store; this is above what the account's workflow itself waits, ms. */
const COMMAND_TIMEOUT_MS = 60_000;
/** A deletion keeps a copy of the store before, which may take minutes, ms. */
const DELETE_TIMEOUT_MS = 20 * 60_000;

export interface AccountDeps {
  db: AdminDb;
  temporal: Client;
  config: Pick<Config, 'ALTA_QUEUE_PREFIX'>;
}

export interface AccountStory extends AccountDetails {
  /** What the account's workflow says of itself; null when it has no run, or no worker answers. */
  workflow: AccountState | null;
}

/** What operators do with accounts that have a store. `target` is an account id or a slug. */
export interface AccountOperations {
  /** Errors: ACCOUNT_NOT_FOUND. */
  show(target: string): Promise<AccountStory>;
  /** What was kept of the store before it was deleted, newest first. Errors: ACCOUNT_NOT_FOUND. */
  archives(target: string): Promise<StoreArchiveRow[]>;
  /**
   * Gives a command and waits until the store shows it, or the answer says what that waits for. `commandId` (a UUID) is the command's
   * name: repeating it after a lost answer does it once and gets the same record. A new one is made when it is left out.
   *
   * Errors: INPUT_INVALID, ACCOUNT_NOT_FOUND, COMMAND_REFUSED with the states in which it is possible, OVER_LIMITS, PLAN_NOT_FOUND,
   * SLUG_TAKEN, of a deletion EXPORT_NOT_CONFIGURED, EXPORT_FAILED or the code of what stopped the export (nothing was deleted then), CONFLICT, TEMPORAL_UNAVAILABLE when no answer came: repeat it with the same id, which the message names.
   */
  command(target: string, command: AccountCommandInput, commandId?: string): Promise<CommandAnswer>;
  /**
   * Has a seller's tokens rotated, or taken out, as `credentials.ask` does, and waits until the cluster shows it, or the answer says what
   * that waits for; done once for a `commandId`, as a command is. Errors: INPUT_INVALID, ACCOUNT_NOT_FOUND, CONFLICT, COMMAND_REFUSED without a store, NOT_FOUND when the seller never agreed,
   * RESOLVE_REFUSED when the seller has to agree again first.
   */
  rotateCredentials(target: string, by: { actor: string; reason: string; commandId?: string }): Promise<CredentialsAnswer>;
  revokeCredentials(target: string, by: { actor: string; reason: string; commandId?: string }): Promise<CredentialsAnswer>;
}

export function accountOperations(deps: AccountDeps): AccountOperations {
  return {
    async show(target) {
      const details = await showAccount(deps.db, target);
      return { ...details, workflow: await stateOf(deps.temporal, details.account.accountId) };
    },
    archives: async (target) => listArchives(deps.db, (await findAccount(deps.db, target)).accountId),
    command: (target, command, commandId = randomUUID()) => give(deps, target, command, commandId),
    rotateCredentials: (target, by) => changeCredentials(deps, target, { task: 'refresh', ...by }),
    revokeCredentials: (target, by) => changeCredentials(deps, target, { task: 'revoke', ...by }),
  };
}

async function give(
  { db, temporal, config }: AccountDeps,
  target: string,
  raw: AccountCommandInput,
  commandId: string,
): Promise<CommandAnswer> {
  const parsed = accountCommandSchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AltaError('INPUT_INVALID', `${issue?.path.join('.') || 'command'}: ${issue?.message ?? 'is not valid'}`);
  }
  if (parsed.data.action === 'change-account' && looksEncoded(parsed.data.fields.slug ?? ''))
    throw new AltaError('INPUT_INVALID', 'fields.slug: browsers would show another name; choose one without two hyphens there');
  if (!isCommandId(commandId)) throw new AltaError('INPUT_INVALID', 'commandId: write a UUID in lower case');
  const { accountId, status } = await findAccount(db, target);
  if (!isStoreState(status)) throw new AltaError('COMMAND_REFUSED', `${parsed.data.action}: the account is ${status} and has no store`);
  const send = (): Promise<CommandAnswer> =>
    temporal.workflow.executeUpdateWithStart<Workflow, CommandAnswer, [AccountCommand]>(UPDATE_ACCOUNT_COMMAND, {
      // A run that was lost is started again by this: what it knew stands in the Admin DB.
      startWorkflowOperation: new WithStartWorkflowOperation(ACCOUNT_WORKFLOW, accountRun(accountId, config.ALTA_QUEUE_PREFIX)),
      updateId: commandId,
      args: [parsed.data],
    });
  try {
    const answer = await callTemporal(
      temporal,
      'temporal.account-command',
      send,
      parsed.data.action === 'delete' ? DELETE_TIMEOUT_MS : COMMAND_TIMEOUT_MS,
    );
    if (await isSameCommand(db, accountId, commandId, parsed.data)) return answer;
    throw new AltaError('CONFLICT', `command ${commandId} was given before, as another one`);
  } catch (error) {
    if (isAltaError(error) && error.code === 'TEMPORAL_UNAVAILABLE')
      throw new AltaError('TEMPORAL_UNAVAILABLE', `no answer came; repeat command ${commandId}`, { cause: error });
    throw updateRefusalOf(error);
  }
}
