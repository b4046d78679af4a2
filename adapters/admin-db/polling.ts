import { traceparent } from '../trace.ts';
import type { Tx } from './db.ts';
import { orderReads } from './inbox.ts';

const TASK = 'poll-payments';

export interface PollMark {
  /** `date_last_updated` of the newest payment seen, ISO text; null before the first. */
  seenUntil: string | null;
  /** Whether the last pass got to the newest payment. */
  complete: boolean;
  /** How long Mercado Pago still wants to be left alone, ms; 0 when it does not. */
  restMs: number;
}

/** Where the poll of payments stands. */
export async function loadPollMark(db: Tx): Promise<PollMark> {
  const [mark] = await db.query<PollMark>({
    name: 'admin-db.load-poll-mark',
    text: `select seen_until as "seenUntil", complete,
             greatest(0, ceil(extract(epoch from resume_at - now()) * 1000))::float8 as "restMs"
           from upkeep_marks where task = '${TASK}'`,
  });
  return { seenUntil: mark?.seenUntil ?? null, complete: mark?.complete ?? true, restMs: mark?.restMs ?? 0 };
}

/** A payment as a search shows it: a hint, no more (law 1). */
export interface PolledPayment {
  paymentId: string;
  status: string;
  /** The account that its external reference may name. */
  accountId: string | null;
  /** `date_last_updated`, ISO text; null when Mercado Pago gave none. */
  updatedAt: string | null;
}

/** A payment that Alta has read in this state or a later one, or is about to read, is known. */
const KNOWN = `
  p.payment_id is not null and case when x."updatedAt" is null then p.status = x.status
                                    else coalesce(p.date_last_updated >= x."updatedAt", false) end
  or exists (
    select from webhook_inbox i join outbox o on o.event_key = 'payment.notified/' || i.id
    where i.payment_id = x."paymentId" and o.status = 'pending')`;

/**
 * Takes one page of a poll in, in one statement: each state of a payment of ours that Alta does not know becomes a row of the inbox
 * and an order to read it, under a key that is the same in every repetition; and the mark moves on. Returns how many were new.
 */
export async function feedPolled(
  db: Tx,
  hits: readonly PolledPayment[],
  { seenUntil, complete }: Pick<PollMark, 'seenUntil' | 'complete'>,
): Promise<number> {
  const [row] = await db.query<{ fed: number }>({
    name: 'admin-db.feed-polled',
    text: `with polled as (
             select * from jsonb_to_recordset($1::jsonb) as x ("paymentId" text, status text, "accountId" uuid, "updatedAt" timestamptz, key text)
           ), news as (
             select distinct x.key, x."paymentId" from polled x
             left join nv_accounts a on a.id = x."accountId" left join payments p on p.payment_id = x."paymentId"
             where (a.id is not null or p.account_id is not null) and not (${KNOWN})
           ), received as (
             insert into webhook_inbox (delivery_key, topic, action, payment_id)
             select key, 'payment', 'payment.polled', "paymentId" from news
             on conflict (delivery_key) do nothing
             returning id, payment_id
           ), ${orderReads('$4')}, moved as (
             insert into upkeep_marks as m (task, seen_until, complete, completed_at) values ('${TASK}', $2, $3, case when $3 then now() end)
             on conflict (task) do update set
               seen_until = greatest(m.seen_until, excluded.seen_until), complete = excluded.complete,
               completed_at = coalesce(excluded.completed_at, m.completed_at), resume_at = null, updated_at = now()
           )
           select count(*) as fed from received`,
    values: [JSON.stringify(hits.map((hit) => ({ ...hit, key: keyOf(hit) }))), seenUntil, complete, traceparent()],
  });
  return row?.fed ?? 0;
}

const keyOf = ({ paymentId, status, updatedAt }: PolledPayment): string => `poll/${paymentId}/${status}/${updatedAt ?? '-'}`;

/** Leaves Mercado Pago alone for so long: the runs of that time do nothing. */
export async function restPolling(db: Tx, ms: number): Promise<void> {
  await db.query({
    name: 'admin-db.rest-polling',
    text: `insert into upkeep_marks as m (task, complete, resume_at) values ('${TASK}', false, now() + $1 * interval '1 millisecond')
           on conflict (task) do update set resume_at = excluded.resume_at, updated_at = now()`,
    values: [ms],
  });
}
