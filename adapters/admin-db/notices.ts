import type { NoticeKind } from '../../contract/notices.ts';
import type { Tx } from './db.ts';

/** What the owner of a store is told of: an event of the account, or the end of a Mercado Pago consent. */
export interface OwnerNotice {
  eventKey: string;
  accountId: string;
  kind: NoticeKind | 'consent_ended';
}

/** Whether this is still to be told to the owner; the first who asks is the one who tells. */
export async function claimOwnerNotice(db: Tx, { eventKey, accountId, kind }: OwnerNotice): Promise<boolean> {
  const rows = await db.query({
    name: 'admin-db.claim-owner-notice',
    text: `insert into owner_notices (event_key, account_id, kind) values ($1, $2, $3) on conflict do nothing returning event_key`,
    values: [eventKey, accountId, kind],
  });
  return rows.length > 0;
}

/** Gives a notice back that surely was not sent. */
export async function releaseOwnerNotice(db: Tx, eventKey: string): Promise<void> {
  await db.query({
    name: 'admin-db.release-owner-notice',
    text: 'delete from owner_notices where event_key = $1',
    values: [eventKey],
  });
}
