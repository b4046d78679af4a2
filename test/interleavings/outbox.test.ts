import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  acceptNotification,
  claimOutbox,
  completeOutbox,
  failOutbox,
  type AdminDb,
  type OutboxRow,
  type Tx,
} from '../../adapters/admin-db/index.ts';
import { nextPaymentId, rows } from '../support/admin-db-fixtures.ts';
import { COMMIT, everyOrder, openAdminStage, placeOf, type Stage, type Step } from '../support/interleavings.ts';

let db: AdminDb;
let stage: Stage;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, stage, close } = await openAdminStage(3));
});
afterAll(() => close());

const claim = (tx: Tx): Promise<OutboxRow[]> =>
  claimOutbox(tx, { targets: ['onboarding'], limit: 10, leaseSeconds: 60, owner: 'interleaved', idle: true });

/** One due row, alone; `accept` lets its fact happen again. */
async function notified(): Promise<{ accept: (tx: Tx) => Promise<unknown> }> {
  await rows(db, 'delete from outbox');
  const paymentId = nextPaymentId();
  const accept = (tx: Tx) => acceptNotification(tx, { deliveryKey: `payment/${paymentId}`, topic: 'payment', paymentId });
  await accept(db);
  return { accept };
}

/** A row that a relay claimed and whose lease has run out. */
async function lapsed(): Promise<{ held: OutboxRow; accept: (tx: Tx) => Promise<unknown> }> {
  const { accept } = await notified();
  const [held] = await claim(db);
  await rows(db, "update outbox set locked_until = now() - interval '1 second'");
  return { held: held!, accept };
}

const row = async () => (await rows<{ status: string; generation: number }>(db, 'select status, generation from outbox'))[0]!;

test('P-221: a due row is claimed once in every order of three relays, and none of them waits', async () => {
  const played = await everyOrder(
    stage,
    [2, 2, 2],
    async () => ({ scripts: [0, 1, 2].map(() => [claim, COMMIT]), on: await notified() }),
    async (order, outcomes) => {
      const got = outcomes.map(({ results: [claimed] }) => (claimed as OutboxRow[]).length);
      expect(got).toEqual([0, 1, 2].map((who) => (who === order[0] ? 1 : 0)));
      expect(outcomes.flatMap(({ waited }) => waited)).toEqual([]);
      expect(await row()).toMatchObject({ status: 'processing' });
    },
  );
  expect(played).toBe(90);
});

test('P-221: what is committed late is claimed, though what was written after it was claimed and delivered before, in every order', async () => {
  await everyOrder(
    stage,
    [2, 2, 2],
    async () => {
      await rows(db, 'delete from outbox');
      const write = (tx: Tx): Promise<unknown> => {
        const paymentId = nextPaymentId();
        return acceptNotification(tx, { deliveryKey: `payment/${paymentId}`, topic: 'payment', paymentId });
      };
      return {
        scripts: [
          [write, COMMIT],
          [write, COMMIT],
          [claim, COMMIT],
        ],
        on: undefined,
      };
    },
    async (_order, [, , relay]) => {
      const before = (relay!.results[0] as OutboxRow[]).length;
      expect([before, (await claim(db)).length]).toEqual([before, 2 - before]);
    },
  );
});

test('P-227: who holds the claim when a mark comes decides, in every order of a late mark, a new claim and its mark', async () => {
  await everyOrder(
    stage,
    [2, 4],
    async () => {
      const { held } = await lapsed();
      let mine: OutboxRow | undefined;
      const late: Step[] = [(tx) => failOutbox(tx, held, { code: 'INTERNAL', message: 'late' }), COMMIT];
      const next: Step[] = [
        async (tx) => {
          [mine] = await claim(tx);
          return mine !== undefined;
        },
        COMMIT,
        async (tx) => mine !== undefined && (await completeOutbox(tx, mine)),
        COMMIT,
      ];
      return { scripts: [late, next], on: undefined };
    },
    async (order, [late, next]) => {
      const lateFirst = placeOf(order, 0, 0) < placeOf(order, 1, 0);
      expect([late!.results[0], next!.results[0], next!.results[2]]).toEqual([lateFirst, !lateFirst, !lateFirst]);
      expect(await row()).toMatchObject({ status: lateFirst ? 'failed' : 'completed' });
    },
  );
});

test('P-221 P-227: a fact that happens again while its row is claimed and marked is delivered again, in every order', async () => {
  await everyOrder(
    stage,
    [4, 2],
    async () => {
      const { accept } = await notified();
      let mine: OutboxRow | undefined;
      const relay: Step[] = [
        async (tx) => {
          [mine] = await claim(tx);
          return mine?.generation;
        },
        COMMIT,
        async (tx) => mine !== undefined && (await completeOutbox(tx, mine)),
        COMMIT,
      ];
      return { scripts: [relay, [(tx) => accept(tx), COMMIT]], on: undefined };
    },
    async (order, [relay]) => {
      const { status, generation } = await row();
      expect(generation).toBe(2);
      // Delivered for good only when the claim saw the second happening; a row that was locked then is claimed later.
      const seen = relay!.results[0] as number | undefined;
      const acceptedFirst = placeOf(order, 1, 0) < placeOf(order, 0, 0);
      const committedFirst = placeOf(order, 1, 1) < placeOf(order, 0, 0);
      expect(seen).toBe(committedFirst ? 2 : acceptedFirst ? undefined : 1);
      expect(status).toBe(committedFirst ? 'completed' : 'pending');
    },
  );
});
