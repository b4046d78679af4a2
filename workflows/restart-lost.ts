import type { RestartResult } from '../contract/upkeep.ts';
import { tell, upkeepActivities } from './upkeep.ts';

const { 'restart-lost': restart } = upkeepActivities({ startToCloseTimeout: '15 seconds', summary: 'start what was never started' });

/** Starts the onboardings whose start was lost (P-112). */
export async function restartLost(): Promise<RestartResult> {
  return tell(await restart());
}
