import { loadMpCredentials } from '../adapters/admin-db/index.ts';
import { syncMpCredentials, undoMpCredentials } from '../adapters/cluster/index.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import { storeOf, undoOnCluster, type ActivityDeps, type UndoContext } from './deps.ts';

/**
 * `sync-mp-credentials`: opens the merchant's token in memory, writes it to the client row and proves it by reading back
 * (P-126, P-127). Throws CREDENTIALS_NOT_STORED. A merchant who never connected is skipped: the shop cannot charge yet (P-128).
 */
export function syncMpCredentialsStep(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<{ skipped: boolean }> => {
    const [{ account, cluster }, credentials] = await Promise.all([
      storeOf(deps, context),
      loadMpCredentials(deps.db, deps.vault, context.accountId),
    ]);
    if (credentials === null) return { skipped: true };
    await syncMpCredentials(cluster, {
      accountId: context.accountId,
      clientId: context.clientId,
      jobId: context.jobId,
      version: account.version,
      credentials,
    });
    return { skipped: false };
  };
}

/** Empties both fields on the cluster; the Admin DB's copy stays (P-154). */
export function undoSyncMpCredentials(deps: ActivityDeps) {
  return (context: UndoContext): Promise<void> => undoOnCluster(deps, context, undoMpCredentials);
}
