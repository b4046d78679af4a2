import { publishClient } from '../adapters/cluster/index.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import { storeOf, type ActivityDeps } from './deps.ts';

/** `publish-store`: the store is active and published; a later suspension is never undone by a late retry (fenced). */
export function publishStore(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<void> => {
    const { account, cluster } = await storeOf(deps, context);
    await publishClient(cluster, {
      accountId: context.accountId,
      clientId: context.clientId,
      jobId: context.jobId,
      version: account.version,
    });
  };
}
