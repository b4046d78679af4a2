import { ApplicationFailure, condition, currentUpdateInfo, proxyActivities } from '@temporalio/workflow';
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

/** Refuses what is no command, or has no id that it could be known by later. Throws INPUT_INVALID; says which field, never its value. */
export function refuseBadCommand(raw: unknown): void {
  const parsed = accountCommandSchema.safeParse(raw);
  const [issue] = parsed.error?.issues ?? [];
  if (issue) throw ApplicationFailure.nonRetryable(`${issue.path.join('.') || 'command'}: ${issue.code}`, 'INPUT_INVALID');
  if (!isCommandId(currentUpdateInfo()?.id ?? '')) throw ApplicationFailure.nonRetryable('the id of a command is a UUID', 'INPUT_INVALID');
}

/**
 * Does one command: the Admin DB first, then it waits until the loop has brought the store along, or says what that waits for. `wake` is
 * called when there is something to apply. The Update's id is the command's: a repeat, in whichever run, gets the same record.
 */
export async function command(state: AccountState, raw: AccountCommand, wake: () => void): Promise<CommandAnswer> {
  const commandId = currentUpdateInfo()?.id ?? '';
  const failedBefore = state.failing?.attempts ?? 0;
  let done: CommandRecord;
  try {
    done = await runCommand({ accountId: state.accountId, commandId, command: accountCommandSchema.parse(raw) });
  } catch (error) {
    const { code, message } = failureOf(error);
    throw ApplicationFailure.nonRetryable(message, code);
  }
  // A repeat tells of then; only news changes whether the account is held.
  if (done.action === 'hold') state.held = true;
  if (done.action === 'release') state.held = false;
  markDirty(state, done.aspects, done.version);
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
