import { accountsOfSeller } from '../../adapters/admin-db/index.ts';
import { AltaError } from '../../contract/errors.ts';
import { credentialsAskedSchema, sellerDeauthorizedSchema } from '../../contract/outbox.ts';
import { startCredentials } from '../operations/start-credentials.ts';
import type { Deliver, Delivered, RelayDeps } from './deps.ts';

/**
 * Starts the run that was asked for about an account's consent; of a seller who is said to have taken the consent back, one that looks
 * for each account (law 1).
 */
export const deliverCredentials: Deliver = async (deps, row) => {
  const asked = credentialsAskedSchema.safeParse(row.payload);
  if (asked.success) {
    const { accountId, task, authorizationId } = asked.data;
    await startCredentials(deps, { accountId, task, authorizationId });
    return {};
  }
  const deauthorized = sellerDeauthorizedSchema.safeParse(row.payload);
  if (deauthorized.success) return lookAtSeller(deps, deauthorized.data);
  throw new AltaError('INPUT_INVALID', `outbox ${row.eventKey}: nothing about a consent`);
};

async function lookAtSeller(deps: RelayDeps, { inboxId, sellerId }: { inboxId: string; sellerId: string }): Promise<Delivered> {
  const accounts = await accountsOfSeller(deps.db, sellerId);
  for (const accountId of accounts) await startCredentials(deps, { accountId, task: 'check', authorizationId: null });
  const settlement =
    accounts.length === 0
      ? ({ status: 'ignored', result: 'no account sells with the consent of this seller' } as const)
      : ({ status: 'processed', result: `${String(accounts.length)} accounts of the seller are looked at` } as const);
  return { inbox: { inboxId, settlement } };
}
