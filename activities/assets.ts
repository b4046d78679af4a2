import { Context } from '@temporalio/activity';
import { loadAssets } from '../adapters/admin-db/index.ts';
import { putAssets, undoAssets } from '../adapters/cluster/index.ts';
import { clientIdOf } from '../adapters/ids.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import { storeOf, undoOnCluster, type ActivityDeps, type UndoContext } from './deps.ts';

/** `migrate-assets`: the logo to storage and the catalogue to storage and `products`; a second run copies nothing (P-132). */
export function migrateAssets(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<{ objects: number; products: number }> => {
    const [{ account, cluster }, { logo, catalog }] = await Promise.all([storeOf(deps, context), loadAssets(deps.db, context.accountId)]);
    return putAssets(
      cluster,
      { accountId: context.accountId, clientId: context.clientId, jobId: context.jobId, version: account.version, logo, catalog },
      { heartbeat: (done) => Context.current().heartbeat(done) },
    );
  };
}

/** Deletes everything under the store's prefix and the products that this onboarding made (P-152). */
export function undoMigrateAssets(deps: ActivityDeps) {
  return (context: UndoContext): Promise<void> =>
    undoOnCluster(deps, context, (cluster, facts) => undoAssets(cluster, { ...facts, clientId: clientIdOf(context.accountId) }));
}
