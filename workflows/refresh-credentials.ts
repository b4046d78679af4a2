import type { RefreshSweepResult } from '../contract/upkeep.ts';
import { tell, upkeepActivities } from './upkeep.ts';

const { 'refresh-credentials': ask } = upkeepActivities({
  startToCloseTimeout: '15 seconds',
  summary: 'ask for the refreshes that are due',
});

/** Asks for the refreshes of sellers' tokens that are due, or were cut off; the relay starts one run for each. */
export async function refreshCredentials(): Promise<RefreshSweepResult> {
  return tell(await ask());
}
