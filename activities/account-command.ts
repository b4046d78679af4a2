import { loadSnapshot, REDUCING, runAccountCommand } from '../adapters/admin-db/index.ts';
import { readStore } from '../adapters/cluster/index.ts';
import type { AccountCommand, CommandRecord } from '../contract/account-commands.ts';
import { isAltaError } from '../contract/errors.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * `account-command`: does a command in the Admin DB, once under its id, with its audit row and its events. What a change of plan or
 * add-ons would leave the store over is counted on its cluster first; a cluster that does not answer stops nothing, unless the policy is
 * to refuse. Whether a store that is to be approved can sell is looked up there too, and without an answer it is not approved. Throws as `runAccountCommand` does.
 */
export function accountCommand(deps: ActivityDeps) {
  return async ({
    accountId,
    commandId,
    command,
  }: {
    accountId: string;
    commandId: string;
    command: AccountCommand;
  }): Promise<CommandRecord> => {
    const downgrade = deps.config.ALTA_DOWNGRADE_POLICY;
    const used = REDUCING.has(command.action) ? await usedBy(deps, accountId, downgrade === 'refuse') : null;
    const retentionDays = deps.config.ALTA_RETENTION_DAYS;
    const sells = command.action === 'publish' ? await sellsOn(deps, accountId) : null;
    return runAccountCommand(deps.db, { accountId, commandId, command, used, sells, downgrade, retentionDays });
  };
}

/** Whether the cluster holds Mercado Pago credentials of the store. */
async function sellsOn({ db, clusters }: ActivityDeps, accountId: string): Promise<boolean> {
  const { backendClusterId } = await loadSnapshot(db, accountId);
  if (backendClusterId === null) return false;
  const store = await readStore(await clusters.get(backendClusterId), accountId);
  return store !== null && store.mp_fingerprint !== null;
}

async function usedBy({ db, clusters, log }: ActivityDeps, accountId: string, needed: boolean): Promise<Record<string, number> | null> {
  const { backendClusterId } = await loadSnapshot(db, accountId);
  if (backendClusterId === null) return null;
  try {
    const store = await readStore(await clusters.get(backendClusterId), accountId);
    return store === null ? null : { products: store.counts.products, staff: store.users.length };
  } catch (error) {
    if (needed || !isAltaError(error)) throw error;
    log.warn({ err: error, accountId, code: error.code }, 'what the store uses could not be counted');
    return null;
  }
}
