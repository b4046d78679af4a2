import { EDITS, type AccountCommand, type AccountEdit } from '../../contract/account-commands.ts';
import type { AccountChange } from '../../contract/account-events.ts';
import type { AccountStanding } from '../../contract/account-machine.ts';
import { AltaError } from '../../contract/errors.ts';
import type { SettingKey } from '../../contract/settings.ts';
import type { Tx } from './db.ts';
import { clearOverride, setOverride } from './overrides.ts';
import { loadPlan } from './plans.ts';
import { KEPT_SLUG_SECONDS, moveClaim } from './slugs.ts';

/** What a command changed, as its events tell it and as the audit keeps it; the audit holds names, never personal data. */
export interface Changed {
  changes: AccountChange[];
  from: string | null;
  to: string | null;
}

/** Writes what a command asks for beside the account's standing, which is settled before. Throws as `runAccountCommand` does. */
export async function changesOf(
  tx: Tx,
  accountId: string,
  command: AccountCommand,
  before: AccountStanding,
  after: AccountStanding,
): Promise<Changed> {
  const standing = { from: before.status, to: [after.status, ...after.reasons].join(' ') };
  const reopened: AccountChange = { type: 'account.updated', accountId, fields: ['is_active'] };
  switch (command.action) {
    case 'suspend':
    case 'cancel': {
      const reason = command.action === 'cancel' ? 'cancel' : command.cause;
      if (command.action === 'cancel') await setSubscription(tx, accountId, 'cancelled');
      if (command.action === 'suspend' && before.reasons.includes(reason)) await raise(tx, accountId);
      return { ...standing, changes: [{ type: 'account.suspended', accountId, reason, requestedAt: new Date().toISOString() }] };
    }
    case 'resume':
      return { ...standing, changes: [reopened] };
    case 'restore':
      if (before.status === 'cancelled') await setSubscription(tx, accountId, 'active');
      return {
        ...standing,
        changes: [
          reopened,
          // A deletion took the credentials off the cluster, and what ran out meanwhile was told to nobody.
          { type: 'mp_credentials.synced', accountId, action: 'sync' },
          { type: 'entitlements.synced', accountId, cause: 'asked' },
        ],
      };
    case 'delete':
      return { ...standing, changes: [{ type: 'account.deleted', accountId, deletedAt: new Date().toISOString() }] };
    case 'publish':
      if (before.status === after.status) await raise(tx, accountId);
      return { ...standing, changes: [{ type: 'account.updated', accountId, fields: ['publication_status'] }] };
    case 'change-plan':
      return changePlan(tx, accountId, command.planKey, command.billingPeriod);
    case 'add-addon':
      return addAddon(tx, accountId, command);
    case 'remove-addon':
      return removeAddon(tx, accountId, command.addonKey);
    case 'set-override':
      return { ...(await setOverride(tx, accountId, command)), changes: [{ type: 'entitlements.synced', accountId, cause: 'override' }] };
    case 'clear-override':
      return { ...(await clearOverride(tx, accountId, command)), changes: [{ type: 'entitlements.synced', accountId, cause: 'override' }] };
    case 'sync-entitlements':
      await raise(tx, accountId);
      return { from: null, to: null, changes: [{ type: 'entitlements.synced', accountId, cause: 'asked' }] };
    case 'reseed':
      await raise(tx, accountId);
      return { from: null, to: null, changes: [{ type: 'account.updated', accountId, fields: ['content'] }] };
    case 'change-settings':
      return changeSettings(tx, accountId, command.settings);
    case 'change-account':
      return changeFields(tx, accountId, command.fields);
    case 'set-due-dates':
      return setDueDates(tx, accountId, command);
    case 'hold':
    case 'release':
      await tx.query({
        name: 'admin-db.set-held',
        text: 'update nv_accounts set held_since = case when $2 then coalesce(held_since, now()) end where id = $1',
        values: [accountId, command.action === 'hold'],
      });
      return { from: null, to: command.action, changes: [] };
  }
}

/** Raises the version where nothing that the trigger sees has changed, so that the store is written anew. */
const raise = (tx: Tx, accountId: string): Promise<unknown> =>
  tx.query({ name: 'admin-db.raise-version', text: 'update nv_accounts set version = version + 1 where id = $1', values: [accountId] });

const setSubscription = (tx: Tx, accountId: string, status: 'active' | 'cancelled'): Promise<unknown> =>
  tx.query({
    name: 'admin-db.set-subscription',
    text: 'update subscriptions set status = $2, updated_at = now() where account_id = $1',
    values: [accountId, status],
  });

async function changePlan(tx: Tx, accountId: string, planKey: string, billingPeriod: 'monthly' | 'annual' | null): Promise<Changed> {
  await loadPlan(tx, planKey);
  const [was] = await tx.query<{ planKey: string }>({
    name: 'admin-db.change-plan',
    text: `with was as (select plan_key from nv_accounts where id = $1),
             account as (update nv_accounts set plan_key = $2, version = version + 1 where id = $1)
           select plan_key as "planKey" from was`,
    values: [accountId, planKey],
  });
  await tx.query({
    name: 'admin-db.change-subscription',
    text: `update subscriptions set plan_key = $2, billing_period = coalesce($3, billing_period), updated_at = now() where account_id = $1`,
    values: [accountId, planKey, billingPeriod],
  });
  const previousPlanKey = was?.planKey ?? planKey;
  return { from: previousPlanKey, to: planKey, changes: [{ type: 'plan.changed', accountId, planKey, previousPlanKey, billingPeriod }] };
}

async function addAddon(
  tx: Tx,
  accountId: string,
  { addonKey, quantity, expiresAt }: Extract<AccountCommand, { action: 'add-addon' }>,
): Promise<Changed> {
  const rows = await tx.query({
    name: 'admin-db.add-addon',
    text: `insert into account_addons (account_id, addon_key, quantity, entitlements, expires_at)
           select $1, addon_key, $3, entitlements, $4 from addons where addon_key = $2 and is_active
           on conflict (account_id, addon_key) do update set
             quantity = excluded.quantity, entitlements = excluded.entitlements, expires_at = excluded.expires_at, active = true
           returning addon_key`,
    values: [accountId, addonKey, quantity, expiresAt],
  });
  if (rows.length === 0) throw new AltaError('INPUT_INVALID', `addonKey: no add-on ${JSON.stringify(addonKey)} is on sale`);
  return { from: null, to: `${String(quantity)} ${addonKey}`, changes: [{ type: 'entitlements.synced', accountId, cause: 'addon_added' }] };
}

async function removeAddon(tx: Tx, accountId: string, addonKey: string): Promise<Changed> {
  const rows = await tx.query({
    name: 'admin-db.remove-addon',
    text: 'update account_addons set active = false where account_id = $1 and addon_key = $2 and active returning addon_key',
    values: [accountId, addonKey],
  });
  if (rows.length === 0) throw new AltaError('INPUT_INVALID', `addonKey: the account has no add-on ${JSON.stringify(addonKey)}`);
  return { from: addonKey, to: null, changes: [{ type: 'entitlements.synced', accountId, cause: 'addon_removed' }] };
}

async function changeSettings(tx: Tx, accountId: string, settings: object): Promise<Changed> {
  await tx.query({
    name: 'admin-db.save-settings',
    text: `insert into account_settings as s (account_id, settings) values ($1, $2)
           on conflict (account_id) do update set settings = s.settings || excluded.settings, updated_at = now()`,
    values: [accountId, JSON.stringify(settings)],
  });
  const keys = Object.keys(settings) as SettingKey[];
  return { from: null, to: keys.join(' '), changes: [{ type: 'settings.synced', accountId, keys }] };
}

async function changeFields(tx: Tx, accountId: string, edit: AccountEdit): Promise<Changed> {
  const names = (Object.keys(edit) as (keyof AccountEdit)[]).sort();
  if (edit.slug !== undefined) await moveClaim(tx, accountId, edit.slug, KEPT_SLUG_SECONDS);
  const columns = Object.values(EDITS).map(({ column }) => column);
  await tx.query({
    name: 'admin-db.edit-account',
    // What is not named keeps its value.
    text: `update nv_accounts a set (${columns.join(', ')}, version) =
             (select ${columns.map((column) => `n.${column}`).join(', ')}, a.version + 1 from jsonb_populate_record(a, $2::jsonb) n)
           where id = $1`,
    values: [accountId, JSON.stringify(Object.fromEntries(names.map((name) => [EDITS[name].column, edit[name]])))],
  });
  const fields = names.map((name) => EDITS[name].field);
  return { from: null, to: fields.join(' '), changes: [{ type: 'account.updated', accountId, fields }] };
}

async function setDueDates(
  tx: Tx,
  accountId: string,
  { trialEndsAt, paidUntil }: Extract<AccountCommand, { action: 'set-due-dates' }>,
): Promise<Changed> {
  const rows = await tx.query({
    name: 'admin-db.set-due-dates',
    text: `update subscriptions set updated_at = now(), trial_ends_at = case when $2 then $3::timestamptz else trial_ends_at end,
             paid_until = case when $4 then $5::timestamptz else paid_until end where account_id = $1 returning id`,
    values: [accountId, trialEndsAt !== undefined, trialEndsAt ?? null, paidUntil !== undefined, paidUntil ?? null],
  });
  if (rows.length === 0) throw new AltaError('INPUT_INVALID', 'paidUntil: the account has no subscription');
  await raise(tx, accountId);
  const named = Object.entries({ trial: trialEndsAt, paid: paidUntil }).filter(([, date]) => date !== undefined);
  const to = named.map(([name, date]) => `${name} until ${date ?? 'no date'}`).join(', ');
  return { from: null, to, changes: [{ type: 'account.updated', accountId, fields: ['due_dates'] }] };
}
