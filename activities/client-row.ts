import { undoClient, upsertClient } from '../adapters/cluster/index.ts';
import { clientIdOf } from '../adapters/ids.ts';
import type { ClusterStepContext } from '../contract/onboarding.ts';
import { projectClient } from '../contract/projection.ts';
import { storeOf, undoOnCluster, type ActivityDeps, type UndoContext } from './deps.ts';

/** `upsert-client`: writes the row of the one projection, fenced and stamped. Throws CLIENT_SLUG_TAKEN (P-125). */
export function upsertClientStep(deps: ActivityDeps) {
  return async (context: ClusterStepContext): Promise<{ clientId: string }> => {
    const { account, cluster } = await storeOf(deps, context);
    const { clientId } = await upsertClient(cluster, {
      clientId: clientIdOf(context.accountId),
      jobId: context.jobId,
      version: account.version,
      row: projectClient(account),
    });
    return { clientId };
  };
}

/** Deletes the row if it carries our stamp and leaves a tombstone (P-157, law 5). */
export function undoUpsertClient(deps: ActivityDeps) {
  return (context: UndoContext): Promise<void> => undoOnCluster(deps, context, undoClient);
}
