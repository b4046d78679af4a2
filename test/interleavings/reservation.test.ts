import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { expirePlacements, openJob, reservePlacement, type AdminDb, type Tx } from '../../adapters/admin-db/index.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';
import { addCluster, nextPaymentId, paidAccount, rows, type PaidAccount } from '../support/admin-db-fixtures.ts';
import { COMMIT, everyOrder, openAdminStage, type Stage } from '../support/interleavings.ts';

let db: AdminDb;
let stage: Stage;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, stage, close } = await openAdminStage(3));
});
afterAll(() => close());

let clusters = 0;
/** The only cluster that takes tenants, with so many places. */
async function onlyCluster(maxTenants: number): Promise<string> {
  await rows(db, 'update backend_clusters set is_active = false');
  const name = `c${String((clusters += 1))}`;
  await addCluster(db, name, { maxTenants });
  return name;
}

const reserve = (tx: Tx, { accountId, jobId }: Pick<PaidAccount, 'accountId' | 'jobId'>): Promise<string | null> =>
  reservePlacement(tx, { accountId, jobId, ttlSeconds: 600 }).then(({ clusterId }) => clusterId);
const used = async (cluster: string) =>
  (
    await rows<{ counted: number; held: number }>(
      db,
      `select tenant_count as counted, (select count(*)::int from placements p where p.cluster_id = c.cluster_id
         and p.status in ('reserved', 'confirmed')) as held from backend_clusters c where cluster_id = $1`,
      [cluster],
    )
  )[0];

test('P-124 P-505: of three accounts that want the last place, the first gets it and the others nothing, in every order', async () => {
  const accounts = [await paidAccount(db), await paidAccount(db), await paidAccount(db)];
  const played = await everyOrder(
    stage,
    [2, 2, 2],
    async () => {
      const cluster = await onlyCluster(1);
      await rows(db, "update placements set status = 'released', released_at = now() where status = 'reserved'");
      await rows(db, 'update nv_accounts set backend_cluster_id = null');
      return { scripts: accounts.map((account) => [(tx) => reserve(tx, account), COMMIT]), on: cluster };
    },
    async (order, outcomes, cluster) => {
      expect(outcomes.map(({ results }) => results[0])).toEqual([0, 1, 2].map((who) => (who === order[0] ? cluster : null)));
      expect(await used(cluster)).toEqual({ counted: 1, held: 1 });
    },
  );
  expect(played).toBe(90);
});

test('P-505 I2: two tries for one account get the same cluster and one slot, in every order', async () => {
  await everyOrder(
    stage,
    [2, 1],
    async () => {
      const cluster = await onlyCluster(5);
      const account = await paidAccount(db);
      return { scripts: [[(tx) => reserve(tx, account), COMMIT], [{ alone: (own) => reserve(own, account) }]], on: cluster };
    },
    async (_order, outcomes, cluster) => {
      expect(outcomes.map(({ results }) => results[0])).toEqual([cluster, cluster]);
      expect(await used(cluster)).toEqual({ counted: 1, held: 1 });
    },
  );
});

test('P-506: a reservation that runs out while its run renews it is held or freed as a whole, in every order', async () => {
  await everyOrder(
    stage,
    [2, 2],
    async () => {
      const cluster = await onlyCluster(1);
      const account = await paidAccount(db);
      await reserve(db, account);
      await rows(db, "update placements set expires_at = now() - interval '1 second' where account_id = $1", [account.accountId]);
      return {
        scripts: [
          [(tx) => reserve(tx, account), COMMIT],
          [(tx) => expirePlacements(tx), COMMIT],
        ],
        on: cluster,
      };
    },
    async (order, [renewing, expiring], cluster) => {
      // The sweep passes over what is locked; the run that comes after it takes a slot again.
      expect([renewing!.results[0], expiring!.results[0]]).toEqual([cluster, order[0] === 0 ? 0 : 1]);
      expect(await used(cluster)).toEqual({ counted: 1, held: 1 });
    },
  );
});

test('P-112: one account gets one open job, in every order of two that open it', async () => {
  await everyOrder(
    stage,
    [2, 2],
    async () => {
      const { accountId, jobId } = await paidAccount(db);
      await rows(db, "update provisioning_jobs set status = 'abandoned', completed_at = now() where id = $1", [jobId]);
      const open = (tx: Tx) =>
        openJob(tx, { accountId, paymentId: nextPaymentId(), workflowId: onboardingWorkflowId(accountId) }).then(({ jobId: id }) => id);
      return { scripts: [0, 1].map(() => [open, COMMIT]), on: accountId };
    },
    async (_order, [one, two], accountId) => {
      expect(one!.results[0]).toBe(two!.results[0]);
      expect(await rows(db, "select id from provisioning_jobs where account_id = $1 and status = 'queued'", [accountId])).toHaveLength(1);
    },
  );
});
