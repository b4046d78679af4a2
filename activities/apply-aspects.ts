import { goLive, loadMpCredentials, loadSnapshot } from '../adapters/admin-db/index.ts';
import {
  clearMpCredentials,
  deleteClient,
  publishClient,
  setEntitlements,
  setSettings,
  syncMpCredentials,
  upsertClient,
  type Cluster,
} from '../adapters/cluster/index.ts';
import { clientIdOf } from '../adapters/ids.ts';
import type { Applied, Aspect } from '../contract/account.ts';
import { AltaError } from '../contract/errors.ts';
import { isApproved, projectClient, projectEntitlements, projectSettings, type AccountSnapshot } from '../contract/projection.ts';
import { seedStore } from './content.ts';
import type { ActivityDeps } from './deps.ts';
import { nextDueOf } from './due-dates.ts';

interface Facts {
  accountId: string;
  clientId: string;
  jobId: null;
  version: number;
}

/**
 * `apply-aspects`: brings the named aspects of a store to the account as it is now and answers the version that was read. The
 * client row comes first, because the others are columns of it. A deleted account has a store that is shut, whatever is asked for. An
 * account without a cluster is an error, never a guess (P-514), and one that is held is left alone (ACCOUNT_HELD). Asked with
 * `tellDue` it answers the next due date too, by which the workflow sets its timer.
 */
export function applyAspects(deps: ActivityDeps) {
  return async ({ tellDue = false, ...asked }: Asked & { tellDue?: boolean }): Promise<number | Applied> => {
    const account = await loadSnapshot(deps.db, asked.accountId);
    const [due] = await Promise.all([tellDue ? nextDueOf(deps, asked.accountId) : null, write(deps, account, asked)]);
    return tellDue ? { version: account.version, due } : account.version;
  };
}

interface Asked {
  accountId: string;
  aspects: Aspect[];
}

async function write(deps: ActivityDeps, account: AccountSnapshot, { accountId, aspects }: Asked): Promise<void> {
  const { backendClusterId, held } = account;
  if (held) throw new AltaError('ACCOUNT_HELD', `account ${accountId} is held`);
  if (backendClusterId === null) throw new AltaError('CLUSTER_UNKNOWN', `account ${accountId} has no cluster`);
  const cluster = await deps.clusters.get(backendClusterId);
  const clientId = clientIdOf(accountId);
  const facts: Facts = { accountId, clientId, jobId: null, version: account.version };
  if (account.status === 'deleted') {
    await deleteClient(cluster, facts);
    return;
  }
  if (aspects.includes('client')) await applyClient(deps, cluster, facts, account);
  const settings = aspects.includes('settings') ? projectSettings(account) : null;
  await Promise.all([
    aspects.includes('entitlements') ? setEntitlements(cluster, { ...facts, entitlements: projectEntitlements(account) }) : undefined,
    aspects.includes('mp_credentials') ? applyCredentials(deps, cluster, facts) : undefined,
    aspects.includes('content') ? seedStore(deps, cluster, account, facts) : undefined,
    settings === null ? undefined : setSettings(cluster, { ...facts, settings }),
  ]);
}

/** The row, and that a store which was approved is published. What the cluster has from a later version is that version's to finish. */
async function applyClient(deps: ActivityDeps, cluster: Cluster, facts: Facts, account: AccountSnapshot): Promise<void> {
  const { published } = await upsertClient(cluster, { ...facts, row: projectClient(account) });
  // A live store that its cluster shows as published, as nearly every one is, needs no second call.
  if (!isApproved(account) || (published && account.status === 'live')) return;
  const { outcome } = await publishClient(cluster, facts);
  if (outcome !== 'stale' && account.status === 'approved') await goLive(deps.db, account.id);
}

/** Credentials are read on their own, and may be newer than the account that was read: their own version fences them. */
async function applyCredentials({ db, vault }: ActivityDeps, cluster: Cluster, facts: Facts): Promise<void> {
  const credentials = await loadMpCredentials(db, vault, facts.accountId);
  if (credentials) await syncMpCredentials(cluster, { ...facts, version: Math.max(facts.version, credentials.version), credentials });
  else await clearMpCredentials(cluster, facts);
}
