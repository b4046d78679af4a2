import { SERVED_STATES } from '../../contract/account-machine.ts';
import type { AdminDb } from './db.ts';
import { addLifecycleEvent } from './lifecycle.ts';
import { publishAccountEvent } from './publish.ts';

/** Accounts that one sweep looks at, at most; the next run takes the rest. */
const EXPIRY_BATCH = 500;

/**
 * Takes off what add-ons and overrides have run out and tells the stores (P-311): one transaction an account, so that each store's
 * event stands and falls with its change. What ran out counts no more from its date on, also before this sweep. Returns how many
 * accounts changed.
 */
export async function expireEntitlements(db: AdminDb): Promise<number> {
  const due = await db.query<{ accountId: string }>({
    name: 'admin-db.due-entitlements',
    text: `select account_id as "accountId" from (
             select account_id, expires_at from account_addons where active and expires_at <= now()
             union all select account_id, expires_at from entitlement_overrides where active and expires_at <= now()) due
           group by account_id order by min(expires_at) limit ${EXPIRY_BATCH}`,
  });
  let changed = 0;
  for (const { accountId } of due) if (await expire(db, accountId)) changed += 1;
  return changed;
}

function expire(db: AdminDb, accountId: string): Promise<boolean> {
  return db.tx('admin-db.expire-entitlements', async (tx) => {
    const [ended] = await tx.query<{ names: string | null; status: string }>({
      name: 'admin-db.end-entitlements',
      text: `with account as (
               select id, status from nv_accounts where id = $1 for update
             ), addons as (
               update account_addons x set active = false from account a
               where x.account_id = a.id and x.active and x.expires_at <= now() returning x.addon_key as name
             ), overrides as (
               update entitlement_overrides x set active = false, updated_at = now() from account a
               where x.account_id = a.id and x.active and x.expires_at <= now() returning x.kind || ' ' || x.key as name
             )
             select (select string_agg(name, ', ' order by name) from (select * from addons union all select * from overrides) e) as names,
               (select status from account) as status`,
      values: [accountId],
    });
    if (ended?.names == null) return false;
    await addLifecycleEvent(tx, { accountId, type: 'entitlements.expired', from: ended.names, actor: 'alta', reason: 'its time ran out' });
    // An account without a store has nobody to tell: its onboarding reads what counts then.
    if (HAS_STORE.has(ended.status)) await publishAccountEvent(tx, { type: 'entitlements.synced', accountId, cause: 'expired' });
    return true;
  });
}

const HAS_STORE: ReadonlySet<string> = new Set(SERVED_STATES);
