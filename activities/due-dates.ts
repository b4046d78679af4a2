import { Context } from '@temporalio/activity';
import { dueAccounts, readDue, remindOwner, runAccountCommand } from '../adapters/admin-db/index.ts';
import { now } from '../adapters/clock.ts';
import { dueCommandIdOf } from '../adapters/ids.ts';
import type { AccountCommand, CommandRecord } from '../contract/account-commands.ts';
import { ACCOUNT_DUE, type Aspect } from '../contract/account.ts';
import { DUNNING_ACTOR, dueSteps, nextDue, type NextDue, type Transition } from '../contract/dunning.ts';
import { isAltaError } from '../contract/errors.ts';
import type { DueSweepResult } from '../contract/upkeep.ts';
import type { ActivityDeps } from './deps.ts';
import { signalAccount } from './signal-account.ts';
import { holding } from './upkeep.ts';

/** What the due dates of an account brought. */
export interface SettledDue {
  /** Of the account, after it; 0 when nothing of the account changed. */
  version: number;
  aspects: Aspect[];
  /** The command, not given yet, that deletes the store: only the account's workflow exports it first. */
  deletion: { commandId: string; command: AccountCommand } | null;
  next: NextDue | null;
}

/** Steps that one look takes at most: a due date has fewer, so more would be a loop. */
const MOST_STEPS = 6;
/** Signals under way at once. */
const AT_ONCE = 20;

/** The next due date of an account. Throws ACCOUNT_NOT_FOUND. */
export const nextDueOf = async ({ db, config }: ActivityDeps, accountId: string): Promise<NextDue | null> =>
  nextDue((await readDue(db, accountId)).facts, config.ALTA_DUNNING_POLICY, now());

/**
 * `settle-due-dates`: does what the due dates of an account ask for by now, each step once a date, and tells when to look again.
 * Computed from the dates and now; a step that somebody else took meanwhile is looked at again. Throws as `runAccountCommand` does.
 */
export function settleDueDates(deps: ActivityDeps) {
  const { db, config } = deps;
  return async ({ accountId }: { accountId: string }): Promise<SettledDue> => {
    const settled: SettledDue = { version: 0, aspects: [], deletion: null, next: null };
    for (let taken = 0; taken < MOST_STEPS; taken += 1) {
      const { facts } = await readDue(db, accountId);
      const at = now();
      const [step] = dueSteps(facts, config.ALTA_DUNNING_POLICY, at);
      if (step === undefined) return { ...settled, next: nextDue(facts, config.ALTA_DUNNING_POLICY, at) };
      if (step.step === 'delete')
        return { ...settled, deletion: { commandId: dueCommandIdOf(accountId, 'delete', step.anchor), command: commandFor(step) } };
      if (step.step === 'remind') {
        await remindOwner(db, accountId, step.anchor);
        continue;
      }
      const record = await give(deps, accountId, step);
      if (record === null) continue;
      settled.version = record.version;
      settled.aspects = [...new Set([...settled.aspects, ...record.aspects])];
    }
    return { ...settled, next: await nextDueOf(deps, accountId) };
  };
}

function commandFor({ step, anchor }: Transition): AccountCommand {
  const who = { actor: DUNNING_ACTOR, reason: step === 'resume' ? 'it is paid again' : `unpaid since ${anchor}` };
  if (step === 'delete') return { action: 'delete', ...who };
  return { action: step === 'resume' ? 'resume' : 'suspend', cause: 'past_due', ...who };
}

/** Null when the account's state changed meanwhile and does not allow it any more. */
async function give({ db, config }: ActivityDeps, accountId: string, step: Transition): Promise<CommandRecord | null> {
  try {
    return await runAccountCommand(db, {
      accountId,
      commandId: dueCommandIdOf(accountId, step.step, step.anchor),
      command: commandFor(step),
      used: null,
      sells: null,
      downgrade: config.ALTA_DOWNGRADE_POLICY,
      retentionDays: config.ALTA_RETENTION_DAYS,
    });
  } catch (error) {
    if (isAltaError(error) && error.code === 'COMMAND_REFUSED') return null;
    throw error;
  }
}

/**
 * `apply-due-dates`: wakes the workflows of accounts that something is due for. They wait for their own dates; this finds those whose
 * run was lost, whose dates came back with a restored Admin DB, or whom a changed policy concerns.
 */
export function wakeDueAccounts(deps: ActivityDeps) {
  const { db, log, config } = deps;
  return (): Promise<DueSweepResult> => {
    const result: DueSweepResult = { held: null, woken: 0 };
    return holding(log, 'apply-due-dates', result, async () => {
      const at = now();
      for await (const page of dueAccounts(db, at.toISOString())) {
        const due = page.filter(({ facts }) => dueSteps(facts, config.ALTA_DUNNING_POLICY, at).length > 0);
        for (let from = 0; from < due.length; from += AT_ONCE) {
          const some = due.slice(from, from + AT_ONCE);
          await Promise.all(some.map(({ accountId }) => wake(deps, accountId)));
          result.woken += some.length;
          Context.current().heartbeat(result.woken);
        }
      }
    });
  };
}

const wake = (deps: ActivityDeps, accountId: string): Promise<void> =>
  signalAccount(deps, accountId, { eventKey: `${ACCOUNT_DUE}/${now().toISOString()}`, type: ACCOUNT_DUE, version: 0, aspects: [] });
