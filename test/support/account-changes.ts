import { publishAccountEvent, type AdminDb, type PublishedEvent, type Tx } from '../../adapters/admin-db/index.ts';
import type { AccountCommandInput } from '../../contract/account-commands.ts';
import type { AccountChange, AccountEventType } from '../../contract/account-events.ts';
import type { Aspect } from '../../contract/account.ts';

/** A command without who gives it and why. */
export type Asked = AccountCommandInput extends infer C ? (C extends unknown ? Omit<C, 'actor' | 'reason'> : never) : never;

/** Raises an account's version, as any change of it does. */
export const touch = (tx: Tx, accountId: string): Promise<unknown[]> =>
  tx.query({ name: 'test.touch', text: 'update nv_accounts set version = version + 1 where id = $1', values: [accountId] });

/** Changes an account and publishes what is told of it, in one transaction. */
export const changeAccount = (
  db: AdminDb,
  change: AccountChange,
  write: (tx: Tx) => Promise<unknown> = (tx) => touch(tx, change.accountId),
) =>
  db.tx<PublishedEvent>('test.change-account', async (tx) => {
    await write(tx);
    return publishAccountEvent(tx, change);
  });

/** One change of each kind, and the aspects that it dirties. `account.created` is the onboarding's. */
export const SAMPLE_CHANGES: [
  type: Exclude<AccountEventType, 'account.created'>,
  aspects: Aspect[],
  change: (accountId: string) => AccountChange,
][] = [
  ['account.updated', ['client'], (accountId) => ({ type: 'account.updated', accountId, fields: ['phone', 'legal_name'] })],
  ['account.updated', ['content'], (accountId) => ({ type: 'account.updated', accountId, fields: ['content'] })],
  ['account.updated', ['client'], (accountId) => ({ type: 'account.updated', accountId, fields: ['publication_status'] })],
  ['account.updated', ['client', 'entitlements'], (accountId) => ({ type: 'account.updated', accountId, fields: ['plan'] })],
  [
    'plan.changed',
    ['client', 'entitlements'],
    (accountId) => ({ type: 'plan.changed', accountId, planKey: 'growth', previousPlanKey: 'starter', billingPeriod: null }),
  ],
  [
    'account.suspended',
    ['client'],
    (accountId) => ({ type: 'account.suspended', accountId, reason: 'pause', requestedAt: '2026-11-25T03:00:00Z' }),
  ],
  ['account.deleted', ['client'], (accountId) => ({ type: 'account.deleted', accountId, deletedAt: '2026-11-25T03:00:00Z' })],
  ['entitlements.synced', ['entitlements'], (accountId) => ({ type: 'entitlements.synced', accountId, cause: 'asked' })],
  ['settings.synced', ['settings'], (accountId) => ({ type: 'settings.synced', accountId, keys: ['headline'] })],
  ['mp_credentials.synced', ['mp_credentials'], (accountId) => ({ type: 'mp_credentials.synced', accountId, action: 'sync' })],
];
