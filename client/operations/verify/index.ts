import { NIL } from 'uuid';
import {
  brokenRows,
  IN_PROGRESS_SECONDS,
  listClusters,
  moneyReport,
  verifiedAccounts,
  type AdminDb,
  type VerifiedAccount,
} from '../../../adapters/admin-db/index.ts';
import { listTenants, type Cluster, type ClusterRouter, type Tenant } from '../../../adapters/cluster/index.ts';
import { isAltaError } from '../../../contract/errors.ts';
import { judgeAccount, judgeMoney, judgeStranger, type Found, type Violation } from './laws.ts';

export type { Law, Violation } from './laws.ts';

const PAGE = 500;

export interface VerifyDeps {
  /** With the worker's rights: only a worker opens the clusters' keys. */
  db: AdminDb;
  clusters: ClusterRouter;
}

export interface VerifyOptions {
  /** How long an event may be on its way, or a payment without its store, seconds. */
  lateSeconds?: number;
  /** Rows of each kind that are told of at most. */
  limit?: number;
}

export interface Verification {
  accounts: number;
  tenants: number;
  /** Clusters that gave no answer: what stands there was not looked at. */
  unseen: { clusterId: string; code: string }[];
  violations: Violation[];
}

/**
 * The oracle: reads the Admin DB and every cluster, changes nothing, and names each row that breaks a law of design.md (G1 to G7, G9).
 * Accounts and client rows are walked side by side in the order of their ids, a page at a time, so an installation of any size fits.
 * On a system at work it may see a change half way: look twice (`verifyTwice`). Throws the codes of the Admin DB.
 */
export async function verify({ db, clusters }: VerifyDeps, options: VerifyOptions = {}): Promise<Verification> {
  const { lateSeconds = IN_PROGRESS_SECONDS, limit = 1_000 } = options;
  const result: Verification = { accounts: 0, tenants: 0, unseen: [], violations: [] };
  const walks: Walk[] = [];
  for (const { clusterId } of await listClusters(db)) {
    try {
      walks.push(await startWalk(await clusters.get(clusterId)));
    } catch (error) {
      goneBlind(clusterId, error, result);
    }
  }
  for (let after: string = NIL; ;) {
    const page = await verifiedAccounts(db, after, PAGE);
    for (const account of page) {
      result.accounts += 1;
      const found = await takeUpTo(walks, account.accountId, result);
      if (result.unseen.some(({ clusterId }) => clusterId === account.clusterId)) continue;
      result.violations.push(...judgeAccount(account, found));
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    after = last.accountId;
  }
  await takeUpTo(walks, undefined, result);
  const [money, rows] = await Promise.all([
    moneyReport(db, { limit, inProgressSeconds: lateSeconds }),
    brokenRows(db, { lateSeconds, limit }),
  ]);
  result.violations.push(...judgeMoney(money), ...rows);
  return result;
}

/** Looks twice, `settle` apart, and tells only what was broken both times: a system at work is between two states for a moment. */
export async function verifyTwice(deps: VerifyDeps, settle: () => Promise<unknown>, options: VerifyOptions = {}): Promise<Verification> {
  const first = await verify(deps, options);
  if (first.violations.length === 0) return first;
  await settle();
  const second = await verify(deps, options);
  const before = new Set(first.violations.map(keyOf));
  return { ...second, violations: second.violations.filter((violation) => before.has(keyOf(violation))) };
}

const keyOf = ({ law, row }: Violation): string => `${law} ${row}`;

/** A cluster's client rows in the order of their account, read ahead by a page. */
interface Walk {
  cluster: Cluster;
  ahead: Tenant[];
  done: boolean;
}

async function startWalk(cluster: Cluster): Promise<Walk> {
  const ahead = await listTenants(cluster, NIL, PAGE);
  return { cluster, ahead, done: ahead.length < PAGE };
}

/** Notes a cluster that gives no answer; what is not its failure is thrown. */
function goneBlind(clusterId: string, error: unknown, result: Verification): void {
  if (!isAltaError(error)) throw error;
  result.unseen.push({ clusterId, code: error.code });
}

/** Takes what all clusters have of one account, and tells of rows before it, which belong to nobody; undefined takes the rest. */
async function takeUpTo(walks: readonly Walk[], accountId: VerifiedAccount['accountId'] | undefined, result: Verification): Promise<Found> {
  const found: { clusterId: string; tenant: Tenant }[] = [];
  for (const walk of walks) {
    const { clusterId } = walk.cluster;
    for (let tenant = walk.ahead[0]; tenant !== undefined; tenant = walk.ahead[0]) {
      if (accountId !== undefined && tenant.nv_account_id > accountId) break;
      walk.ahead.shift();
      result.tenants += 1;
      if (tenant.nv_account_id === accountId) found.push({ clusterId, tenant });
      else if (tenant.deleted_at === null) result.violations.push(judgeStranger(clusterId, tenant));
      if (walk.ahead.length > 0 || walk.done) continue;
      try {
        walk.ahead = await listTenants(walk.cluster, tenant.nv_account_id, PAGE);
      } catch (error) {
        goneBlind(clusterId, error, result);
      }
      walk.done = walk.ahead.length < PAGE;
    }
  }
  return found;
}
