import type { PurgeResult } from '../contract/upkeep.ts';
import { tell, upkeepActivities } from './upkeep.ts';

const { 'purge-outbox': purge } = upkeepActivities({ startToCloseTimeout: '30 minutes', summary: 'delete delivered rows after 30 days' });

/** Deletes outbox rows that were delivered long ago (P-230). */
export async function purgeOutbox(): Promise<PurgeResult> {
  return tell(await purge());
}
