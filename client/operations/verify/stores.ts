import { NIL } from 'uuid';
import { listClusters, standOfAccounts, verifiedAccounts } from '../../../adapters/admin-db/index.ts';
import { judgeAccount, judgeLeftover, type Violation } from './laws.ts';
import { suspectRuns, type Suspect } from './runs.ts';
import type { VerifyDeps, VerifyOptions } from './sources.ts';
import { goneBlind, picturesWithoutRow, startWalk, takeUpTo, type Walk, type WalkResult } from './walk.ts';

const PAGE = 500;

/**
 * Walks every account that was paid for beside the client rows of all clusters, then what no client row was found for. Gives the runs that
 * do not fit, `open` being the ids of open ones. Throws the codes of the Admin DB; a cluster that gives no answer is in `result.unseen`.
 */
export async function walkStores(
  { db, clusters }: VerifyDeps,
  { foreignObjects = false }: VerifyOptions,
  result: WalkResult & { accounts: number },
  open?: ReadonlySet<string>,
): Promise<Suspect[]> {
  const walks: Walk[] = [];
  const suspects: Suspect[] = [];
  const tell = (violation: Violation | null): void => {
    if (violation !== null) result.violations.push(violation);
  };
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
      const { accountId } = account;
      result.accounts += 1;
      const found = await takeUpTo(walks, accountId, result);
      if (open !== undefined) suspects.push(...suspectRuns(account, open));
      for (const clusterId of picturesWithoutRow(walks, accountId))
        tell(judgeLeftover(account, { accountId, clusterId, row: `cluster ${clusterId}, pictures of account ${accountId}` }));
      if (result.unseen.some(({ clusterId }) => clusterId === account.clusterId)) continue;
      result.violations.push(...judgeAccount(account, found));
    }
    const last = page.at(-1);
    if (last === undefined || page.length < PAGE) break;
    after = last.accountId;
  }
  await takeUpTo(walks, undefined, result);
  for (const { cluster, unowned, folders, done } of walks) {
    const { clusterId } = cluster;
    // What was not read to its end owns nobody knows what.
    if (!done || result.unseen.some((unseen) => unseen.clusterId === clusterId)) continue;
    const users = [...unowned];
    for (let page = users.splice(0, PAGE); page.length > 0; page = users.splice(0, PAGE)) {
      const stands = new Map(
        (
          await standOfAccounts(
            db,
            page.map(([, accountId]) => accountId),
          )
        ).map((stand) => [stand.accountId, stand]),
      );
      for (const [userId, accountId] of page)
        tell(
          judgeLeftover(stands.get(accountId.toLowerCase()), { accountId, clusterId, row: `cluster ${clusterId}, auth user ${userId}` }),
        );
    }
    if (!foreignObjects) continue;
    for (const folder of folders)
      tell({ law: 'G3', accountId: null, row: `cluster ${clusterId}, pictures below ${folder}`, what: 'belong to no client row' });
  }
  return suspects;
}
