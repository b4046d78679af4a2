import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { activateAccount, releasePlacement, reservePlacement, setJobState, type AdminDb, type Tx } from '../../adapters/admin-db/index.ts';
import { clientIdOf } from '../../adapters/ids.ts';
import { addCluster, paidAccount, rows, type PaidAccount } from '../support/admin-db-fixtures.ts';
import { COMMIT, everyOrder, openAdminStage, placeOf, type Stage, type Step } from '../support/interleavings.ts';

let db: AdminDb;
let stage: Stage;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, stage, close } = await openAdminStage(2));
  await addCluster(db, 'east');
});
afterAll(() => close());

const reserve = (tx: Tx, { accountId, jobId }: PaidAccount) => reservePlacement(tx, { accountId, jobId, ttlSeconds: 600 });
const activate = (tx: Tx, { accountId, jobId }: PaidAccount) =>
  activateAccount(tx, { accountId, jobId, clusterId: 'east', clientId: clientIdOf(accountId), actor: 'test' }).then(() => 'live');

/** What a run's undo does, when an undo of it has to be parked before the slot is given back. */
const undo = ({ accountId, jobId }: PaidAccount): Step[] => [
  (tx) => setJobState(tx, jobId, { state: 'compensating' }),
  COMMIT,
  (tx) => setJobState(tx, jobId, { state: 'parked', parkedStep: 'upsert-client' }),
  COMMIT,
  (tx) => releasePlacement(tx, accountId, jobId),
  COMMIT,
];

const standing = async ({ accountId, jobId }: PaidAccount) =>
  (
    await rows<{ account: string; live: boolean; slots: number; told: boolean }>(
      db,
      `select a.status as account, j.activated_at is not null as live,
         (select count(*)::int from placements p where p.account_id = a.id and p.status in ('reserved', 'confirmed')) as slots,
         exists (select from outbox o where o.event_key = 'account.created/' || a.id) as told
       from nv_accounts a join provisioning_jobs j on j.account_id = a.id where a.id = $1 and j.id = $2`,
      [accountId, jobId],
    )
  )[0];

test('P-133 law 7: a late try of the pivot comes before the undo, which then ends, or changes nothing, also while an undo is parked', async () => {
  const played = await everyOrder(
    stage,
    [2, 2],
    async () => {
      const on = await paidAccount(db);
      await reserve(db, on);
      return { scripts: [[(tx) => activate(tx, on), COMMIT], undo(on).slice(0, 2)], on };
    },
    async (order, [late, undoing], on) => {
      const pivotFirst = order[0] === 0;
      expect([late!.results[0], undoing!.results[0]]).toEqual(pivotFirst ? ['live', false] : ['CONFLICT', true]);
      expect(await standing(on)).toEqual({ account: pivotFirst ? 'provisioned' : 'paid', live: pivotFirst, slots: 1, told: pivotFirst });
    },
  );
  expect(played).toBe(6);
  await everyOrder(
    stage,
    [2, 6],
    async () => {
      const on = await paidAccount(db);
      await reserve(db, on);
      await setJobState(db, on.jobId, { state: 'compensating' });
      return { scripts: [[(tx) => activate(tx, on), COMMIT], undo(on)], on };
    },
    async (_order, [late], on) => {
      expect(late!.results).toEqual(['CONFLICT', 'rolled back']);
      expect(await standing(on)).toEqual({ account: 'paid', live: false, slots: 0, told: false });
    },
  );
});

test('P-158: a late try of a reservation takes no slot that the undo leaves behind, in every order, also while an undo is parked', async () => {
  await everyOrder(
    stage,
    [2, 6],
    async () => {
      const on = await paidAccount(db);
      await reserve(db, on);
      return { scripts: [[(tx) => reserve(tx, on).then(({ clusterId }) => clusterId), COMMIT], undo(on)], on };
    },
    async (order, [late, undoing], on) => {
      expect(undoing!.results[4]).toBe('released');
      expect(late!.results[0]).toBe(placeOf(order, 0, 0) < placeOf(order, 1, 1) ? 'east' : 'CONFLICT');
      expect(await standing(on)).toMatchObject({ slots: 0, live: false });
    },
  );
});
