import type { CommandRecord } from '../../contract/account-commands.ts';
import type { SuspensionReason } from '../../contract/account-events.ts';
import type { EntitlementOverride } from '../../contract/entitlements.ts';
import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';
import { listLifecycleEvents, type LifecycleRow } from './lifecycle.ts';
import { isUuid } from '../../contract/ids.ts';

/** An account as operators may see it: no address, no fiscal data, no credential. */
export interface AccountRow {
  accountId: string;
  slug: string;
  businessName: string;
  status: string;
  version: number;
  planKey: string;
  billingPeriod: string | null;
  clusterId: string | null;
  mpConnected: boolean;
  openStatus: string | null;
  heldSince: string | null;
  deletedAt: string | null;
  reasons: { reason: SuspensionReason; since: string; actor: string }[];
  addons: { key: string; quantity: number; expiresAt: string | null }[];
  overrides: (EntitlementOverride & { expiresAt: string | null })[];
}

export interface AccountDetails {
  account: AccountRow;
  /** Newest first. */
  commands: { at: string; actor: string; reason: string; record: CommandRecord }[];
  /** The audit, newest first. */
  audit: LifecycleRow[];
}

/** Rows of the story that are shown. */
const SHOWN = 20;

/** An account by its id or its slug; a store that runs comes before a draft of the same name. Throws ACCOUNT_NOT_FOUND. */
export async function findAccount(db: Tx, target: string): Promise<AccountRow> {
  const [account] = await db.query<AccountRow>({
    name: 'admin-db.find-account',
    text: `select a.id as "accountId", a.slug, a.business_name as "businessName", a.status, a.version, a.plan_key as "planKey",
             s.billing_period as "billingPeriod", a.backend_cluster_id as "clusterId", a.mp_connected as "mpConnected",
             a.open_status as "openStatus", a.held_since as "heldSince", a.deleted_at as "deletedAt",
             coalesce((select jsonb_agg(jsonb_build_object('reason', x.reason, 'since', x.since, 'actor', x.actor) order by x.since)
               from account_suspensions x where x.account_id = a.id), '[]') as reasons,
             coalesce((select jsonb_agg(jsonb_build_object('key', x.addon_key, 'quantity', x.quantity, 'expiresAt', x.expires_at) order by x.addon_key)
               from account_addons x where x.account_id = a.id and x.active and (x.expires_at is null or x.expires_at > now())), '[]') as addons,
             coalesce((select jsonb_agg(jsonb_build_object('kind', x.kind, 'key', x.key, 'value', x.value, 'expiresAt', x.expires_at) order by x.kind, x.key)
               from entitlement_overrides x where x.account_id = a.id and x.active and (x.expires_at is null or x.expires_at > now())), '[]') as overrides
           from nv_accounts a left join subscriptions s on s.account_id = a.id
           where a.id = $1::uuid or (a.slug = $2 and $1 is null)
           order by a.status in ('provisioned', 'approved', 'live', 'suspended') desc, a.created_at desc limit 1`,
    values: isUuid(target) ? [target, null] : [null, target.trim().toLowerCase()],
  });
  if (account === undefined) throw new AltaError('ACCOUNT_NOT_FOUND', `no account ${JSON.stringify(target)}`);
  return account;
}

/** The account, its commands and its audit. Throws ACCOUNT_NOT_FOUND. */
export async function showAccount(db: Tx, target: string): Promise<AccountDetails> {
  const account = await findAccount(db, target);
  const [commands, audit] = await Promise.all([
    db.query<AccountDetails['commands'][number]>({
      name: 'admin-db.list-commands',
      text: `select created_at as at, actor, reason, answer as record from account_commands where account_id = $1
             order by created_at desc limit ${SHOWN}`,
      values: [account.accountId],
    }),
    listLifecycleEvents(db, account.accountId),
  ]);
  return { account, commands, audit: audit.reverse().slice(0, SHOWN) };
}
