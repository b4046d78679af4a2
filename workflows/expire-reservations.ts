import type { ExpiryResult } from '../contract/upkeep.ts';
import { tell, upkeepActivities } from './upkeep.ts';

const { 'expire-reservations': expire } = upkeepActivities({
  startToCloseTimeout: '1 minute',
  summary: 'free slots and names whose time ran out',
});

/** Frees slots and names whose reservation ran out. */
export async function expireReservations(): Promise<ExpiryResult> {
  return tell(await expire());
}
