import { loadAssets } from '../adapters/admin-db/index.ts';
import { logoPath, seedContent, undoSeed } from '../adapters/cluster/index.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import { seedBundle } from '../contract/seeds.ts';
import { storeOf, undoOnCluster, type ActivityDeps, type UndoContext } from './deps.ts';

/**
 * `seed-content`: pages, settings, shipping and palettes, idempotent per item and counted at the end (P-131). The logo's place
 * is known before it is copied, because object names are deterministic. Throws SEED_INCOMPLETE.
 */
export function seedContentStep(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<Record<string, number>> => {
    const [{ account, cluster }, { logo }] = await Promise.all([storeOf(deps, context), loadAssets(deps.db, context.accountId)]);
    const bundle = seedBundle(account, logo ? logoPath(context.clientId, logo) : null);
    const counts = await seedContent(cluster, {
      accountId: context.accountId,
      clientId: context.clientId,
      jobId: context.jobId,
      version: account.version,
      bundle,
    });
    return { ...counts };
  };
}

/** Deletes the items that this onboarding made (P-152). */
export function undoSeedContent(deps: ActivityDeps) {
  return (context: UndoContext): Promise<void> => undoOnCluster(deps, context, undoSeed);
}
