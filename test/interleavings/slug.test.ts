import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { claimSlug, releaseClaim, reserveSlug, setJobState, type AdminDb } from '../../adapters/admin-db/index.ts';
import { draftAccount, paidAccount, rows, type PaidAccount } from '../support/admin-db-fixtures.ts';
import { COMMIT, everyOrder, openAdminStage, placeOf, type Stage } from '../support/interleavings.ts';

let db: AdminDb;
let stage: Stage;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, stage, close } = await openAdminStage(3));
});
afterAll(() => close());

const holder = async (slug: string) =>
  (await rows<{ account_id: string; status: string }>(db, 'select account_id, status from slug_reservations where slug = $1', [slug]))[0];
let names = 0;
const newName = (): string => `name-${String((names += 1))}`;

test('P-010: of three accounts that reserve one free name, the first gets it in every order', async () => {
  const accounts = [await draftAccount(db), await draftAccount(db), await draftAccount(db)];
  const played = await everyOrder(
    stage,
    [2, 2, 2],
    () => {
      const slug = newName();
      return Promise.resolve({
        scripts: accounts.map(({ accountId }) => [(tx) => reserveSlug(tx, slug, accountId, 60), COMMIT]),
        on: slug,
      });
    },
    async (order, outcomes, slug) => {
      const first = order[0]!;
      expect(await holder(slug)).toEqual({ account_id: accounts[first]!.accountId, status: 'reserved' });
      outcomes.forEach(({ results }, who) =>
        expect(results).toEqual(who === first ? [undefined, 'committed'] : ['SLUG_TAKEN', 'rolled back']),
      );
    },
  );
  expect(played).toBe(90);
});

test('P-110: an expired name goes to whichever comes first, its owner who claims it or another who reserves it, in every order', async () => {
  await everyOrder(
    stage,
    [2, 2],
    async () => {
      const [owner, other] = [await paidAccount(db), await draftAccount(db)];
      await rows(db, "update slug_reservations set expires_at = now() - interval '1 second' where slug = $1", [owner.slug]);
      return {
        scripts: [
          [(tx) => claimSlug(tx, owner.accountId, owner.slug, owner.jobId), COMMIT],
          [(tx) => reserveSlug(tx, owner.slug, other.accountId, 60), COMMIT],
        ],
        on: { owner, other },
      };
    },
    async (order, [claiming, reserving], { owner, other }) => {
      const ownerFirst = order[0] === 0;
      expect(await holder(owner.slug)).toEqual(
        ownerFirst ? { account_id: owner.accountId, status: 'claimed' } : { account_id: other.accountId, status: 'reserved' },
      );
      expect([claiming!.results[0], reserving!.results[0]]).toEqual(ownerFirst ? [undefined, 'SLUG_TAKEN'] : ['SLUG_TAKEN', undefined]);
    },
  );
});

test('P-159: a late try of a claim leaves no claim behind once its job is undone, in every order', async () => {
  await everyOrder(
    stage,
    [2, 6],
    async () => {
      const on: PaidAccount = await paidAccount(db);
      const { accountId, slug, jobId } = on;
      await claimSlug(db, accountId, slug, jobId);
      return {
        scripts: [
          [(tx) => claimSlug(tx, accountId, slug, jobId), COMMIT],
          [
            (tx) => setJobState(tx, jobId, { state: 'compensating' }),
            COMMIT,
            (tx) => releaseClaim(tx, accountId, slug, jobId),
            COMMIT,
            (tx) => setJobState(tx, jobId, { state: 'compensated' }),
            COMMIT,
          ],
        ],
        on,
      };
    },
    async (order, [late, undo], { accountId, slug }) => {
      expect(undo!.results).toEqual([true, 'committed', true, 'committed', true, 'committed']);
      const before = placeOf(order, 0, 0) < placeOf(order, 1, 0);
      expect(late!.results).toEqual(before ? [undefined, 'committed'] : ['CONFLICT', 'rolled back']);
      expect(await holder(slug)).toEqual({ account_id: accountId, status: 'reserved' });
    },
  );
  // The row of a job says `parked` while its undo waits for an operator.
  await everyOrder(
    stage,
    [2, 2],
    async () => {
      const on: PaidAccount = await paidAccount(db);
      const { accountId, slug, jobId } = on;
      await claimSlug(db, accountId, slug, jobId);
      await setJobState(db, jobId, { state: 'compensating' });
      await setJobState(db, jobId, { state: 'parked', code: 'CLUSTER_UNREACHABLE', parkedStep: 'claim-slug' });
      return {
        scripts: [
          [(tx) => claimSlug(tx, accountId, slug, jobId), COMMIT],
          [(tx) => releaseClaim(tx, accountId, slug, jobId), COMMIT],
        ],
        on,
      };
    },
    async (_order, [late, undo], { accountId, slug }) => {
      expect(undo!.results).toEqual([true, 'committed']);
      expect(late!.results).toEqual(['CONFLICT', 'rolled back']);
      expect(await holder(slug)).toEqual({ account_id: accountId, status: 'reserved' });
    },
  );
});
