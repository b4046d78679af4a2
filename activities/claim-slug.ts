import { claimSlug, loadSnapshot, releaseClaim } from '../adapters/admin-db/index.ts';
import type { StepContext } from '../contract/onboarding.ts';
import type { ActivityDeps } from './deps.ts';

/** `claim-slug`: makes the reservation permanent. Throws SLUG_TAKEN when another account has it (P-110). */
export function claimSlugStep({ db }: ActivityDeps) {
  return async ({ accountId, jobId }: StepContext): Promise<void> => {
    const { slug } = await loadSnapshot(db, accountId);
    await claimSlug(db, accountId, slug, jobId);
  };
}

/** Gives the claim back to a reservation of the same account, if it is still the owner (P-159). */
export function undoClaimSlug({ db }: ActivityDeps) {
  return async ({ accountId, jobId }: StepContext): Promise<void> => {
    const { slug } = await loadSnapshot(db, accountId);
    await releaseClaim(db, accountId, slug, jobId);
  };
}
