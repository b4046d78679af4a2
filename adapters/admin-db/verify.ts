import { SECRET_TEXT } from '../scrub.ts';
import type { Tx } from './db.ts';

/** An account as the oracle judges it. */
export interface VerifiedAccount {
  accountId: string;
  slug: string;
  status: string;
  version: number;
  clusterId: string | null;
  held: boolean;
  /** State of the newest job; null when nobody ever paid. */
  job: string | null;
  /** Newest version that a delivered event of the client row told; 0 when none is kept. */
  told: number;
  /** Whether an event to the account is still on its way. */
  onItsWay: boolean;
}

/** A page of accounts that were paid for or have a store, by id. */
export const verifiedAccounts = (db: Tx, after: string, limit: number): Promise<VerifiedAccount[]> =>
  db.query<VerifiedAccount>({
    name: 'admin-db.verified-accounts',
    text: `select a.id as "accountId", a.slug, a.status, a.version, a.backend_cluster_id as "clusterId", a.held_since is not null as held,
             (select j.status from provisioning_jobs j where j.account_id = a.id order by j.created_at desc limit 1) as job,
             coalesce((select max((o.payload ->> 'version')::bigint) from outbox o where o.account_id = a.id and o.target = 'account'
               and o.status = 'completed' and o.event_type in ('account.updated', 'account.suspended', 'account.deleted', 'plan.changed')
               -- Content is no column of the client row.
               and (o.payload -> 'fields') is distinct from '["content"]'::jsonb), 0) as told,
             exists (select from outbox o where o.account_id = a.id and o.target = 'account' and o.status in ('pending', 'processing')) as "onItsWay"
           from nv_accounts a
           where a.id > $1 and (a.backend_cluster_id is not null or exists (select from provisioning_jobs j where j.account_id = a.id))
           order by a.id limit $2`,
    values: [after, limit],
  });

/** A row that breaks a law by itself: which law, which row, and how. */
export interface BrokenRow {
  law: 'G2' | 'G4' | 'G5' | 'G7' | 'G8' | 'G9';
  accountId: string | null;
  row: string;
  what: string;
}

/**
 * Rows of the Admin DB that break a law by themselves, at most `limit` of each kind. `lateSeconds` is how long an event may be on its
 * way, or a job may run, before it counts as forgotten.
 */
export const brokenRows = (db: Tx, { lateSeconds, limit }: { lateSeconds: number; limit: number }): Promise<BrokenRow[]> =>
  db.query<BrokenRow>({
    name: 'admin-db.broken-rows',
    text: `(select 'G2' as law, account_id as "accountId", 'provisioning_jobs ' || id as row,
              case when status = 'parked' then 'parked without a step or a code to look at' else 'ended as ' || status || ' without a code' end as what
            from provisioning_jobs where (status = 'parked' and (parked_step is null or error_code is null))
              or (status in ('failed', 'compensated', 'rejected') and error_code is null) limit $2)
           union all
           (select 'G4', p.account_id, 'payments ' || p.payment_id, 'more money went back than came: ' || greatest(p.amount_refunded, r.sum) || ' of ' || p.amount
            from payments p left join lateral (select coalesce(sum(amount), 0) as sum from refunds where payment_id = p.payment_id and status = 'approved') r on true
            where greatest(p.amount_refunded, r.sum) > p.amount limit $2)
           union all
           (select 'G4', max(account_id::text)::uuid, 'payments ' || payment_id, count(*) || ' refunds of one payment were approved'
            from refunds where status = 'approved' group by payment_id having count(*) > 1 limit $2)
           union all
           (select 'G5', account_id, 'outbox ' || event_key, 'a dead letter that nobody retried or discarded: ' || coalesce(error_code, 'no code')
            from outbox where status = 'failed' limit $2)
           union all
           (select 'G5', account_id, 'outbox ' || event_key, 'on its way since ' || created_at
            from outbox where status in ('pending', 'processing') and created_at < now() - make_interval(secs => $1) limit $2)
           union all
           (select 'G8', account_id, 'provisioning_jobs ' || id, 'is ' || status || ', and nothing was heard of it since ' || updated_at
            from provisioning_jobs where status in ('queued', 'running', 'compensating') and updated_at < now() - make_interval(secs => $1) limit $2)
           union all
           (select 'G7', account_id, found.row, 'holds what looks like a secret'
            from (select account_id, 'outbox ' || event_key as row from outbox where payload::text ~ $3
                  union all select account_id, 'provisioning_job_steps of job ' || job_id || ', ' || s.step from provisioning_job_steps s
                    join provisioning_jobs j on j.id = s.job_id where s.error_message ~ $3 or s.result::text ~ $3
                  union all select account_id, 'lifecycle_events ' || id from lifecycle_events where concat_ws(' ', from_value, to_value, reason) ~ $3
                  union all select account_id, 'account_commands ' || id from account_commands where concat_ws(' ', reason, answer::text) ~ $3) found
            limit $2)
           union all
           (select 'G9', c.account_id, 'account_commands ' || c.id, 'a command without its row in the audit'
            from account_commands c where not exists (select from lifecycle_events e where e.account_id = c.account_id
              and e.event_type = 'command.' || c.action and e.actor = c.actor and e.created_at = c.created_at) limit $2)
           union all
           (select 'G9', account_id, 'operator_actions ' || id, 'an act of an operator without a name or a reason'
            from operator_actions where btrim(actor) = '' or btrim(reason) = '' limit $2)`,
    values: [lateSeconds, limit, SECRET_TEXT],
  });

/** Where an account stands, whether or not it was ever paid for. */
export type AccountStand = Pick<VerifiedAccount, 'accountId' | 'status' | 'clusterId' | 'job'>;

/** Where these accounts stand; those that the Admin DB does not have are left out. */
export const standOfAccounts = (db: Tx, accountIds: readonly string[]): Promise<AccountStand[]> =>
  db.query<AccountStand>({
    name: 'admin-db.stand-of-accounts',
    text: `select a.id as "accountId", a.status, a.backend_cluster_id as "clusterId",
             (select j.status from provisioning_jobs j where j.account_id = a.id order by j.created_at desc limit 1) as job
           from nv_accounts a where a.id = any($1::uuid[])`,
    values: [accountIds],
  });

/** A refund that Mercado Pago has, or may have, heard of. */
export interface SentRefund {
  refundId: string;
  accountId: string | null;
  paymentId: string;
  /** Decimal text: what came by the payment. */
  captured: string;
  status: string;
  mpRefundId: string | null;
  /** Whether its start is still on its way, so that no run has to be open yet. */
  onItsWay: boolean;
}

/** The newest refunds that were decided and not called off, at most `limit`. */
export const sentRefunds = (db: Tx, limit: number): Promise<SentRefund[]> =>
  db.query<SentRefund>({
    name: 'admin-db.sent-refunds',
    text: `select r.id as "refundId", r.account_id as "accountId", r.payment_id as "paymentId", p.amount as captured, r.status,
             r.mp_refund_id as "mpRefundId",
             exists (select from outbox o where o.target = 'refund' and o.status in ('pending', 'processing')
               and o.payload ->> 'refundId' = r.id::text) as "onItsWay"
           from refunds r join payments p on p.payment_id = r.payment_id
           where r.status in ('wanted', 'in_process', 'approved') or (r.status = 'rejected' and r.tries > 0)
           order by r.created_at desc limit $1`,
    values: [limit],
  });

/** What Alta knows of a payment. */
export interface KnownPayment {
  paymentId: string;
  accountId: string | null;
  status: string;
}

/** What Alta knows of these payments; those that it never read are left out. */
export const knownPayments = (db: Tx, paymentIds: readonly string[]): Promise<KnownPayment[]> =>
  db.query<KnownPayment>({
    name: 'admin-db.known-payments',
    text: 'select payment_id as "paymentId", account_id as "accountId", status from payments where payment_id = any($1::text[])',
    values: [paymentIds],
  });
