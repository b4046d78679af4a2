import type { Tx } from './db.ts';

export interface LifecycleEvent {
  accountId?: string | null;
  clusterId?: string | null;
  type: string;
  from?: string | null;
  to?: string | null;
  actor: string;
  reason: string;
}

/** Adds one row to the append-only audit of accounts and clusters (P-015). Values in it are never secrets. */
export async function addLifecycleEvent(tx: Tx, event: LifecycleEvent): Promise<void> {
  await tx.query({
    name: 'admin-db.add-lifecycle-event',
    text: `insert into lifecycle_events (account_id, cluster_id, event_type, from_value, to_value, actor, reason)
           values ($1, $2, $3, $4, $5, $6, $7)`,
    values: [event.accountId ?? null, event.clusterId ?? null, event.type, event.from ?? null, event.to ?? null, event.actor, event.reason],
  });
}

export interface LifecycleRow {
  type: string;
  from: string | null;
  to: string | null;
  actor: string;
  reason: string;
  at: string;
}

/** The audit of one account, oldest first. */
export function listLifecycleEvents(db: Tx, accountId: string): Promise<LifecycleRow[]> {
  return db.query<LifecycleRow>({
    name: 'admin-db.list-lifecycle-events',
    text: `select event_type as "type", from_value as "from", to_value as "to", actor, reason, created_at as "at"
           from lifecycle_events where account_id = $1 order by id`,
    values: [accountId],
  });
}
