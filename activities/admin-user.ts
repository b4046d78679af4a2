import { createAdminUser, undoAdminUser } from '../adapters/cluster/index.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import { storeOf, type ActivityDeps, type UndoContext } from './deps.ts';

/**
 * `create-admin-user`: the owner's login on the tenant's own cluster and its `users` row with role admin (P-129, P-130). The id
 * is derived, so that a repeated create is recognised. Throws EMAIL_TAKEN when another tenant owns the e-mail.
 */
export function createAdminUserStep(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<void> => {
    const { account, cluster } = await storeOf(deps, context);
    await createAdminUser(cluster, {
      accountId: context.accountId,
      clientId: context.clientId,
      jobId: context.jobId,
      version: account.version,
      email: account.email,
    });
  };
}

/** Deletes the login and its row if this onboarding made them (P-155). */
export function undoCreateAdminUser(deps: ActivityDeps) {
  return async (context: UndoContext): Promise<void> => {
    if (context.clusterId === null) return;
    const { account, cluster } = await storeOf(deps, { ...context, clusterId: context.clusterId });
    await undoAdminUser(cluster, { accountId: context.accountId, jobId: context.jobId, version: account.version, email: account.email });
  };
}
