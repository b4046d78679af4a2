import type { DueSweepResult } from '../contract/upkeep.ts';
import { tell, upkeepActivities } from './upkeep.ts';

const { 'apply-due-dates': wake } = upkeepActivities({
  startToCloseTimeout: '5 minutes',
  heartbeatTimeout: '30 seconds',
  summary: 'wake accounts whose due date nobody acted on',
});

/** Wakes the workflows of accounts that something is due for: after a lost run, a restored Admin DB or a changed policy. */
export async function applyDueDates(): Promise<DueSweepResult> {
  return tell(await wake());
}
