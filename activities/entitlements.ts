import { setEntitlements, undoEntitlements } from '../adapters/cluster/index.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import { projectEntitlements } from '../contract/projection.ts';
import { storeOf, undoOnCluster, type ActivityDeps, type UndoContext } from './deps.ts';

/** `sync-entitlements`: what plan and add-ons allow, computed by the one function (P-048, P-079, P-123). */
export function syncEntitlements(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<void> => {
    const { account, cluster } = await storeOf(deps, context);
    await setEntitlements(cluster, {
      accountId: context.accountId,
      clientId: context.clientId,
      jobId: context.jobId,
      version: account.version,
      entitlements: projectEntitlements(account),
    });
  };
}

/** Takes the entitlements back if this onboarding wrote them. */
export function undoSyncEntitlements(deps: ActivityDeps) {
  return (context: UndoContext): Promise<void> => undoOnCluster(deps, context, undoEntitlements);
}
