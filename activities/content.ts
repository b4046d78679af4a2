import { loadAssets } from '../adapters/admin-db/index.ts';
import { logoPath, seedContent, undoSeed, type Cluster, type SeedCounts, type StoreContext } from '../adapters/cluster/index.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import type { AccountSnapshot } from '../contract/projection.ts';
import { seedBundle } from '../contract/seeds.ts';
import { storeOf, undoOnCluster, type ActivityDeps, type UndoContext } from './deps.ts';

/**
 * `seed-content`: pages, settings, shipping and palettes, idempotent per item and counted at the end (P-131). The logo's place
 * is known before it is copied, because object names are deterministic. Throws SEED_INCOMPLETE.
 */
export function seedContentStep(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<Record<string, number>> => {
    const { account, cluster } = await storeOf(deps, context);
    return { ...(await seedStore(deps, cluster, account, context)) };
  };
}

/**
 * Adds what the store lacks of the content that it began with, in an onboarding or without one (P-131, P-181); what is there stays as
 * its merchant left it. Throws SEED_INCOMPLETE and the codes of a cluster call.
 */
export async function seedStore(
  { db }: Pick<ActivityDeps, 'db'>,
  cluster: Cluster,
  account: AccountSnapshot,
  { clientId, jobId }: Pick<StoreContext, 'clientId' | 'jobId'>,
): Promise<SeedCounts> {
  const { logo } = await loadAssets(db, account.id);
  const bundle = seedBundle(account, logo ? logoPath(clientId, logo) : null);
  return seedContent(cluster, { accountId: account.id, clientId, jobId, version: account.version, bundle });
}

/** Deletes the items that this onboarding made (P-152). */
export function undoSeedContent(deps: ActivityDeps) {
  return (context: UndoContext): Promise<void> => undoOnCluster(deps, context, undoSeed);
}
