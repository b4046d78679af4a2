import { ApplicationFailure, condition, currentUpdateInfo, patched, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import {
  accountCommandSchema,
  type AccountCommand,
  type CommandAnswer,
  type CommandRecord,
  isCommandId,
} from '../contract/account-commands.ts';
import type { AccountState } from '../contract/account.ts';
import { dirtyAspects, markDirty } from './account-inbox.ts';
import { failureOf } from './failure.ts';

/** How long an answer waits for the cluster, ms. */
const ANSWER_MS = 20_000;

const { 'account-command': runCommand } = proxyActivities<Activities>({
  startToCloseTimeout: '30 seconds',
  // Who asked is waiting: what does not pass within this is theirs to ask again, under the same id.
  retry: { initialInterval: '500 milliseconds', maximumInterval: '5 seconds', maximumAttempts: 4 },
  summary: 'do what a command says',
});

const { 'export-store': exportStore } = proxyActivities<Activities>({
  startToCloseTimeout: '15 minutes',
  heartbeatTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '5 seconds', maximumAttempts: 3 },
  summary: 'keep a copy of the store before it is deleted',
});

/** Refuses what is no command, or has no id that it could be known by later. Throws INPUT_INVALID; says which field, never its value. */
export function refuseBadCommand(raw: unknown): void {
  const parsed = accountCommandSchema.safeParse(raw);
  const [issue] = parsed.error?.issues ?? [];
  if (issue) throw ApplicationFailure.nonRetryable(`${issue.path.join('.') || 'command'}: ${issue.code}`, 'INPUT_INVALID');
  if (!isCommandId(currentUpdateInfo()?.id ?? '')) throw ApplicationFailure.nonRetryable('the id of a command is a UUID', 'INPUT_INVALID');
}

/** Notes in the state what a command did: a repeat tells of then; only news changes whether the account is held. */
function noteDone(state: AccountState, done: CommandRecord): void {
  if (done.action === 'hold') state.held = true;
  if (done.action === 'release') state.held = false;
  markDirty(state, done.aspects, done.version);
}

function refusalOf(error: unknown): ApplicationFailure {
  const { code, message } = failureOf(error);
  return ApplicationFailure.nonRetryable(message, code);
}

/** Deletes a store as its due date asks, without waiting for the cluster: the loop that calls this is what brings the store along. */
export async function deleteByDate(state: AccountState, asked: AccountCommand, commandId: string): Promise<void> {
  await keepCopy(state.accountId, commandId);
  try {
    noteDone(state, await runCommand({ accountId: state.accountId, commandId, command: asked }));
  } catch (error) {
    throw refusalOf(error);
  }
}

/**
 * Does one command: the Admin DB first, then it waits until the loop has brought the store along, or says what that waits for. `wake` is
 * called when there is something to apply. A deletion keeps a copy of the store before (P-307): no copy, no deletion. The Update's id is
 * the command's: a repeat, in whichever run, gets the same record.
 *
 * An event may come in the same task as the command's end. Then the order of the timer here and of the loop's apply hangs on how many
 * awaits lie between, so another function around `runCommand` would break the replay of runs that are open (`account.command-deleted`).
 */
export async function command(state: AccountState, raw: AccountCommand, wake: () => void): Promise<CommandAnswer> {
  const commandId = currentUpdateInfo()?.id ?? '';
  const asked = accountCommandSchema.parse(raw);
  // Asked in a handler, unlike other patches: a run from before lives for years, and has to keep a copy from its next deletion on.
  if (asked.action === 'delete' && patched('delete-exports-first')) await keepCopy(state.accountId, commandId);
  const failedBefore = state.failing?.attempts ?? 0;
  let done: CommandRecord;
  try {
    done = await runCommand({ accountId: state.accountId, commandId, command: asked });
  } catch (error) {
    throw refusalOf(error);
  }
  noteDone(state, done);
  wake();
  // What was told while the account was held is shown by its release.
  const shown = (): boolean =>
    done.aspects.every((aspect) => (state.applied[aspect] ?? 0) >= done.version) &&
    (done.action !== 'release' || dirtyAspects(state).length === 0);
  const stuck = (): boolean => state.held || (state.failing !== null && state.failing.attempts > failedBefore);
  await condition(() => shown() || stuck(), ANSWER_MS);
  // What the cluster shows as published is live by then.
  const status = done.action === 'publish' ? 'live' : done.status;
  if (shown()) return { ...done, status, store: 'shown', waitsFor: null };
  return { ...done, store: 'waiting', waitsFor: state.held ? 'held' : (state.failing?.code ?? 'time') };
}

async function keepCopy(accountId: string, commandId: string): Promise<void> {
  try {
    await exportStore({ accountId, commandId });
  } catch (error) {
    const { code, message } = failureOf(error);
    throw ApplicationFailure.nonRetryable(`nothing was deleted, the store could not be kept before: ${message}`, code);
  }
}
