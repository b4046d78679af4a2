import { traceparent } from '../trace.ts';
import type { Tx } from './db.ts';
import { orderReads } from './inbox.ts';

/** Jobs that one run of the sweep restarts at most. */
const RESTART_BATCH = 200;

/**
 * Gives lost starts to the relay again (P-112), in one statement: each job that is queued for so long gets an order to read its
 * payment, by which the relay starts it. A start that is still on its way is left alone; one that was given again is given once more
 * only after the job's age has doubled, so that a job nobody works for costs the fewest tries.
 */
export async function restartLostJobs(db: Tx, olderThanSeconds: number): Promise<{ queued: number; restarted: number }> {
  const [row] = await db.query<{ queued: number; restarted: number }>({
    name: 'admin-db.restart-lost-jobs',
    text: `with queued as (
             select id, payment_id, created_at from provisioning_jobs
             where status = 'queued' and payment_id is not null and created_at <= now() - make_interval(secs => $1)
           ), lost as (
             select * from queued j where not exists (
               select from webhook_inbox i join outbox o on o.event_key = 'payment.notified/' || i.id
               where i.payment_id = j.payment_id
                 and (o.status in ('pending', 'processing') or o.updated_at > now() - (now() - j.created_at) / 2))
             order by created_at limit ${RESTART_BATCH}
           ), received as (
             insert into webhook_inbox as w (delivery_key, topic, action, payment_id)
             select 'restart/' || id, 'payment', 'job.restarted', payment_id from lost
             on conflict (delivery_key) do update set deliveries = w.deliveries + 1, last_received_at = now(), status = 'received'
             returning id, payment_id
           ), ${orderReads('$2')}
           select (select count(*) from queued) as queued, (select count(*) from received) as restarted`,
    values: [olderThanSeconds, traceparent()],
  });
  return row ?? { queued: 0, restarted: 0 };
}

/** Whether most of the active clusters, and at least two, are in error: then no slot moves (decision 14). */
export async function fleetLooksDead(db: Tx): Promise<boolean> {
  const [row] = await db.query<{ dead: boolean }>({
    name: 'admin-db.fleet-looks-dead',
    text: `select count(*) filter (where status = 'error') >= 2 and count(*) filter (where status = 'error') * 2 > count(*) as dead
           from backend_clusters where is_active`,
  });
  return row?.dead ?? false;
}

/**
 * Gives back the names that drafts reserved and never paid (P-010). A name stays with its account while a payment of it may still
 * come to something, until the poll of payments has been through after the reservation ran out, and while notified payments wait to
 * be read: whoever paid in an outage keeps the name. Returns how many were given back.
 */
export async function expireSlugs(db: Tx): Promise<number> {
  const [row] = await db.query<{ freed: number }>({
    name: 'admin-db.expire-slugs',
    text: `with due as (
             select r.slug from slug_reservations r join nv_accounts a on a.id = r.account_id
             where r.status = 'reserved' and a.status = 'draft'
               and r.expires_at <= (select completed_at from upkeep_marks where task = 'poll-payments')
               and not exists (select from outbox o where o.target = 'onboarding' and o.status in ('pending', 'processing')
                 and o.created_at < now() - interval '10 minutes')
               and not exists (select from payments p where p.account_id = a.id
                 and p.status in ('pending', 'in_process', 'authorized', 'approved', 'in_mediation'))
               and not exists (select from provisioning_jobs j where j.account_id = a.id
                 and j.status in ('queued', 'running', 'waiting', 'parked', 'compensating'))
             order by r.expires_at limit 500
             for update of r skip locked
           ), gone as (
             update slug_reservations r set status = 'released', expires_at = null from due where r.slug = due.slug returning 1
           )
           select count(*) as freed from gone`,
  });
  return row?.freed ?? 0;
}
