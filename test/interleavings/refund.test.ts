import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  askByOperator,
  askForFailedRun,
  beginRefundTry,
  blockingRefund,
  decideRefund,
  lockPayment,
  openJob,
  recordPayment,
  refundsOf,
  settleRefund,
  supersedeRefund,
  type AdminDb,
  type Tx,
} from '../../adapters/admin-db/index.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';
import { nextPaymentId, paidAccount, rows, type PaidAccount } from '../support/admin-db-fixtures.ts';
import { COMMIT, everyOrder, openAdminStage, placeOf, type Stage, type Step } from '../support/interleavings.ts';

let db: AdminDb;
let stage: Stage;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, stage, close } = await openAdminStage(3));
  account = await paidAccount(db);
});
afterAll(() => close());

const PLATFORM = { collectorId: '900', liveMode: false };

let account: PaidAccount;
/** An approved payment whose onboarding ended without a store, before anybody asked about the money. Always of the same account. */
async function failed(): Promise<PaidAccount> {
  const on = { ...account, paymentId: nextPaymentId() };
  await rows(db, "update provisioning_jobs set status = 'abandoned', completed_at = now() where status = 'queued' and id <> $1", [
    on.jobId,
  ]);
  await rows(db, 'delete from refunds where job_id = $1', [on.jobId]);
  await recordPayment(db, {
    paymentId: on.paymentId,
    accountId: on.accountId,
    status: 'approved',
    statusDetail: null,
    amount: '1000',
    amountRefunded: '0',
    currency: 'ARS',
    collectorId: PLATFORM.collectorId,
    externalReference: on.accountId,
    liveMode: PLATFORM.liveMode,
    dateApproved: null,
    dateLastUpdated: null,
  });
  await rows(db, "update provisioning_jobs set status = 'compensated', completed_at = now(), payment_id = $2 where id = $1", [
    on.jobId,
    on.paymentId,
  ]);
  return on;
}

let facts = 0;
const ask = (tx: Tx, { paymentId }: PaidAccount) =>
  askByOperator(tx, { ...PLATFORM, paymentId, actor: 'ana', reason: 'asked', fact: `fact-${String((facts += 1))}` }).then(
    ({ refundId }) => refundId,
  );
const askOfRun = (tx: Tx, on: PaidAccount, state: 'asked' | 'wanted' = 'asked') =>
  askForFailedRun(tx, { ...PLATFORM, ...on, state, reason: 'failed' });
const open = async ({ paymentId }: PaidAccount) =>
  (await refundsOf(db, paymentId)).filter(({ state }) => ['asked', 'wanted', 'in_process'].includes(state));
/** An intent that is decided and was never sent. */
async function wanted(): Promise<{ on: PaidAccount; refundId: string }> {
  const on = await failed();
  const refundId = (await askOfRun(db, on, 'wanted'))!;
  return { on, refundId };
}

test('P-161: however a run, its repeat and an operator ask about one payment, one question is open, in every order', async () => {
  const played = await everyOrder(
    stage,
    [2, 2, 2],
    async () => {
      const on = await failed();
      return {
        scripts: [
          [(tx) => askOfRun(tx, on), COMMIT],
          [(tx) => askOfRun(tx, on), COMMIT],
          [(tx) => ask(tx, on), COMMIT],
        ],
        on,
      };
    },
    async (_order, outcomes, on) => {
      const [question, ...more] = await open(on);
      expect(more).toEqual([]);
      expect(question).toMatchObject({ state: 'asked' });
      // Who lost is told null or the open question, or, as an operator, that it was asked meanwhile.
      for (const { results } of outcomes) expect([question!.refundId, null, 'ADMIN_DB_REJECTED']).toContain(results[0]);
    },
  );
  expect(played).toBe(90);
});

test('P-161: a payment never buys a store and goes back both, in every order of the ask and the job', async () => {
  await everyOrder(
    stage,
    [2, 4],
    async () => {
      const on = await failed();
      const { accountId, paymentId } = on;
      return {
        scripts: [
          [(tx) => ask(tx, on), COMMIT],
          [
            (tx) => lockPayment(tx, paymentId),
            (tx) => blockingRefund(tx, paymentId),
            async (tx) => {
              if ((await blockingRefund(tx, paymentId)) !== null) return 'blocked';
              await openJob(tx, { accountId, paymentId, workflowId: onboardingWorkflowId(accountId) });
              return 'opened';
            },
            COMMIT,
          ],
        ],
        on,
      };
    },
    async (order, [asking, buying], on) => {
      const askFirst = placeOf(order, 0, 0) < placeOf(order, 1, 0);
      expect(buying!.results[2]).toBe(askFirst ? 'blocked' : 'opened');
      expect(asking!.results[1]).toBe(askFirst ? 'committed' : 'rolled back');
      if (!askFirst) expect(asking!.results[0]).toBe('RESOLVE_REFUSED');
      expect(await open(on)).toHaveLength(askFirst ? 1 : 0);
    },
  );
});

test('P-161: an operator keeps the money or it is sent, never both, in every order of the decision and the try', async () => {
  await everyOrder(
    stage,
    [2, 4],
    async () => {
      const { on, refundId } = await wanted();
      return {
        scripts: [
          [(tx) => decideRefund(tx, refundId, { action: 'keep', actor: 'ana', reason: 'kept' }).then(({ state }) => state), COMMIT],
          [
            (tx) => beginRefundTry(tx, refundId, '1000').then((intent) => intent !== null),
            COMMIT,
            (tx) => settleRefund(tx, refundId, { state: 'approved' }).then(({ state }) => state),
            COMMIT,
          ],
        ],
        on,
      };
    },
    (order, [deciding, sending]) => {
      const keepFirst = placeOf(order, 0, 0) < placeOf(order, 1, 0);
      expect(deciding!.results[0]).toBe(keepFirst ? 'kept' : 'RESOLVE_REFUSED');
      expect([sending!.results[0], sending!.results[2]]).toEqual(keepFirst ? [false, 'kept'] : [true, 'approved']);
      return Promise.resolve();
    },
  );
});

test('P-161: two tries of one intent send the same sum, and the second end changes nothing, in every order', async () => {
  await everyOrder(
    stage,
    [4, 4],
    async () => {
      const { on, refundId } = await wanted();
      const script = (left: string, state: 'approved' | 'rejected'): Step[] => [
        (tx: Tx) => beginRefundTry(tx, refundId, left).then((intent) => intent?.amount ?? null),
        COMMIT,
        (tx: Tx) => settleRefund(tx, refundId, { state }),
        COMMIT,
      ];
      return { scripts: [script('1000', 'approved'), script('900', 'rejected')], on: { on, refundId } };
    },
    async (order, [one, two], { on, refundId }) => {
      const sums = [one!.results[0], two!.results[0]].filter((sum) => sum !== null);
      expect(new Set(sums)).toEqual(new Set([order[0] === 0 ? '1000' : '900']));
      const approvedFirst = placeOf(order, 0, 2) < placeOf(order, 1, 2);
      const all = await refundsOf(db, on.paymentId);
      expect(all.find((row) => row.refundId === refundId)?.state).toBe(approvedFirst ? 'approved' : 'rejected');
      expect(all).toHaveLength(approvedFirst ? 1 : 2);
    },
  );
});

test('P-161: a retry that supersedes the question and a decision to refund exclude each other, in every order', async () => {
  await everyOrder(
    stage,
    [2, 2],
    async () => {
      const on = await failed();
      const refundId = (await askOfRun(db, on))!;
      return {
        scripts: [
          [(tx) => supersedeRefund(tx, on.paymentId, { actor: 'ana', reason: 'retry' }).then(() => 'superseded'), COMMIT],
          [(tx) => decideRefund(tx, refundId, { action: 'refund', actor: 'eva', reason: 'back' }).then(({ state }) => state), COMMIT],
        ],
        on,
      };
    },
    (order, [retrying, deciding]) => {
      expect([retrying!.results[0], deciding!.results[0]]).toEqual(
        order[0] === 0 ? ['superseded', 'RESOLVE_REFUSED'] : ['RESOLVE_REFUSED', 'wanted'],
      );
      return Promise.resolve();
    },
  );
});
