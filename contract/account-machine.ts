import type { SuspensionReason } from './account-events.ts';

/** States of an account that has a store. `provisioned`, `approved` and `live` are open ones. */
export const STORE_STATES = ['provisioned', 'approved', 'live', 'suspended', 'cancelled', 'deleted'] as const;
export type StoreState = (typeof STORE_STATES)[number];
/** States in which the account's store hears of changes: all but a deleted one's. */
export const SERVED_STATES = STORE_STATES.filter((state) => state !== 'deleted');
export const OPEN_STATES = ['provisioned', 'approved', 'live'] as const;
export type OpenState = (typeof OPEN_STATES)[number];

export const ACCOUNT_ACTIONS = [
  'suspend',
  'resume',
  'cancel',
  'delete',
  'restore',
  'publish',
  'change-plan',
  'add-addon',
  'remove-addon',
  'set-override',
  'clear-override',
  'sync-entitlements',
  'reseed',
  'change-settings',
  'change-account',
  'set-due-dates',
  'hold',
  'release',
] as const;
export type AccountAction = (typeof ACCOUNT_ACTIONS)[number];

/**
 * Where an action leads: `same` stays; `reasons` goes where the reasons that still stand lead (`cancelled` with `cancel`, `suspended`
 * with any other, else back to the open state from before); `approved` is `live` once the cluster shows the store published.
 */
export type Destination = 'same' | 'reasons' | 'approved' | 'deleted';
type Row = Partial<Record<StoreState, Destination>>;

const open = (to: Destination): Row => ({ provisioned: to, approved: to, live: to });
const running = (to: Destination): Row => ({ ...open(to), suspended: to });

/** The whole machine: what may be done in which state, and where it leads. What has no entry is refused. */
export const ACCOUNT_MACHINE: Readonly<Record<AccountAction, Row>> = {
  suspend: running('reasons'),
  resume: { suspended: 'reasons' },
  cancel: running('reasons'),
  delete: { ...running('deleted'), cancelled: 'deleted' },
  restore: { cancelled: 'reasons', deleted: 'reasons' },
  // Also where an earlier approval is not shown yet.
  publish: { provisioned: 'approved', approved: 'approved' },
  'change-plan': running('same'),
  'add-addon': running('same'),
  'remove-addon': running('same'),
  'set-override': running('same'),
  'clear-override': running('same'),
  'sync-entitlements': running('same'),
  reseed: running('same'),
  'change-settings': running('same'),
  'change-account': running('same'),
  'set-due-dates': { ...running('same'), cancelled: 'same' },
  hold: { ...running('same'), cancelled: 'same' },
  release: { ...running('same'), cancelled: 'same', deleted: 'same' },
};

/** What the machine looks at. */
export interface AccountStanding {
  status: StoreState;
  /** The open state to go back to; null in an open state, where it is the state itself. */
  openStatus: OpenState | null;
  /** Reasons that stand against its running. */
  reasons: readonly SuspensionReason[];
}

export type Decision = { ok: true; standing: AccountStanding } | { ok: false; why: string };

const isOpen = (status: StoreState): status is OpenState => (OPEN_STATES as readonly string[]).includes(status);
export const isStoreState = (status: string): status is StoreState => (STORE_STATES as readonly string[]).includes(status);

/** What an action makes of an account, or why it is refused. `cause` is what `suspend` adds and `resume` takes away. Pure. */
export function decide(action: AccountAction, now: AccountStanding, cause: SuspensionReason = 'pause'): Decision {
  const to = ACCOUNT_MACHINE[action][now.status];
  if (to === undefined) {
    const from = STORE_STATES.filter((state) => ACCOUNT_MACHINE[action][state] !== undefined);
    return { ok: false, why: `${action}: the account is ${now.status}; it is possible when ${from.join(', ')}` };
  }
  if (action === 'resume' && !now.reasons.includes(cause)) {
    return { ok: false, why: `resume: the account is not suspended by ${cause}, but by ${now.reasons.join(', ')}` };
  }
  const home = isOpen(now.status) ? now.status : (now.openStatus ?? 'provisioned');
  if (to === 'same') return { ok: true, standing: now };
  if (to === 'approved') return { ok: true, standing: { ...now, status: 'approved' } };
  if (to === 'deleted') return { ok: true, standing: { status: 'deleted', openStatus: home, reasons: now.reasons } };
  const reasons = reasonsAfter(action, now, cause);
  if (reasons.length === 0) return { ok: true, standing: { status: home, openStatus: null, reasons } };
  return { ok: true, standing: { status: reasons.includes('cancel') ? 'cancelled' : 'suspended', openStatus: home, reasons } };
}

function reasonsAfter(action: AccountAction, { status, reasons }: AccountStanding, cause: SuspensionReason): SuspensionReason[] {
  const without = (gone: SuspensionReason): SuspensionReason[] => reasons.filter((reason) => reason !== gone);
  if (action === 'suspend') return [...without(cause), cause].sort();
  if (action === 'cancel') return [...without('cancel'), 'cancel' as const].sort();
  if (action === 'resume') return without(cause);
  // What was cancelled comes back; what was deleted comes back as it stood.
  return status === 'cancelled' ? without('cancel') : [...reasons];
}
