import type { PollResult } from '../contract/upkeep.ts';
import { tell, upkeepActivities } from './upkeep.ts';

const { 'poll-payments': poll } = upkeepActivities({
  startToCloseTimeout: '4 minutes',
  heartbeatTimeout: '30 seconds',
  summary: 'look for payments whose webhook never came',
});

/** Feeds payments whose webhook never came into the inbox (law 1). */
export async function pollPayments(): Promise<PollResult> {
  return tell(await poll());
}
