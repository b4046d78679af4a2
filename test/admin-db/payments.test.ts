import { bindPayment, findPayment, judgePayment, recordPayment, type AdminDb, type PaymentFacts } from '../../adapters/admin-db/index.ts';
import { draftAccount, nextPaymentId, rows } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

let db: AdminDb;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openFreshDb({ max: 20 }));
});
afterAll(() => close());

const facts = (more: Partial<PaymentFacts> = {}): PaymentFacts => ({
  paymentId: nextPaymentId(),
  accountId: null,
  status: 'pending',
  statusDetail: null,
  amount: '35000.10',
  amountRefunded: '0',
  currency: 'ARS',
  collectorId: '1',
  externalReference: null,
  liveMode: false,
  dateApproved: null,
  dateLastUpdated: '2026-11-22T10:00:00.000Z',
  ...more,
});

describe('payments', () => {
  test('P-016 decimal money: a payment is one row for ever, amounts stay decimal text', async () => {
    const first = facts();
    await Promise.all(Array.from({ length: 10 }, () => recordPayment(db, first)));
    const later = await recordPayment(db, {
      ...first,
      status: 'approved',
      dateApproved: '2026-11-22T10:05:00.000-04:00',
      dateLastUpdated: '2026-11-22T10:05:00.000-04:00',
    });
    expect(later).toMatchObject({
      status: 'approved',
      amount: '35000.1',
      amountRefunded: '0',
      dateApproved: '2026-11-22T14:05:00.000Z',
      verdict: null,
    });
    expect(await rows(db, 'select 1 from payments where payment_id = $1', [first.paymentId])).toHaveLength(1);
    expect(await findPayment(db, first.paymentId)).toEqual(later);
    expect(await findPayment(db, '1')).toBeNull();
  });

  test('an older answer of Mercado Pago does not overwrite a newer one', async () => {
    const approved = facts({ status: 'approved', dateLastUpdated: '2026-11-22T11:00:00.000Z' });
    await recordPayment(db, approved);
    const seen = await recordPayment(db, { ...approved, status: 'pending', dateLastUpdated: '2026-11-22T10:59:59.999Z' });
    expect(seen.status).toBe('approved');
    expect((await recordPayment(db, { ...approved, status: 'refunded', amountRefunded: '35000.10' })).status).toBe('refunded');
  });

  test('P-106: a payment buys one account; of two that bind it at once one gets it', async () => {
    const { paymentId } = await recordPayment(db, facts());
    const accounts = [await draftAccount(db), await draftAccount(db)];
    const results = await Promise.allSettled(accounts.map(({ accountId }) => bindPayment(db, paymentId, accountId)));
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    const [loser] = results.filter((result) => result.status === 'rejected');
    expect(loser?.reason).toMatchObject({ code: 'PAYMENT_USED_ELSEWHERE' });
    await bindPayment(db, paymentId, accounts[winner]!.accountId);
    expect((await recordPayment(db, { ...facts(), paymentId, accountId: accounts[1 - winner]!.accountId })).accountId).toBe(
      accounts[winner]!.accountId,
    );
    await expect(bindPayment(db, '2', accounts[0]!.accountId)).rejects.toMatchObject({ code: 'PAYMENT_NOT_FOUND' });
  });

  test('P-106: a verdict is stored with its reason and the status that it was about', async () => {
    const { paymentId } = await recordPayment(db, facts({ status: 'approved' }));
    expect(await judgePayment(db, paymentId, { verdict: 'rejected', code: 'PAYMENT_AMOUNT_MISMATCH', judgedStatus: 'approved' })).toBe(
      true,
    );
    expect(await findPayment(db, paymentId)).toMatchObject({
      verdict: 'rejected',
      verdictCode: 'PAYMENT_AMOUNT_MISMATCH',
      judgedStatus: 'approved',
      judgedAt: expect.any(String) as string,
    });
    expect(await judgePayment(db, '3', { verdict: 'accepted', code: null, judgedStatus: 'approved' })).toBe(false);
  });
});
