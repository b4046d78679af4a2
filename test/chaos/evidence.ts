import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Ground } from './ground.ts';
import type { LineTally } from './late-line.ts';

/** How often each protection was needed: above zero shows that the faults hit what it is for. */
export interface Evidence {
  /** Notifications and deliveries that came more than once and made nothing more. */
  duplicates: { webhooksRepeated: number; notificationsOfKnownPayments: number; clusterWritesRepeated: number; total: number };
  /** Writes that came too late and changed nothing. */
  fenced: { clusterWrites: number; outboxMarks: number; total: number };
  /** Writes that the lines held until their caller had given up. */
  heldOnTheWire: number;
  /** Acts that happened and of which nobody heard; that they came right all the same is the verdict's word. */
  unknown: { clusterWritesUnheard: number; killedAfterTheAct: number; checkoutsUnheard: number; total: number };
  /** Tries after the first one, for whatever reason. */
  again: { steps: number; outboxRows: number };
  /** Payments that only the poll found. */
  foundByPoll: number;
}

/** Lines of all logs of Alta's processes that say this. */
function linesSaying(folder: string, text: string): number {
  let lines = 0;
  for (const name of readdirSync(folder).filter((file) => /^(relay|worker|api)-/.test(file)))
    lines += readFileSync(join(folder, name), 'utf8').split(text).length - 1;
  return lines;
}

/** Counts from the Admin DB's rows, the relays' logs, the wire before the clusters, and what fleet and buyers saw. */
export async function gatherEvidence(
  { db, lines, stack }: Ground,
  { killedAfterTheAct, checkoutsUnheard }: Pick<Evidence['unknown'], 'killedAfterTheAct' | 'checkoutsUnheard'>,
): Promise<Evidence> {
  const [row] = await db.query<Record<'repeated' | 'known' | 'again' | 'redelivered' | 'polled', number>>({
    name: 'chaos.evidence',
    text: `select
        (select coalesce(sum(deliveries - 1), 0)::int from webhook_inbox) as repeated,
        (select (count(*) - count(distinct payment_id))::int from webhook_inbox where payment_id is not null) as known,
        (select coalesce(sum(attempt - 1), 0)::int from provisioning_job_steps where status = 'done' and attempt > 1) as again,
        (select coalesce(sum(attempt_count - 1), 0)::int from outbox where status = 'completed' and attempt_count > 1) as redelivered,
        (select count(distinct payment_id)::int from webhook_inbox i where delivery_key like 'poll/%'
           and not exists (select from webhook_inbox w where w.payment_id = i.payment_id and w.delivery_key not like 'poll/%')) as polled`,
  });
  const wire = (name: keyof LineTally): number => lines.reduce((total, { tally }) => total + tally[name], 0);
  const marks = linesSaying(join(stack.dataDir, 'logs'), 'delivered; the claim was lost');
  const [repeated, known, again, redelivered] = [row?.repeated ?? 0, row?.known ?? 0, row?.again ?? 0, row?.redelivered ?? 0];
  return {
    duplicates: {
      webhooksRepeated: repeated,
      notificationsOfKnownPayments: known,
      clusterWritesRepeated: wire('same'),
      total: repeated + known + wire('same'),
    },
    fenced: { clusterWrites: wire('stale'), outboxMarks: marks, total: wire('stale') + marks },
    unknown: {
      clusterWritesUnheard: wire('unheard'),
      killedAfterTheAct,
      checkoutsUnheard,
      total: wire('unheard') + killedAfterTheAct + checkoutsUnheard,
    },
    again: { steps: again, outboxRows: redelivered },
    heldOnTheWire: wire('held'),
    foundByPoll: row?.polled ?? 0,
  };
}
