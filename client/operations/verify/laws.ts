import type { MoneyReport, VerifiedAccount } from '../../../adapters/admin-db/index.ts';
import type { Tenant } from '../../../adapters/cluster/index.ts';
import { OPEN_STATES, SERVED_STATES, isStoreState } from '../../../contract/account-machine.ts';

/** The laws that hold whatever fails (design.md): one store an order, no silent part, nothing left, money, events, versions, secrets, audit. */
export type Law = 'G1' | 'G2' | 'G3' | 'G4' | 'G5' | 'G6' | 'G7' | 'G9';

/** One broken law: which row of which store breaks it, and how. Holds no personal data and no secret. */
export interface Violation {
  law: Law;
  accountId: string | null;
  /** Where to look: a table and its key, or a cluster and its client row. */
  row: string;
  what: string;
}

/** The client rows of one account, by cluster. */
export type Found = readonly { clusterId: string; tenant: Tenant }[];

const GOING_ON: ReadonlySet<string> = new Set(['queued', 'running', 'waiting', 'parked', 'compensating']);
const has = (list: readonly string[], status: string): boolean => list.includes(status);

/** What one account and its rows on all clusters break. Pure; `found` is everything that any cluster has of it. */
export function judgeAccount(account: VerifiedAccount, found: Found): Violation[] {
  const { accountId, status, clusterId, job } = account;
  const broken: Violation[] = [];
  const add = (law: Law, row: string, what: string): void => void broken.push({ law, accountId, row, what });
  const rowOf = (on: string): string => `cluster ${on}, clients of account ${accountId}`;
  const alive = found.filter(({ tenant }) => tenant.deleted_at === null);
  if (!isStoreState(status)) {
    // Until the pivot a run may have made any part; once it is over nothing may be left.
    if (job === null || !GOING_ON.has(job))
      for (const { clusterId: on } of alive)
        add('G3', rowOf(on), `is left of an onboarding that ended as ${job ?? 'nothing'}; the account is ${status}`);
    return broken;
  }
  for (const { clusterId: on } of alive) {
    if (on !== clusterId) add('G1', rowOf(on), `is a second store: the account lives on ${clusterId ?? 'no cluster'}`);
  }
  const own = found.find(({ clusterId: on }) => on === clusterId)?.tenant;
  if (own === undefined) {
    if (has(SERVED_STATES, status)) add('G1', rowOf(clusterId ?? '-'), `is missing: the account is ${status} and has no store`);
    return broken;
  }
  const row = rowOf(clusterId ?? '-');
  if (own.sync_version > account.version)
    add('G6', row, `is at version ${String(own.sync_version)}, ahead of the account's ${String(account.version)}`);
  if (account.held || account.onItsWay) return broken;
  if (own.sync_version < account.told)
    add('G5', row, `is at version ${String(own.sync_version)}; version ${String(account.told)} was told`);
  if (own.is_active !== has(OPEN_STATES, status))
    add('G5', row, `${own.is_active ? 'is open' : 'is closed'} while the account is ${status}`);
  if ((own.deleted_at !== null) !== (status === 'deleted'))
    add('G5', row, `${own.deleted_at === null ? 'stands' : 'has its tombstone'} while the account is ${status}`);
  if (has(OPEN_STATES, status) && !own.users.some(({ role }) => role === 'admin')) add('G1', row, 'has no owner who could sign in');
  return broken;
}

/** Client rows whose account the Admin DB does not have. */
export const judgeStranger = (clusterId: string, tenant: Tenant): Violation => ({
  law: 'G3',
  accountId: tenant.nv_account_id,
  row: `cluster ${clusterId}, clients ${tenant.id}`,
  what: 'belongs to no account that was ever paid for',
});

/** Money and stores that do not fit together. */
export function judgeMoney({ lists }: MoneyReport): Violation[] {
  const laws = { paidWithoutStore: 'G1', storeWithoutPayment: 'G1', refundedButLive: 'G4' } as const;
  const words = {
    paidWithoutStore: 'was paid, and there is no store',
    storeWithoutPayment: 'has a store, and nobody paid for it',
    refundedButLive: 'got its money back, and its store is open',
  };
  return (Object.keys(laws) as (keyof typeof laws)[]).flatMap((list) =>
    lists[list].items.map(({ accountId, paymentId, state }) => ({
      law: laws[list],
      accountId,
      row: paymentId === null ? `nv_accounts ${accountId ?? '-'}` : `payments ${paymentId}`,
      what: `${words[list]} (${state})`,
    })),
  );
}
