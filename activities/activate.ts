import { activateAccount } from '../adapters/admin-db/index.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * `activate`, the pivot: one transaction that makes the account provisioned, confirms its placement, audits the change and
 * publishes `account.created` (P-133). Throws PLACEMENT_LOST when the reservation expired meanwhile.
 */
export function activate({ db }: ActivityDeps) {
  return async ({ accountId, jobId, clusterId, clientId }: ClientStepContext): Promise<void> => {
    await activateAccount(db, { accountId, jobId, clusterId, clientId, actor: 'alta' });
  };
}
