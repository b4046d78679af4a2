import { randomUUID } from 'node:crypto';
import {
  acceptNotification,
  claimOutbox,
  completeOutbox,
  failOutbox,
  ignoreNotification,
  listInbox,
  settleInbox,
  type AdminDb,
  type OutboxRow,
} from '../../adapters/admin-db/index.ts';
import { nextPaymentId, rows } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

let db: AdminDb;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openFreshDb({ max: 20 }));
});
afterAll(() => close());
beforeEach(() => db.pool.query('truncate outbox, webhook_inbox'));

const notification = (paymentId = nextPaymentId(), deliveryKey = `n:${randomUUID()}`) => ({
  deliveryKey,
  topic: 'payment',
  action: 'payment.updated',
  paymentId,
  requestId: 'r1',
  secretId: 's1',
  skewMs: 12,
});
const claim = async (): Promise<OutboxRow | undefined> =>
  (await claimOutbox(db, { targets: ['onboarding'], limit: 1, leaseSeconds: 60, owner: 'test', idle: true }))[0];

describe('the inbox', () => {
  test('P-016 P-111: a hundred copies of a notification at once are one inbox row and one order to read', async () => {
    const same = notification();
    const results = await Promise.all(Array.from({ length: 100 }, () => acceptNotification(db, same)));
    expect(results.filter(({ first }) => first)).toHaveLength(1);
    expect(new Set(results.map(({ inboxId }) => inboxId)).size).toBe(1);
    expect(await listInbox(db, same.paymentId)).toEqual([expect.objectContaining({ deliveries: 100, status: 'received' })]);
    const order = await claim();
    expect(order).toMatchObject({
      eventKey: `payment.notified/${results[0]!.inboxId}`,
      payload: { type: 'payment.notified', inboxId: results[0]!.inboxId, paymentId: same.paymentId },
      attemptCount: 1,
    });
    expect(await claim()).toBeUndefined();
  });

  test('P-170: another notification of the same payment is a row of its own, so a refund after an approval is never dropped', async () => {
    const paymentId = nextPaymentId();
    await acceptNotification(db, notification(paymentId));
    await completeOutbox(db, (await claim())!);
    await acceptNotification(db, notification(paymentId));
    expect(await claim()).toMatchObject({ payload: { paymentId } });
    expect(await listInbox(db, paymentId)).toHaveLength(2);
  });

  test.each([
    ['delivered', (row: OutboxRow) => completeOutbox(db, row)],
    ['dead', (row: OutboxRow) => failOutbox(db, row, { code: 'INTERNAL', message: 'x' })],
  ])('P-170: a redelivery of a %s notification leads to a fresh read with fresh attempts', async (_, mark) => {
    const again = notification();
    await acceptNotification(db, again);
    const first = (await claim())!;
    await mark(first);
    expect(await claim()).toBeUndefined();
    expect((await acceptNotification(db, again)).first).toBe(false);
    expect(await claim()).toMatchObject({ id: first.id, attemptCount: 1, generation: 2 });
  });

  test('P-170: a redelivery during a delivery is not lost: the mark of the running one puts the row back', async () => {
    const again = notification();
    await acceptNotification(db, again);
    const running = (await claim())!;
    await acceptNotification(db, again);
    expect(await claim()).toBeUndefined();
    expect(await completeOutbox(db, running)).toBe(true);
    const fresh = (await claim())!;
    expect(fresh).toMatchObject({ id: running.id, generation: 2, attemptCount: 1 });
    expect(await completeOutbox(db, fresh)).toBe(true);
    expect(await claim()).toBeUndefined();
  });

  test('P-170: a redelivery makes an order that waits for its next attempt due at once', async () => {
    const again = notification();
    await acceptNotification(db, again);
    await db.pool.query("update outbox set next_attempt_at = now() + interval '32 minutes', attempt_count = 4");
    expect(await claim()).toBeUndefined();
    await acceptNotification(db, again);
    expect(await claim()).toMatchObject({ attemptCount: 1 });
  });

  test('P-016: what became of a notification is written down, and a redelivery opens it again', async () => {
    const one = notification();
    const { inboxId } = await acceptNotification(db, one);
    const accountId = randomUUID();
    expect(
      await settleInbox(db, inboxId, { status: 'processed', result: 'onboarding started', paymentStatus: 'approved', accountId }),
    ).toBe(true);
    expect(await listInbox(db, one.paymentId)).toEqual([
      expect.objectContaining({ status: 'processed', result: 'onboarding started', paymentStatus: 'approved', accountId }),
    ]);
    await acceptNotification(db, one);
    expect(await listInbox(db, one.paymentId)).toEqual([
      expect.objectContaining({ status: 'received', deliveries: 2, paymentStatus: 'approved' }),
    ]);
    expect(await settleInbox(db, randomUUID(), { status: 'ignored', result: 'x' })).toBe(false);
  });

  test('P-111: an ignored notification is kept with its reason and orders nothing', async () => {
    const other = { ...notification(), paymentId: null };
    await ignoreNotification(db, { ...other, topic: 'merchant_order', reason: 'not a payment' });
    await ignoreNotification(db, { ...other, topic: 'merchant_order', reason: 'not a payment' });
    expect(await rows(db, 'select status, result, deliveries from webhook_inbox')).toEqual([
      { status: 'ignored', result: 'not a payment', deliveries: 2 },
    ]);
    expect(await rows(db, 'select 1 from outbox')).toEqual([]);
  });
});
