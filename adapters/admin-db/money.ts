import type { Tx } from './db.ts';

/**
 * The lists on which money and stores do not fit together:
 * - `paidWithoutStore`: the money is here, and the account never had a store (P-161);
 * - `storeWithoutPayment`: a store that nobody paid for;
 * - `paidTwice`: a further payment of an account beside the one that counts (decision 18);
 * - `refundedButLive`: the money went back, or was charged back, and the store is open.
 * A payment stands on one of them at most.
 */
export const MONEY_LISTS = ['paidWithoutStore', 'storeWithoutPayment', 'paidTwice', 'refundedButLive'] as const;
export type MoneyList = (typeof MONEY_LISTS)[number];

export interface MoneyItem {
  paymentId: string | null;
  /** Null for a payment whose order is unknown. */
  accountId: string | null;
  slug: string | null;
  /** Where the onboarding or the store stands: a job's state, `no run`, `unknown order`, or the account's status. */
  state: string;
  code: string | null;
  /** The state of the newest intent to give the money back. */
  refund: string | null;
  /** What is at stake, decimal text. */
  amount: string;
  currency: string;
  /** Since when, ISO text: paid, opened, paid again, or given back. */
  since: string;
}

export interface MoneyTotals {
  count: number;
  /** Age of the oldest, seconds; null when the list is empty. */
  oldestSeconds: number | null;
  /** Sums by currency, decimal text, never added across currencies (decision 12). */
  atStake: { currency: string; amount: string }[];
  items: MoneyItem[];
}

export interface MoneyReport {
  lists: Record<MoneyList, MoneyTotals>;
  /** Paid accounts whose onboarding is under way, and not yet for long. */
  inProgress: number;
}

export interface MoneyOptions {
  /** Items of each list; the sums count all. */
  limit: number;
  /** How long a run may take before its payment counts as paid without store. */
  inProgressSeconds: number;
}

const OPEN = `('provisioned', 'approved', 'live', 'suspended')`;
const UUID = `'^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'`;

/** A payment whose dispute was won is here again; one in mediation has not left. */
const RETURNED = `(p.status = 'refunded' or (p.status = 'charged_back' and p.status_detail is distinct from 'reimbursed')
  or p.amount_refunded >= p.amount or r.status is not distinct from 'approved')`;

/** Payments by which money came. */
const MONEY = `p.status in ('approved', 'in_mediation', 'refunded', 'charged_back') and p.amount > 0`;

/** Payments of accounts on which nothing is odd, nearly all of them, are left out before anything is ranked. */
const REPORT = `
  with refund as (
    select distinct on (payment_id) payment_id, status from refunds order by payment_id, created_at desc
  ), twice as (
    select account_id from payments p where ${MONEY} and account_id is not null group by account_id having count(*) > 1
  ), paid as (
    select p.payment_id, p.account_id, p.external_reference, p.currency, p.first_seen_at, r.status as refund, a.slug, a.status as account_status,
      p.amount, p.amount - p.amount_refunded as left_over, coalesce(p.date_approved, p.first_seen_at) as paid_at,
      coalesce(p.date_last_updated, p.updated_at) as changed_at, ${RETURNED} as returned,
      row_number() over (partition by coalesce(p.account_id::text, p.payment_id)
        order by ${RETURNED}, b.bought is null, p.verdict is distinct from 'accepted', coalesce(p.date_approved, p.first_seen_at), p.payment_id) as place
    from payments p left join refund r on r.payment_id = p.payment_id left join nv_accounts a on a.id = p.account_id
    left join lateral (select true as bought from provisioning_jobs j
      where j.account_id = p.account_id and j.payment_id = p.payment_id and j.activated_at is not null limit 1) b on true
    where ${MONEY} and (p.account_id is null or a.status not in ${OPEN} or ${RETURNED} or p.account_id in (select account_id from twice))
  ), found as (
    select 'paidWithoutStore' as list, payment_id, account_id, slug, account_status, refund, left_over as amount, currency, paid_at as since, first_seen_at
    from paid where place = 1 and not returned and coalesce(account_status, 'none') not in ${OPEN}
      and (account_id is not null or external_reference ~* ${UUID})
      and not exists (select from provisioning_jobs j where j.account_id = paid.account_id and j.activated_at is not null)
    union all
    select 'paidTwice', payment_id, account_id, slug, account_status, refund, left_over, currency, paid_at, first_seen_at
    from paid where place > 1 and not returned and refund is distinct from 'kept'
    union all
    select 'refundedButLive', payment_id, account_id, slug, account_status, refund, amount, currency, changed_at, first_seen_at
    from paid where place = 1 and returned and account_status in ('provisioned', 'approved', 'live') -- a suspended store is closed
    union all
    select 'storeWithoutPayment', null, a.id, a.slug, a.status, null, a.order_amount, a.order_currency, a.created_at, a.created_at
    from nv_accounts a where a.status in ${OPEN} and a.order_amount > 0 and not exists (select from payments p where p.account_id = a.id and ${MONEY})
  ), judged as (
    select f.*, case when f.list <> 'paidWithoutStore' then f.account_status when f.account_id is null then 'unknown order'
                     else coalesce(j.status, 'no run') end as state, j.error_code as code,
      f.list = 'paidWithoutStore' and coalesce(j.status in ('queued', 'running', 'waiting', 'compensating'), true)
        and coalesce(j.created_at, f.first_seen_at) > now() - make_interval(secs => $2) as busy
    from found f left join lateral (
      select status, error_code, created_at from provisioning_jobs where account_id = f.account_id order by attempt desc limit 1) j on true
  ), placed as (
    select *, row_number() over (partition by list order by since, payment_id, account_id) as n from judged where not busy
  )
  select
    (select count(*) from judged where busy) as "inProgress",
    (select coalesce(jsonb_agg(t), '[]') from (
      select list, currency, count(*) as count, trim_scale(sum(amount))::text as amount, extract(epoch from now() - min(since))::float8 as "oldestSeconds"
      from placed group by list, currency order by currency) t) as totals,
    (select coalesce(jsonb_agg(i order by n), '[]') from (
      select list, n, payment_id as "paymentId", account_id as "accountId", slug, state, code, refund, trim_scale(amount)::text as amount,
        currency, since from placed where n <= $1) i) as items`;

interface Row {
  inProgress: number;
  totals: { list: MoneyList; currency: string; count: number; amount: string; oldestSeconds: number }[];
  items: (MoneyItem & { list: MoneyList; n: number })[];
}

/** Compares money with stores, in one statement, so that the lists fit together. Reads only. */
export async function moneyReport(db: Tx, { limit, inProgressSeconds }: MoneyOptions): Promise<MoneyReport> {
  const [row] = await db.query<Row>({ name: 'admin-db.money-report', text: REPORT, values: [limit, inProgressSeconds] });
  const { inProgress, totals, items } = row as Row;
  const listOf = (list: MoneyList): MoneyTotals => {
    const own = totals.filter((total) => total.list === list);
    return {
      count: own.reduce((sum, { count }) => sum + count, 0),
      oldestSeconds: own.length === 0 ? null : Math.max(...own.map(({ oldestSeconds }) => oldestSeconds)),
      atStake: own.map(({ currency, amount }) => ({ currency, amount })),
      items: items
        .filter((item) => item.list === list)
        .map(({ list: _list, n: _n, ...item }) => ({ ...item, since: new Date(item.since).toISOString() })),
    };
  };
  const lists = Object.fromEntries(MONEY_LISTS.map((list) => [list, listOf(list)])) as Record<MoneyList, MoneyTotals>;
  return { lists, inProgress };
}
