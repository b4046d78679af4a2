import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import {
  IN_PROGRESS_SECONDS,
  MONEY_LISTS,
  moneyReport,
  openJob,
  readState,
  type AdminDb,
  type MoneyReport,
} from '../../adapters/admin-db/index.ts';
import { onboardingWorkflowId } from '../../contract/ids.ts';
import { addCluster, draftAccount, nextPaymentId, rows } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

/** Where money and stores do not fit together, on a real Admin DB. */
let db: AdminDb;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openFreshDb());
  await addCluster(db, 'north');
});
afterAll(() => close());
// Audit rows can't be deleted: what an earlier test made is turned into what is on no list.
beforeEach(async () => {
  await db.pool.query('delete from refunds');
  await db.pool.query(`update payments set status = 'cancelled'`);
  await db.pool.query(`update nv_accounts set status = 'draft'`);
});

const report = (limit = 50): Promise<MoneyReport> => moneyReport(db, { limit, inProgressSeconds: IN_PROGRESS_SECONDS });

/** What `alta money` lists as paid without store, and what the metric tells of it, at one moment. */
const agreement = (): Promise<{ listed: unknown; metric: unknown }> =>
  db.tx('test.one-moment', async (tx) => {
    const { count, oldestSeconds } = (await moneyReport(tx, { limit: 1, inProgressSeconds: IN_PROGRESS_SECONDS })).lists.paidWithoutStore;
    const { paidWithoutStore, oldestPaidSeconds } = await readState(tx);
    return { listed: { count, oldestSeconds }, metric: { count: paidWithoutStore, oldestSeconds: oldestPaidSeconds } };
  });

interface Told {
  status: string;
  amount?: string;
  refunded?: string;
  currency?: string;
  detail?: string;
  verdict?: string;
  ageSeconds?: number;
  reference?: string;
}

async function pay(accountId: string | null, { status, amount = '100', refunded = '0', currency = 'ARS', ...more }: Told): Promise<string> {
  const paymentId = nextPaymentId();
  await db.pool.query(
    `insert into payments (payment_id, account_id, status, status_detail, amount, amount_refunded, currency, collector_id, external_reference,
       live_mode, verdict, date_approved, date_last_updated, first_seen_at)
     values ($1, $2::uuid, $3, $4, $5, $6, $7, '1', coalesce($8, $2::uuid::text), false, $9, now() - make_interval(secs => $10), now(), now() - make_interval(secs => $10))`,
    [
      paymentId,
      accountId,
      status,
      more.detail ?? null,
      amount,
      refunded,
      currency,
      more.reference ?? null,
      more.verdict ?? null,
      more.ageSeconds ?? 3_600,
    ],
  );
  return paymentId;
}

async function job(accountId: string, paymentId: string, status: string, ageSeconds = 3_600): Promise<void> {
  const { jobId } = await openJob(db, { accountId, paymentId, workflowId: onboardingWorkflowId(accountId) });
  await db.pool.query(
    `update provisioning_jobs set status = $2, error_code = case when $2 in ('rejected', 'compensated') then 'INTERNAL' end,
       activated_at = case when $2 = 'completed' then now() end, created_at = now() - make_interval(secs => $3) where id = $1`,
    [jobId, status, ageSeconds],
  );
}

async function account(status = 'draft'): Promise<string> {
  const { accountId } = await draftAccount(db);
  await db.pool.query(
    `update nv_accounts set status = $2, backend_cluster_id = case when $2 in ('live', 'provisioned', 'approved', 'suspended')
    then 'north' end where id = $1`,
    [accountId, status],
  );
  return accountId;
}

/** An account whose payment made its store. */
async function store(payment: Told = { status: 'approved' }, status = 'live'): Promise<{ accountId: string; paymentId: string }> {
  const accountId = await account(status);
  const paymentId = await pay(accountId, { verdict: 'accepted', ...payment });
  await job(accountId, paymentId, 'completed');
  return { accountId, paymentId };
}

/** An operator's decision to keep the money of a failed onboarding, made so long ago. */
async function keep(accountId: string, paymentId: string, ageSeconds: number): Promise<void> {
  await db.pool.query(
    `insert into refunds (ask_key, payment_id, account_id, status, amount, currency, asked_by, ask_reason, decided_by, decision_reason,
       decided_at, ended_at)
     values ('keep/' || $1, $1, $2, 'kept', 100, 'ARS', 'alta', 'failed', 'ana', 'agreed', now() - make_interval(secs => $3), now())`,
    [paymentId, accountId, ageSeconds],
  );
}

const nobody = '00000000-0000-4000-8000-000000000000';

/** What happened to one account, and the one list that it stands on. */
const CASES: [
  what: string,
  prepare: () => Promise<unknown>,
  expected: Partial<Record<(typeof MONEY_LISTS)[number], string>>,
  inProgress?: number,
][] = [
  ['a store that was paid', () => store(), {}],
  ['a suspended store that was paid', () => store({ status: 'approved' }, 'suspended'), {}],
  ['a store whose payment is in mediation', () => store({ status: 'in_mediation' }), {}],
  ['a store whose dispute was won', () => store({ status: 'charged_back', detail: 'reimbursed' }), {}],
  ['a store of which a part was refunded', () => store({ status: 'approved', refunded: '40' }), {}],
  ['a draft that nobody paid', () => account(), {}],
  ['a pending payment', async () => pay(await account(), { status: 'pending' }), {}],
  [
    'a refunded payment of an account without a store',
    async () => pay(await account('provision_failed'), { status: 'refunded', refunded: '100' }),
    {},
  ],
  ['a payment of another business', () => pay(null, { status: 'approved', reference: 'invoice-7' }), {}],
  ['a deleted store that was paid', () => store({ status: 'approved' }, 'deleted'), {}],
  ['a refunded store that is suspended', () => store({ status: 'refunded', refunded: '100' }, 'suspended'), {}],
  [
    'an onboarding that was undone',
    async () => {
      const accountId = await account('provision_failed');
      await job(accountId, await pay(accountId, { status: 'approved' }), 'compensated');
    },
    { paidWithoutStore: 'compensated' },
  ],
  [
    'a payment that was rejected for its amount',
    async () => {
      const accountId = await account();
      await job(accountId, await pay(accountId, { status: 'approved', verdict: 'rejected' }), 'rejected');
    },
    { paidWithoutStore: 'rejected' },
  ],
  [
    'a parked onboarding, however young',
    async () => {
      const accountId = await account('paid');
      await job(accountId, await pay(accountId, { status: 'approved', ageSeconds: 5 }), 'parked', 5);
    },
    { paidWithoutStore: 'parked' },
  ],
  [
    'an onboarding that runs for too long',
    async () => {
      const accountId = await account('paid');
      await job(accountId, await pay(accountId, { status: 'approved' }), 'running', 901);
    },
    { paidWithoutStore: 'running' },
  ],
  [
    'an onboarding that has just begun',
    async () => {
      const accountId = await account('paid');
      await job(accountId, await pay(accountId, { status: 'approved', ageSeconds: 5 }), 'running', 5);
    },
    {},
    1,
  ],
  ['a payment that was just seen', async () => pay(await account(), { status: 'approved', ageSeconds: 5 }), {}, 1],
  ['an old payment without a run', async () => pay(await account(), { status: 'approved' }), { paidWithoutStore: 'no run' }],
  ['a payment whose order is unknown', () => pay(null, { status: 'approved', reference: nobody }), { paidWithoutStore: 'unknown order' }],
  [
    'a failed onboarding whose money an operator keeps',
    async () => {
      const accountId = await account('provision_failed');
      const paymentId = await pay(accountId, { status: 'approved' });
      await job(accountId, paymentId, 'compensated');
      await keep(accountId, paymentId, 60);
    },
    {},
  ],
  [
    'money that an operator kept, and whose onboarding failed again since',
    async () => {
      const accountId = await account('provision_failed');
      const paymentId = await pay(accountId, { status: 'approved' });
      await keep(accountId, paymentId, 7_200);
      await job(accountId, paymentId, 'compensated');
    },
    { paidWithoutStore: 'compensated' },
  ],
  [
    'a payment in mediation, before there was a store',
    async () => pay(await account('paid'), { status: 'in_mediation' }),
    { paidWithoutStore: 'no run' },
  ],
  ['a store that nobody paid', () => account('live'), { storeWithoutPayment: 'live' }],
  [
    'a store whose only payment is pending',
    async () => pay(await account('approved'), { status: 'pending' }),
    { storeWithoutPayment: 'approved' },
  ],
  [
    'a second payment of a store',
    async () => pay((await store()).accountId, { status: 'approved', ageSeconds: 60 }),
    { paidTwice: 'live' },
  ],
  [
    'a second payment, made earlier than the one that counts',
    async () => pay((await store()).accountId, { status: 'approved', ageSeconds: 90_000 }),
    { paidTwice: 'live' },
  ],
  ['a second payment that was refunded', async () => pay((await store()).accountId, { status: 'refunded', refunded: '100' }), {}],
  ['a refunded store', () => store({ status: 'refunded', refunded: '100' }), { refundedButLive: 'live' }],
  ['a store that was charged back', () => store({ status: 'charged_back', detail: 'settled' }), { refundedButLive: 'live' }],
  [
    'a store refunded in parts, to the end',
    () => store({ status: 'approved', refunded: '100' }, 'provisioned'),
    { refundedButLive: 'provisioned' },
  ],
  [
    'a refunded store that was paid again',
    async () => pay((await store({ status: 'refunded', refunded: '100' })).accountId, { status: 'approved' }),
    {},
  ],
];

test.each(CASES)('P-161 P-610: %s', async (_what, prepare, expected, inProgress = 0) => {
  await prepare();
  const { lists, inProgress: found } = await report();
  const seen = Object.fromEntries(MONEY_LISTS.flatMap((list) => lists[list].items.map(({ state }) => [list, state])));
  expect({ seen, found }).toEqual({ seen: expected, found: inProgress });
  for (const list of MONEY_LISTS) expect(lists[list].count).toBe(lists[list].items.length);
  const { listed, metric } = await agreement();
  expect(metric).toEqual(listed);
});

describe('the sums', () => {
  test('P-161 P-610: all cases together: each payment and each account is on one list at most, and on the one that it belongs to; the metric agrees', async () => {
    for (const [, prepare] of CASES) await prepare();
    const { lists, inProgress } = await report(500);
    for (const list of MONEY_LISTS) {
      const wanted = CASES.flatMap(([, , expected]) => (expected[list] === undefined ? [] : [expected[list]]));
      expect(lists[list].items.map(({ state }) => state).sort()).toEqual(wanted.sort());
    }
    expect(inProgress).toBe(CASES.reduce((sum, [, , , one = 0]) => sum + one, 0));
    const payments = MONEY_LISTS.flatMap((list) => lists[list].items.flatMap(({ paymentId }) => paymentId ?? []));
    expect(new Set(payments).size).toBe(payments.length);
    const { listed, metric } = await agreement();
    expect(listed).toMatchObject({ count: lists.paidWithoutStore.count });
    expect(metric).toEqual(listed);
  });

  test('decision 12: by currency, exact, in decimal text; the limit shortens the items, never the sums', async () => {
    for (const [amount, refunded, currency] of [
      ['0.10', '0', 'ARS'],
      ['0.20', '0', 'ARS'],
      ['900719925474.993001', '0', 'ARS'],
      ['50', '12.5', 'BRL'],
    ] as const)
      await pay(await account(), { status: 'approved', amount, refunded, currency, ageSeconds: currency === 'BRL' ? 7_200 : 3_600 });
    const { paidWithoutStore } = (await report(2)).lists;
    expect(paidWithoutStore).toMatchObject({
      count: 4,
      atStake: [
        { currency: 'ARS', amount: '900719925475.293001' },
        { currency: 'BRL', amount: '37.5' },
      ],
    });
    expect(paidWithoutStore.items.map(({ amount, currency }) => `${amount} ${currency}`)).toHaveLength(2);
    expect(paidWithoutStore.items[0]).toMatchObject({ amount: '37.5', currency: 'BRL' });
    expect(Math.round(paidWithoutStore.oldestSeconds! / 60)).toBe(120);
  });

  test('P-161: what was asked to be given back is told; a refund that Mercado Pago approved has left', async () => {
    const accountId = await account('provision_failed');
    const paymentId = await pay(accountId, { status: 'approved' });
    await job(accountId, paymentId, 'compensated');
    await db.pool.query(
      `insert into refunds (ask_key, payment_id, account_id, status, amount, currency, asked_by, ask_reason) values ('k', $1, $2, 'asked', 100, 'ARS', 'alta', 'failed')`,
      [paymentId, accountId],
    );
    expect((await report()).lists.paidWithoutStore.items).toMatchObject([{ paymentId, refund: 'asked' }]);
    await db.pool.query(
      `update refunds set status = 'approved', decided_by = 'ana', decision_reason = 'agreed', decided_at = now(), ended_at = now()`,
    );
    expect((await report()).lists.paidWithoutStore.count).toBe(0);
    expect(await rows(db, 'select status from payments where payment_id = $1', [paymentId])).toEqual([{ status: 'approved' }]);
  });
});
