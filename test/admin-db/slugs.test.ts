import {
  claimSlug,
  extendReservation,
  openJob,
  releaseClaim,
  reserveSlug,
  setJobState,
  type AdminDb,
} from '../../adapters/admin-db/index.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';
import { draftAccount, nextPaymentId, paidAccount, rows } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

let db: AdminDb;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openFreshDb({ max: 30 }));
});
afterAll(() => close());

interface Reservation {
  account_id: string;
  status: string;
  left: number | null;
}
const row = async (slug: string): Promise<Reservation | undefined> =>
  (
    await rows<Reservation>(
      db,
      'select account_id, status, extract(epoch from expires_at - now())::float8 as left from slug_reservations where slug = $1',
      [slug],
    )
  )[0];
const expire = (slug: string): Promise<unknown> =>
  db.pool.query("update slug_reservations set expires_at = now() - interval '1 second' where slug = $1", [slug]);
const fulfilled = (results: PromiseSettledResult<unknown>[]): number[] =>
  results.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []));

describe('slugs', () => {
  test('P-010: of 25 accounts that reserve one slug at once, one gets it and the others are told', async () => {
    const accounts = await Promise.all(Array.from({ length: 25 }, () => draftAccount(db, { logo: null })));
    const results = await Promise.allSettled(
      accounts.map(({ accountId }) => db.tx('test.reserve', (tx) => reserveSlug(tx, 'wanted', accountId, 60))),
    );
    const winners = fulfilled(results);
    expect(winners).toHaveLength(1);
    expect((await row('wanted'))?.account_id).toBe(accounts[winners[0]!]!.accountId);
    for (const result of results) if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'SLUG_TAKEN' });
  });

  test('P-110: of two accounts that claim one expired slug at once, one gets it', async () => {
    for (let round = 0; round < 10; round += 1) {
      const [holder, a, b] = [await draftAccount(db), await paidAccount(db), await paidAccount(db)];
      await expire(holder.slug);
      const results = await Promise.allSettled([a, b].map(({ accountId, jobId }) => claimSlug(db, accountId, holder.slug, jobId)));
      expect(fulfilled(results)).toHaveLength(1);
      expect(await row(holder.slug)).toMatchObject({ account_id: [a, b][fulfilled(results)[0]!]!.accountId, status: 'claimed' });
    }
  });

  test('P-109 P-110: a claim works before and after the reservation ran out, is repeatable, and is for good', async () => {
    const { accountId, jobId, slug } = await paidAccount(db);
    await expire(slug);
    await claimSlug(db, accountId, slug, jobId);
    await claimSlug(db, accountId, slug, jobId);
    expect(await row(slug)).toMatchObject({ account_id: accountId, status: 'claimed', left: null });
    const other = await paidAccount(db);
    await expect(claimSlug(db, other.accountId, slug, other.jobId)).rejects.toMatchObject({ code: 'SLUG_TAKEN' });
    await expect(reserveSlug(db, slug, other.accountId, 60)).rejects.toMatchObject({ code: 'SLUG_TAKEN' });
  });

  test("P-010: a reservation that has not run out is nobody else's; one that has is free", async () => {
    const [holder, other] = [await draftAccount(db), await draftAccount(db)];
    await expect(reserveSlug(db, holder.slug, other.accountId, 60)).rejects.toMatchObject({ code: 'SLUG_TAKEN' });
    await expire(holder.slug);
    await reserveSlug(db, holder.slug, other.accountId, 60);
    expect((await row(holder.slug))?.account_id).toBe(other.accountId);
    expect((await row(other.slug))?.status).toBe('released');
    await reserveSlug(db, other.slug, holder.accountId, 60);
    expect((await row(other.slug))?.account_id).toBe(holder.accountId);
  });

  test("P-159: an undone claim stays reserved for the account that paid, for 30 days, and is nobody else's", async () => {
    const { accountId, jobId, slug } = await paidAccount(db);
    await claimSlug(db, accountId, slug, jobId);
    expect(await releaseClaim(db, accountId, slug, jobId)).toBe(true);
    expect(await releaseClaim(db, accountId, slug, jobId)).toBe(false);
    const kept = await row(slug);
    expect(kept).toMatchObject({ account_id: accountId, status: 'reserved' });
    expect(kept?.left).toBeGreaterThan(29.9 * 86_400);
    const other = await paidAccount(db);
    await expect(claimSlug(db, other.accountId, slug, other.jobId)).rejects.toMatchObject({ code: 'SLUG_TAKEN' });
  });

  test('P-159: the undo of an older job does not take the claim of a newer one away', async () => {
    const { accountId, jobId, slug } = await paidAccount(db);
    await claimSlug(db, accountId, slug, jobId);
    await setJobState(db, jobId, { state: 'abandoned' });
    const { jobId: later } = await openJob(db, { accountId, paymentId: nextPaymentId(), workflowId: onboardingWorkflowId(accountId) });
    await claimSlug(db, accountId, slug, later);
    expect(await releaseClaim(db, accountId, slug, jobId)).toBe(false);
    expect((await row(slug))?.status).toBe('claimed');
    expect(await releaseClaim(db, accountId, slug, later)).toBe(true);
  });

  test('P-107: a pending payment extends the reservation, and never shortens it', async () => {
    const { accountId, slug } = await draftAccount(db);
    expect(await extendReservation(db, accountId, 7_200)).toBe(true);
    expect((await row(slug))?.left).toBeGreaterThan(7_100);
    await extendReservation(db, accountId, 10);
    expect((await row(slug))?.left).toBeGreaterThan(7_100);
  });

  test('P-100: a checkout sent again after the claim leaves the claim as it is', async () => {
    const { accountId, jobId, slug } = await paidAccount(db);
    await claimSlug(db, accountId, slug, jobId);
    await reserveSlug(db, slug, accountId, 60);
    expect(await row(slug)).toMatchObject({ status: 'claimed', left: null });
  });
});
