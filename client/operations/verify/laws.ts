import type { AccountStand, MoneyReport, VerifiedAccount } from '../../../adapters/admin-db/index.ts';
import type { Tenant } from '../../../adapters/cluster/index.ts';
import { OPEN_STATES, SERVED_STATES, isStoreState } from '../../../contract/account-machine.ts';

/**
 * The laws that hold whatever fails (design.md): one store an order, no silent part, nothing left, money, events, versions, secrets, an end
 * in bounded time, audit.
 */
export type Law = 'G1' | 'G2' | 'G3' | 'G4' | 'G5' | 'G6' | 'G7' | 'G8' | 'G9';

/** One broken law: which row of which store breaks it, and how. Holds no personal data and no secret. */
export interface Violation {
  law: Law;
  accountId: string | null;
  /** Where to look: a table and its key, or a cluster and its client row. */
  row: string;
  what: string;
}

/** The client rows of one account, by cluster; `canSignIn` tells whether the cluster has the auth user of an id. */
export type Found = readonly { clusterId: string; tenant: Tenant; canSignIn: (userId: string) => boolean }[];

const GOING_ON: ReadonlySet<string> = new Set(['queued', 'running', 'waiting', 'parked', 'compensating']);
const has = (list: readonly string[], status: string): boolean => list.includes(status);
/** Whether a job of this state may still make or undo parts of a store. */
export const isGoingOn = (job: string | null): boolean => job !== null && GOING_ON.has(job);
/** Whether an account of this status has a store that hears of changes. */
export const isServed = (status: string): boolean => has(SERVED_STATES, status);

/** What one account and its rows on all clusters break. Pure; `found` is everything that any cluster has of it. */
export function judgeAccount(account: VerifiedAccount, found: Found): Violation[] {
  const { accountId, status, clusterId, job } = account;
  const broken: Violation[] = [];
  const add = (law: Law, row: string, what: string): void => void broken.push({ law, accountId, row, what });
  const rowOf = (on: string): string => `cluster ${on}, clients of account ${accountId}`;
  const alive = found.filter(({ tenant }) => tenant.deleted_at === null);
  if (!isStoreState(status)) {
    // Until the pivot a run may have made any part; once it is over nothing may be left.
    if (!isGoingOn(job))
      for (const { clusterId: on } of alive)
        add('G3', rowOf(on), `is left of an onboarding that ended as ${job ?? 'nothing'}; the account is ${status}`);
    return broken;
  }
  for (const { clusterId: on } of alive) {
    if (on !== clusterId) add('G1', rowOf(on), `is a second store: the account lives on ${clusterId ?? 'no cluster'}`);
  }
  const home = found.find(({ clusterId: on }) => on === clusterId);
  const own = home?.tenant;
  if (own === undefined) {
    if (isServed(status)) add('G1', rowOf(clusterId ?? '-'), `is missing: the account is ${status} and has no store`);
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
  const owners = own.users.filter(({ role }) => role === 'admin');
  if (has(OPEN_STATES, status) && owners.length === 0) add('G1', row, 'has no owner who could sign in');
  else if (has(OPEN_STATES, status) && !owners.some(({ id }) => home?.canSignIn(id))) add('G1', row, 'has an owner without an auth user');
  return broken;
}

/** What an auth user, or pictures, without a client row break; `account` is undefined where the Admin DB has none. Null: nothing. Pure. */
export function judgeLeftover(
  account: AccountStand | undefined,
  { accountId, clusterId, row }: { accountId: string; clusterId: string; row: string },
): Violation | null {
  const left = (what: string): Violation => ({ law: 'G3', accountId, row, what });
  if (account === undefined) return left('belongs to no account of this installation');
  const { status, job } = account;
  if (!isStoreState(status))
    return isGoingOn(job) ? null : left(`is left of an onboarding that ended as ${job ?? 'nothing'}; the account is ${status}`);
  // On its own cluster a missing client row is told of as such.
  return account.clusterId === clusterId ? null : left(`is left on a cluster that is not the account's, ${account.clusterId ?? 'none'}`);
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
