import { NIL } from 'uuid';
import { clientIdOf } from '../../../adapters/ids.ts';
import {
  listAssetFolders,
  listAuthUsers,
  listTenants,
  type AuthUsers,
  type Cluster,
  type Tenant,
} from '../../../adapters/cluster/index.ts';
import { isAltaError } from '../../../contract/errors.ts';
import { judgeStranger, type Found, type Violation } from './laws.ts';

const PAGE = 500;

/** What the walk over the clusters tells as it goes. */
export interface WalkResult {
  tenants: number;
  unseen: { clusterId: string; code: string }[];
  violations: Violation[];
}

/** A cluster's client rows in the order of their account, read ahead by a page, and what else it has of stores. */
export interface Walk {
  cluster: Cluster;
  ahead: Tenant[];
  done: boolean;
  users: AuthUsers;
  /** Users that Alta made and that no client row was seen to belong to yet: id to account. */
  unowned: Map<string, string>;
  /** Folders of pictures whose client row was not seen yet. */
  folders: Set<string>;
}

/** Reads auth users, folders of pictures and the first client rows of a cluster. Throws the codes of a cluster call. */
export async function startWalk(cluster: Cluster): Promise<Walk> {
  const [users, folders] = await Promise.all([listAuthUsers(cluster), listAssetFolders(cluster)]);
  // What is made last is read first: a store that is being made has its client row before its user and its pictures.
  const ahead = await listTenants(cluster, NIL, PAGE);
  const unowned = new Map([...users].filter((entry): entry is [string, string] => entry[1] !== null));
  return { cluster, ahead, done: ahead.length < PAGE, users, unowned, folders };
}

/** Notes a cluster that gives no answer; what is not its failure is thrown. */
export function goneBlind(clusterId: string, error: unknown, result: WalkResult): void {
  if (!isAltaError(error)) throw error;
  result.unseen.push({ clusterId, code: error.code });
}

/** Takes what all clusters have of one account, and tells of rows before it, which belong to nobody; undefined takes the rest. */
export async function takeUpTo(walks: readonly Walk[], accountId: string | undefined, result: WalkResult): Promise<Found> {
  const found: Found[number][] = [];
  for (const walk of walks) {
    const { clusterId } = walk.cluster;
    for (let tenant = walk.ahead[0]; tenant !== undefined; tenant = walk.ahead[0]) {
      if (accountId !== undefined && tenant.nv_account_id > accountId) break;
      walk.ahead.shift();
      result.tenants += 1;
      walk.folders.delete(tenant.id);
      for (const { id } of tenant.users) walk.unowned.delete(id);
      if (tenant.nv_account_id === accountId) found.push({ clusterId, tenant, canSignIn: (id) => walk.users.has(id) });
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

/** The clusters on which pictures of an account stand whose client row is not there; each is given once. Call it after `takeUpTo`. */
export const picturesWithoutRow = (walks: readonly Walk[], accountId: string): string[] =>
  walks.filter(({ folders }) => folders.delete(clientIdOf(accountId))).map(({ cluster }) => cluster.clusterId);
