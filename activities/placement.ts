import { expirePlacements, releasePlacement, reservePlacement } from '../adapters/admin-db/index.ts';
import type { StepContext } from '../contract/onboarding.ts';
import type { ActivityDeps } from './deps.ts';

export interface PlacementAnswer {
  clusterId: string | null;
  /** Why the others lost, for people; the scores are stored with the job. */
  losers: string;
}

/**
 * `reserve-placement`: draws a cluster and reserves its slot by one conditional update. Without an eligible one it answers null:
 * the workflow waits, nothing is undone (P-162).
 */
export function reservePlacementStep({ db, config }: ActivityDeps) {
  return async ({ accountId, jobId }: StepContext): Promise<PlacementAnswer> => {
    const reserve = (): ReturnType<typeof reservePlacement> =>
      reservePlacement(db, { accountId, jobId, ttlSeconds: config.PLACEMENT_SECONDS });
    let reserved = await reserve();
    // Slots of reservations that ran out come back when somebody needs one; nothing has to sweep for them.
    if (reserved.clusterId === null && (await expirePlacements(db)) > 0) reserved = await reserve();
    const { clusterId, candidates } = reserved;
    const losers = candidates
      .filter((candidate) => candidate.clusterId !== clusterId)
      .map((candidate) => `${candidate.clusterId}: ${candidate.reason ?? 'lost'}`)
      .join(', ');
    return { clusterId, losers };
  };
}

/** Frees the slot and clears the assignment, so that a later run may choose anew (P-158). */
export function undoReservePlacement({ db }: ActivityDeps) {
  return async ({ accountId, jobId }: StepContext): Promise<void> => {
    await releasePlacement(db, accountId, jobId);
  };
}
