import type { AccountCommand } from '../../contract/account-commands.ts';
import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';

type Given<A extends AccountCommand['action']> = Extract<AccountCommand, { action: A }>;
interface Audited {
  /** What counted before, and what counts now, for people: kind, name, value and end. */
  from: string | null;
  to: string | null;
}

/**
 * Overrides one limit or feature of an account; an override of the same one is replaced, its end too. Always raises the account's
 * version, so that the store is written anew. Throws INPUT_INVALID for an end that has passed, and for a limit that nothing sold knows: nobody
 * would look at it. A feature may be one that is given to single accounts only.
 */
export async function setOverride(tx: Tx, accountId: string, command: Given<'set-override'>): Promise<Audited> {
  const { kind, key, value, expiresAt, actor, reason } = command;
  if (kind === 'limit') await refuseUnknownLimit(tx, key);
  const from = await textOf(tx, accountId, kind, key);
  const rows = await tx.query({
    name: 'admin-db.set-override',
    text: `insert into entitlement_overrides as o (account_id, kind, key, value, expires_at, actor, reason)
           select $1, $2, $3, $4, $5::timestamptz, $6, $7 where $5::timestamptz is null or $5::timestamptz > now()
           on conflict (account_id, kind, key) do update set value = excluded.value, expires_at = excluded.expires_at,
             actor = excluded.actor, reason = excluded.reason, active = true, updated_at = now()
           returning o.key`,
    values: [accountId, kind, key, value, expiresAt, actor, reason],
  });
  if (rows.length === 0) throw new AltaError('INPUT_INVALID', 'expiresAt: it has passed');
  return { from, to: await textOf(tx, accountId, kind, key) };
}

/** Takes an override away: plan and add-ons count again. Throws INPUT_INVALID when there is none that counts. */
export async function clearOverride(tx: Tx, accountId: string, { kind, key, actor, reason }: Given<'clear-override'>): Promise<Audited> {
  const from = await textOf(tx, accountId, kind, key);
  const rows = await tx.query({
    name: 'admin-db.clear-override',
    text: `update entitlement_overrides set active = false, actor = $4, reason = $5, updated_at = now()
           where account_id = $1 and kind = $2 and key = $3 and active and (expires_at is null or expires_at > now()) returning key`,
    values: [accountId, kind, key, actor, reason],
  });
  if (rows.length === 0) throw new AltaError('INPUT_INVALID', `key: the account has no override of ${kind} ${JSON.stringify(key)}`);
  return { from, to: null };
}

async function refuseUnknownLimit(tx: Tx, key: string): Promise<void> {
  const known = await tx.query<{ key: string }>({
    name: 'admin-db.known-limits',
    text: `select jsonb_object_keys(entitlements -> 'limits') as key from plans union select jsonb_object_keys(entitlements -> 'limits') from addons
           order by key`,
  });
  const keys = known.map((row) => row.key);
  if (!keys.includes(key))
    throw new AltaError('INPUT_INVALID', `key: no plan or add-on has a limit ${JSON.stringify(key)}; there are ${keys.join(', ')}`);
}

/** The override that counts now; null when there is none. */
async function textOf(tx: Tx, accountId: string, kind: string, key: string): Promise<string | null> {
  const [row] = await tx.query<{ text: string }>({
    name: 'admin-db.override-text',
    text: `select concat_ws(' ', kind, key, value, 'until ' || to_char(expires_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) as text
           from entitlement_overrides where account_id = $1 and kind = $2 and key = $3 and active and (expires_at is null or expires_at > now())`,
    values: [accountId, kind, key],
  });
  return row?.text ?? null;
}
