import { createAdminDb, openDraft, type AdminDb } from '../../adapters/admin-db/index.ts';
import { toAdminDbError } from '../../adapters/admin-db/errors.ts';
import { setEffectHook } from '../../adapters/effect.ts';
import { openLastWords } from '../support/last-words.ts';
import { openFreshDb } from '../support/postgres.ts';
import { draftAccount, rows } from '../support/admin-db-fixtures.ts';
import { sampleCheckout } from '../support/samples.ts';

let db: AdminDb;
let url: string;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, url, close } = await openFreshDb());
});
afterAll(() => close());
afterEach(() => setEffectHook(undefined));

const sql = (text: string) => ({ name: `test.${text.length}.${text.slice(0, 20)}`, text });

describe('faults of PostgreSQL', () => {
  test.each([
    ['08006', 'ADMIN_DB_UNAVAILABLE'],
    ['53300', 'ADMIN_DB_UNAVAILABLE'],
    ['57P01', 'ADMIN_DB_UNAVAILABLE'],
    ['57P03', 'ADMIN_DB_UNAVAILABLE'],
    ['55P03', 'ADMIN_DB_UNAVAILABLE'],
    ['57014', 'ADMIN_DB_UNAVAILABLE'],
    ['40001', 'ADMIN_DB_UNAVAILABLE'],
    ['40P01', 'ADMIN_DB_UNAVAILABLE'],
    ['ECONNREFUSED', 'ADMIN_DB_UNAVAILABLE'],
    ['ECONNRESET', 'ADMIN_DB_UNAVAILABLE'],
    ['23505', 'ADMIN_DB_REJECTED'],
    ['23514', 'ADMIN_DB_REJECTED'],
    ['42P01', 'ADMIN_DB_REJECTED'],
    ['42501', 'ADMIN_DB_REJECTED'],
    ['22P02', 'ADMIN_DB_REJECTED'],
    ['22021', 'INPUT_INVALID'],
    ['22P05', 'INPUT_INVALID'],
    ['ALT01', 'LEGACY_JOB_TYPE'],
  ])('P-119: %s becomes %s', (code, expected) => {
    expect(toAdminDbError(Object.assign(new Error('x'), { code }), 'test.q').code).toBe(expected);
  });

  test('P-115: a refused value does not show in the error', async () => {
    await draftAccount(db);
    const fault = await db
      .query(sql("update nv_accounts set email = null, mp_access_token_encrypted = 'APP_USR-secret'"))
      .catch((error: unknown) => error);
    expect(fault).toMatchObject({ code: 'ADMIN_DB_REJECTED', details: { sqlstate: expect.any(String) as string } });
    expect((fault as Error).message).not.toContain('APP_USR-secret');
  });

  test('a server that is not there is unavailable, at once', async () => {
    const nowhere = createAdminDb('postgresql://postgres@127.0.0.1:1/none', { connectTimeoutMs: 500 });
    await expect(nowhere.query(sql('select 1'))).rejects.toMatchObject({ code: 'ADMIN_DB_UNAVAILABLE' });
    await expect(nowhere.tx('test.tx', () => Promise.resolve())).rejects.toMatchObject({ code: 'ADMIN_DB_UNAVAILABLE' });
    await nowhere.close();
  });

  test('a statement that takes too long, and a lock that does not come, are unavailable, and the pool goes on', async () => {
    const impatient = createAdminDb(url, { statementTimeoutMs: 200, lockTimeoutMs: 100, max: 1 });
    try {
      await expect(impatient.query(sql('select pg_sleep(5)'))).rejects.toMatchObject({ code: 'ADMIN_DB_UNAVAILABLE' });
      await db.tx('test.lock', async (tx) => {
        await tx.query(sql('select * from plans for update'));
        await expect(impatient.query(sql("update plans set display_name = 'x'"))).rejects.toMatchObject({ code: 'ADMIN_DB_UNAVAILABLE' });
      });
      expect(await impatient.query(sql('select 1 as one'))).toEqual([{ one: 1 }]);
    } finally {
      await impatient.close();
    }
  });

  test('a connection that is killed in mid-transaction loses the transaction, not the process and not the pool', async () => {
    const single = createAdminDb(url, { max: 1 });
    try {
      await expect(
        single.tx('test.killed', async (tx) => {
          await tx.query(sql("update plans set display_name = 'lost' where plan_key = 'starter'"));
          const [{ pid }] = (await tx.query<{ pid: number }>(sql('select pg_backend_pid() as pid'))) as [{ pid: number }];
          await db.pool.query('select pg_terminate_backend($1)', [pid]);
          await tx.query(sql('select 2'));
        }),
      ).rejects.toMatchObject({ code: 'ADMIN_DB_UNAVAILABLE' });
      expect(await single.query(sql("select display_name from plans where plan_key = 'starter'"))).toEqual([{ display_name: 'Starter' }]);
    } finally {
      await single.close();
    }
  });
});

describe('transactions', () => {
  test('P-119: a connection that the server ends as soon as it is ready fails its statement, not the process', async () => {
    const line = await openLastWords(url, 1);
    const pool = createAdminDb(line.url);
    await expect(pool.query(sql('select 1 as one'))).rejects.toMatchObject({ code: 'ADMIN_DB_UNAVAILABLE' });
    expect(line.ended()).toBe(1);
    expect(await pool.query(sql('select 2 as two'))).toEqual([{ two: 2 }]);
    await pool.close();
    await line.close();
  });

  test('what fails half way leaves nothing', async () => {
    const checkout = sampleCheckout();
    await expect(
      db.tx('test.half', async (tx) => {
        await openDraft(tx, checkout, { planKey: 'growth', currency: 'ARS', monthlyFee: '1', annualFee: '2' });
        throw new RangeError('half way');
      }),
    ).rejects.toMatchObject({ code: 'INTERNAL' });
    expect(await rows(db, 'select 1 from nv_accounts where slug = $1', [checkout.slug])).toEqual([]);
  });

  test('each statement and each transaction is one effect boundary, under its name', async () => {
    const seen: string[] = [];
    setEffectHook((name, act) => {
      seen.push(name);
      return act();
    });
    await draftAccount(db);
    await db.query({ name: 'admin-db.test', text: 'select 1' });
    expect(seen).toEqual(['admin-db.checkout', 'admin-db.test']);
  });

  test('rows are plain JSON: exact big numbers stay text, times are ISO text, decimals are text', async () => {
    const [row] = await db.query(
      sql(
        "select 9007199254740991::int8 as small, 9007199254740993::int8 as big, 0.10::numeric as money, '2026-01-02 03:04:05.678+00'::timestamptz as at",
      ),
    );
    expect(row).toEqual({ small: 9_007_199_254_740_991, big: '9007199254740993', money: '0.10', at: '2026-01-02T03:04:05.678Z' });
  });
});
