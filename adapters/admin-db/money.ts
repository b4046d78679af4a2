import type { Tx } from './db.ts';

/**
 * The lists on which money and stores do not fit together:
 * - `paidWithoutStore`: the money is here, the account never had a store (P-161), and no operator decided to keep the money;
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

/** A younger onboarding is not "paid without store" yet, unless asked otherwise; the metric and its alert hold to this one. */
export const IN_PROGRESS_SECONDS = 900;

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

/** The newest intent of each payment. A decision to keep the money no longer holds once the onboarding was started again. */
const REFUND = `refund as (
    select distinct on (payment_id) payment_id, status, decided_at from refunds order by payment_id, created_at desc
  )`;

/** Payments by which money came, the one that counts first in its account; those of `whose` accounts only. */
const ranked = (whose: string): string => `
    select p.payment_id, p.account_id, p.external_reference, p.currency, p.first_seen_at, r.status as refund, r.decided_at, a.slug,
      a.status as account_status, p.amount, p.amount - p.amount_refunded as left_over, coalesce(p.date_approved, p.first_seen_at) as paid_at,
      coalesce(p.date_last_updated, p.updated_at) as changed_at, ${RETURNED} as returned,
      row_number() over (partition by coalesce(p.account_id::text, p.payment_id)
        order by ${RETURNED}, b.bought is null, p.verdict is distinct from 'accepted', coalesce(p.date_approved, p.first_seen_at), p.payment_id) as place
    from payments p left join refund r on r.payment_id = p.payment_id left join nv_accounts a on a.id = p.account_id
    left join lateral (select true as bought from provisioning_jobs j
      where j.account_id = p.account_id and j.payment_id = p.payment_id and j.activated_at is not null limit 1) b on true
    where ${MONEY} and (${whose})`;

const newestJob = (of: string): string => `left join lateral (
      select status, error_code, created_at from provisioning_jobs where account_id = ${of}.account_id order by attempt desc limit 1) j on true`;

/**
 * `paidWithoutStore`, defined once: common table expressions that end in `unserved`, whose rows that are `busy` are under way and not
 * yet for long (`seconds`, an SQL expression). A payment that an operator keeps is settled, and counts again when its onboarding was
 * started again. Reads what the relay may read.
 */
export const unserved = (seconds: string): string => `${REFUND}, unserved as (
    select 'paidWithoutStore' as list, f.payment_id, f.account_id, f.slug, f.refund, f.left_over as amount, f.currency, f.paid_at as since,
      case when f.account_id is null then 'unknown order' else coalesce(j.status, 'no run') end as state, j.error_code as code,
      coalesce(j.status in ('queued', 'running', 'waiting', 'compensating'), true)
        and coalesce(j.created_at, f.first_seen_at) > now() - make_interval(secs => ${seconds}) as busy
    from (${ranked(`p.account_id is null or a.status not in ${OPEN}`)}) f ${newestJob('f')}
    where f.place = 1 and not f.returned and (f.account_id is not null or f.external_reference ~* ${UUID})
      and not exists (select from provisioning_jobs s where s.account_id = f.account_id and s.activated_at is not null)
      and not (f.refund is not distinct from 'kept' and coalesce(j.created_at <= f.decided_at, true))
  )`;

/** Payments of accounts on which nothing is odd, nearly all of them, are left out before anything is ranked. */
const REPORT = `
  with ${unserved('$2')}, twice as (
    select account_id from payments p where ${MONEY} and account_id is not null group by account_id having count(*) > 1
  ), paid as (${ranked(`${RETURNED} or p.account_id in (select account_id from twice)`)}
  ), found as (
    select 'paidTwice' as list, payment_id, account_id, slug, refund, left_over as amount, currency, paid_at as since, account_status as state
    from paid where place > 1 and not returned and refund is distinct from 'kept'
    union all
    select 'refundedButLive', payment_id, account_id, slug, refund, amount, currency, changed_at, account_status
    from paid where place = 1 and returned and account_status in ('provisioned', 'approved', 'live') -- a suspended store is closed
    union all
    select 'storeWithoutPayment', null, a.id, a.slug, null, a.order_amount, a.order_currency, a.created_at, a.status
    from nv_accounts a where a.status in ${OPEN} and a.order_amount > 0 and not exists (select from payments p where p.account_id = a.id and ${MONEY})
  ), judged as (
    select list, payment_id, account_id, slug, refund, amount, currency, since, state, code from unserved where not busy
    union all
    select f.*, j.error_code from found f ${newestJob('f')}
  ), placed as (
    select *, row_number() over (partition by list order by since, payment_id, account_id) as n from judged
  )
  select
    (select count(*) from unserved where busy) as "inProgress",
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
