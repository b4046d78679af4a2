import { randomUUID } from 'node:crypto';
import { jest } from '@jest/globals';
import fc from 'fast-check';
import {
  claimOutbox,
  completeOutbox,
  failOutbox,
  outboxStats,
  publish,
  purgeOutbox,
  readState,
  releaseOutbox,
  retryOutbox,
  type AdminDb,
  type OutboxEvent,
  type OutboxRow,
} from '../../adapters/admin-db/index.ts';
import { setClock } from '../../adapters/clock.ts';
import { rows } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

let db: AdminDb;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openFreshDb({ max: 20 }));
});
afterAll(() => close());
beforeEach(() => db.pool.query('truncate outbox'));

const event = (eventKey = `payment.notified/${randomUUID()}`): OutboxEvent => ({
  target: 'onboarding',
  eventKey,
  accountId: null,
  payload: { type: 'payment.notified', inboxId: randomUUID(), paymentId: '123' },
});
const claim = (more: Partial<Parameters<typeof claimOutbox>[1]> = {}): Promise<OutboxRow[]> =>
  claimOutbox(db, { targets: ['onboarding'], limit: 50, leaseSeconds: 60, owner: 'test', idle: true, ...more });
const claimOne = async (): Promise<OutboxRow> => (await claim({ limit: 1 }))[0]!;
const state = async (id: string): Promise<Record<string, unknown>> =>
  (
    await rows<Record<string, unknown>>(
      db,
      `select status, attempt_count, generation, error_code, error_message, completed_at is not null as completed,
    claim_token is null and locked_by is null and locked_until is null as free,
    round(extract(epoch from next_attempt_at - now()))::int as wait from outbox where id = $1`,
      [id],
    )
  )[0]!;
const idsOf = (rows: readonly { id: string }[]): string[] => rows.map(({ id }) => id).sort();
const endLease = (id: string): Promise<unknown> =>
  db.pool.query("update outbox set locked_until = now() - interval '1 second' where id = $1", [id]);

describe('publishing', () => {
  test('P-202: the same event twice is one row, and the caller is told', async () => {
    const twice = event();
    expect([await publish(db, twice), await publish(db, twice)]).toEqual([true, false]);
    expect(await rows(db, 'select 1 from outbox')).toHaveLength(1);
  });

  test('P-202: thirty at once of the same event are one row', async () => {
    const same = event();
    const results = await Promise.all(Array.from({ length: 30 }, () => publish(db, same)));
    expect(results.filter(Boolean)).toHaveLength(1);
  });

  test('P-209: a change that is rolled back publishes nothing, and an event that cannot be published rolls its change back', async () => {
    await expect(
      db.tx('test.rollback', async (tx) => {
        await publish(tx, event());
        throw new RangeError('the change failed');
      }),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await rows(db, 'select 1 from outbox')).toEqual([]);
    await expect(
      db.tx('test.rollback', async (tx) => {
        await tx.query({ name: 'test.change', text: "update plans set display_name = 'changed'" });
        await publish(tx, { ...event(), payload: {} as never });
      }),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(await rows(db, "select 1 from plans where display_name = 'changed'")).toEqual([]);
  });

  test('P-207: a payload with any field that its schema does not know is refused, so no credential gets in', async () => {
    const known = new Set(['type', 'inboxId', 'paymentId']);
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 1, maxLength: 20 }).filter((key) => !known.has(key) && key !== '__proto__'),
        async (key) => {
          const { payload, ...rest } = event();
          await expect(publish(db, { ...rest, payload: { ...payload, [key]: 'APP_USR-secret' } })).rejects.toMatchObject({
            code: 'INPUT_INVALID',
          });
        },
      ),
      { numRuns: 50, seed: 1 },
    );
    expect(await rows(db, 'select 1 from outbox')).toEqual([]);
  });
});

describe('claiming', () => {
  test('P-221: two relays empty 200 rows between them; every row is claimed exactly once', async () => {
    for (let index = 0; index < 200; index += 1) await publish(db, event(`k/${index}`));
    const relay = async (owner: string): Promise<string[]> => {
      const mine: string[] = [];
      for (;;) {
        const batch = await claim({ limit: 7, owner });
        if (batch.length === 0) return mine;
        mine.push(...batch.map(({ eventKey }) => eventKey));
        const marked = await Promise.all(batch.map((row) => completeOutbox(db, row)));
        expect(marked).not.toContain(false);
      }
    };
    const [one, two] = await Promise.all([relay('one'), relay('two')]);
    expect(one.length).toBeGreaterThan(0);
    expect(two.length).toBeGreaterThan(0);
    expect([...one, ...two].sort()).toEqual(Array.from({ length: 200 }, (_, index) => `k/${index}`).sort());
    expect(await outboxStats(db)).toEqual([]);
  });

  test('P-221: a relay that claims while another holds row locks passes them by instead of waiting', async () => {
    for (let index = 0; index < 4; index += 1) await publish(db, event());
    await db.tx('test.hold', async (tx) => {
      expect(await claimOutbox(tx, { targets: ['onboarding'], limit: 3, leaseSeconds: 60, owner: 'slow', idle: true })).toHaveLength(3);
      expect(await claim()).toHaveLength(1);
    });
  });

  test('P-221: only due rows of the wanted targets are claimed', async () => {
    await publish(db, event());
    expect(await claim({ targets: ['account'] })).toEqual([]);
    const row = await claimOne();
    await retryOutbox(db, row, { code: 'TEMPORAL_UNAVAILABLE', message: 'down', delayMs: 30_000 });
    expect(await claim()).toEqual([]);
  });

  test('P-221 P-227: a lease that ran out is taken over as the same attempt, and the late holder can mark nothing any more', async () => {
    await publish(db, event());
    const first = await claimOne();
    expect(await claim()).toEqual([]);
    await endLease(first.id);
    const second = await claimOne();
    expect(second).toMatchObject({ id: first.id, attemptCount: 1 });
    expect(second.claimToken).not.toBe(first.claimToken);
    const late = { code: 'INTERNAL', message: 'late', delayMs: 1 };
    expect(
      await Promise.all([
        completeOutbox(db, first),
        retryOutbox(db, first, late),
        failOutbox(db, first, late),
        releaseOutbox(db, first, late),
      ]),
    ).toEqual([false, false, false, false]);
    expect(await completeOutbox(db, second)).toBe(true);
    expect(await completeOutbox(db, second)).toBe(false);
    expect(await state(second.id)).toMatchObject({ status: 'completed', completed: true, free: true, error_message: null });
  });
});

describe('clocks', () => {
  afterEach(() => {
    jest.restoreAllMocks();
    setClock(undefined);
  });
  /** Sets every clock of this process, by so many ms. */
  const setProcessClock = (ms: number): void => {
    const real = Date.now.bind(Date);
    jest.spyOn(Date, 'now').mockImplementation(() => real() + ms);
    setClock(() => Date.now());
  };

  test.each([3_600_000, -3_600_000])(
    'P-221: a lease is by the clock of the database, whatever a relay is told by its own (%d ms)',
    async (ms) => {
      await publish(db, event());
      setProcessClock(ms);
      const row = await claimOne();
      expect(await claim()).toEqual([]);
      setProcessClock(-ms);
      expect(await claim()).toEqual([]);
      await endLease(row.id);
      expect(await claim()).toHaveLength(1);
    },
  );
});

describe('marking', () => {
  test('P-221 P-226: relays that die bring a row no nearer to its death: its first failure is the first attempt', async () => {
    await publish(db, event());
    const { id } = await claimOne();
    for (let death = 1; death <= 5; death += 1) {
      await endLease(id);
      expect(await claimOne()).toMatchObject({ id, attemptCount: 1, lapses: death });
    }
    await endLease(id);
    const row = await claimOne();
    expect(await retryOutbox(db, row, { code: 'MP_UNAVAILABLE', message: 'no answer', delayMs: 30_000 })).toBe(true);
    await db.pool.query('update outbox set next_attempt_at = now()');
    expect(await claimOne()).toMatchObject({ id, attemptCount: 2, lapses: 0 });
  });

  test('P-221 P-226: rows whose lease ran out once go on together, before those that wait', async () => {
    for (let index = 0; index < 3; index += 1) await publish(db, event());
    const held = await claim({ limit: 2 });
    for (const { id } of held) await endLease(id);
    const again = await claim({ limit: 2, idle: false });
    expect(idsOf(again)).toEqual(idsOf(held));
    expect(again).toMatchObject([
      { lapses: 1, attemptCount: 1 },
      { lapses: 1, attemptCount: 1 },
    ]);
    expect(await claim({ idle: false })).toMatchObject([{ lapses: 0, attemptCount: 1 }]);
  });

  test('P-221 P-226: rows whose lease ran out twice are taken one at a time, before all others, by who has nothing under way', async () => {
    for (let index = 0; index < 3; index += 1) await publish(db, event());
    const held = await claim({ limit: 2 });
    for (const { id } of held) await endLease(id);
    for (const { id } of await claim({ limit: 2 })) await endLease(id);
    expect(await claim({ idle: false })).toEqual([]);
    const alone = [await claim(), await claim()];
    expect(alone.map((batch) => batch.map(({ lapses }) => lapses))).toEqual([[2], [2]]);
    expect(idsOf(alone.flat())).toEqual(idsOf(held));
    expect(await claim({ idle: false })).toMatchObject([{ lapses: 0, attemptCount: 1 }]);
    // Whose lease ran out again comes after those that were not tried again yet.
    await endLease(alone[0]![0]!.id);
    await db.pool.query("update outbox set locked_until = now() - interval '1 minute' where id = $1", [alone[1]![0]!.id]);
    expect(await claim()).toMatchObject([{ id: alone[1]![0]!.id, lapses: 3 }]);
    expect(await claim()).toMatchObject([{ id: alone[0]![0]!.id, lapses: 3 }]);
  });

  test('P-204 P-225 P-226 P-227: retries count and wait, pushback does not count, the dead stay dead', async () => {
    await publish(db, event());
    const first = await claimOne();
    expect(await retryOutbox(db, first, { code: 'TEMPORAL_UNAVAILABLE', message: 'no answer', delayMs: 120_000 })).toBe(true);
    expect(await state(first.id)).toMatchObject({
      status: 'pending',
      attempt_count: 1,
      wait: 120,
      error_code: 'TEMPORAL_UNAVAILABLE',
      error_message: 'no answer',
      free: true,
    });
    await db.pool.query('update outbox set next_attempt_at = now()');
    const second = await claimOne();
    expect(second.attemptCount).toBe(2);
    expect(await releaseOutbox(db, second, { delayMs: 5_000 })).toBe(true);
    expect(await state(first.id)).toMatchObject({ status: 'pending', attempt_count: 1, wait: 5, error_message: 'no answer' });
    await db.pool.query('update outbox set next_attempt_at = now()');
    const third = await claimOne();
    expect(await failOutbox(db, third, { code: 'INPUT_INVALID', message: 'poison' })).toBe(true);
    expect(await state(first.id)).toMatchObject({ status: 'failed', attempt_count: 2, error_code: 'INPUT_INVALID', completed: false });
    await db.pool.query("update outbox set next_attempt_at = now() - interval '1 day'");
    expect(await claim()).toEqual([]);
    expect(await outboxStats(db)).toEqual([{ target: 'onboarding', pending: 0, processing: 0, failed: 1, oldestDueSeconds: null }]);
  });

  test.each([
    ['completed', (row: OutboxRow) => completeOutbox(db, row)],
    ['failed', (row: OutboxRow) => failOutbox(db, row, { code: 'INTERNAL', message: 'x' })],
    ['to be retried', (row: OutboxRow) => retryOutbox(db, row, { code: 'INTERNAL', message: 'x', delayMs: 60_000 })],
    ['released', (row: OutboxRow) => releaseOutbox(db, row, { delayMs: 60_000 })],
  ])('P-222: a row whose fact happened again meanwhile goes back to pending at once when it is marked %s', async (_, mark) => {
    await publish(db, event());
    const row = await claimOne();
    await db.pool.query('update outbox set generation = generation + 1 where id = $1', [row.id]);
    expect(await mark(row)).toBe(true);
    expect(await state(row.id)).toMatchObject({ status: 'pending', attempt_count: 0, completed: false, free: true });
    expect(await claimOne()).toMatchObject({ id: row.id, generation: 2, attemptCount: 1 });
  });

  test('P-230: delivered rows older than 30 days are purged; younger, waiting and dead ones never', async () => {
    await db.pool.query(`insert into outbox (target, event_key, event_type, payload, status, completed_at, created_at) values
      ('account', 'old', 'x', '{}', 'completed', now() - interval '31 days', now() - interval '31 days'),
      ('account', 'young', 'x', '{}', 'completed', now() - interval '29 days', now() - interval '40 days'),
      ('account', 'waiting', 'x', '{}', 'pending', null, now() - interval '90 days'),
      ('account', 'dead', 'x', '{}', 'failed', null, now() - interval '90 days')`);
    expect(await purgeOutbox(db)).toBe(1);
    expect((await rows<{ event_key: string }>(db, 'select event_key from outbox order by 1')).map((row) => row.event_key)).toEqual([
      'dead',
      'waiting',
      'young',
    ]);
  });
});

test('P-231 P-603: what was delivered or given up is neither counted nor aged, by the command or by the metric', async () => {
  await db.pool.query(`insert into outbox (target, event_key, event_type, payload, status, completed_at, next_attempt_at) values
    ('refund', 'given-up', 'x', '{}', 'discarded', now(), now() - interval '9 days'),
    ('account', 'delivered', 'x', '{}', 'completed', now(), now() - interval '8 days'),
    ('account', 'dead', 'x', '{}', 'failed', null, now() - interval '7 days'),
    ('account', 'due', 'x', '{}', 'pending', null, now() - interval '60 seconds'),
    ('account', 'later', 'x', '{}', 'pending', null, now() + interval '1 day'),
    ('onboarding', 'also given-up', 'x', '{}', 'discarded', now(), now() - interval '9 days'),
    ('onboarding', 'also later', 'x', '{}', 'pending', null, now() + interval '1 day')`);
  // At one moment, so that ages are the same.
  const [stats, { outbox }] = await db.tx('test.one-moment', async (tx) => [await outboxStats(tx), await readState(tx)] as const);
  expect(stats).toEqual([
    { target: 'account', pending: 2, processing: 0, failed: 1, oldestDueSeconds: expect.closeTo(60, -3) as number },
    { target: 'onboarding', pending: 1, processing: 0, failed: 0, oldestDueSeconds: null },
  ]);
  expect(outbox).toEqual(stats);
});
