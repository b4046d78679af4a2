import { log, proxyActivities } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { AccountState } from '../contract/account.ts';
import type { NextDue } from '../contract/dunning.ts';
import { deleteByDate } from './account-command.ts';
import { markDirty } from './account-inbox.ts';
import { failureOf } from './failure.ts';

/** How long after a due date could not be settled it is tried again; a deletion, whose export failed, waits longer. */
const AGAIN_MS = 300_000;
const DELETE_AGAIN_MS = 3_600_000;

const { 'settle-due-dates': settle } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 5 },
  summary: 'do what a due date asks for',
});

/** Notes the next due date. The worker tells how long it is until then, so that only workers need the right time. */
export function noteDue(state: AccountState, next: NextDue | null): void {
  state.due = next === null ? null : { step: next.step, at: next.at, lookAt: Date.now() + next.inMs };
}

export const isDue = ({ due }: AccountState): boolean => due !== null && due.lookAt <= Date.now();

/** How long the loop may sleep, ms; undefined: until something is told. */
export const sleepOf = ({ due }: AccountState): number | undefined => (due === null ? undefined : Math.max(1, due.lookAt - Date.now()));

/** Does what is due now. Never throws: what failed is tried again, and somebody hears of it. */
export async function settleDue(state: AccountState): Promise<void> {
  const { accountId } = state;
  let again = AGAIN_MS;
  try {
    const { version, aspects, deletion, next } = await settle({ accountId });
    markDirty(state, aspects, version);
    if (deletion !== null) {
      again = DELETE_AGAIN_MS;
      await deleteByDate(state, deletion.command, deletion.commandId);
    }
    noteDue(state, deletion === null ? next : null);
  } catch (error) {
    const { code } = failureOf(error);
    log.warn('what is due could not be done', { accountId, code, step: state.due?.step ?? null, alert: 'due date not settled' });
    if (state.due !== null) state.due.lookAt = Date.now() + again;
  }
}
