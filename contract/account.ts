import { z } from 'zod';
import type { NextDue } from './dunning.ts';

/** Parts of a store that are synced as a whole. */
export const ASPECTS = ['client', 'entitlements', 'settings', 'mp_credentials', 'assets', 'content'] as const;
export type Aspect = (typeof ASPECTS)[number];
/** What a birth dirties. Content is the merchant's own from then on: only a command has what is missing of it added again (P-181). */
export const BORN_ASPECTS = ASPECTS.filter((aspect) => aspect !== 'content');

export const SIGNAL_ACCOUNT_EVENT = 'account-event';
export const QUERY_ACCOUNT_STATE = 'state';
/** Type of the message that only makes the workflow look at the account's due dates. */
export const ACCOUNT_DUE = 'account.due';

/**
 * Reading a run again costs 0.4 ms of CPU a signal, 4 s for the 10,000 that the server takes for one run: with less time than that takes on a
 * busy machine a run would begin again for ever. A task of a worker that died waits for it at worst.
 */
export const ACCOUNT_TASK_TIMEOUT = '1 minute';

/** What an event tells the account workflow: which aspects changed and to which version; never the values (law 4). */
export const accountEventSchema = z.strictObject({
  eventKey: z.string().min(1).max(200),
  type: z.string().min(1).max(60),
  version: z.int().nonnegative(),
  aspects: z.array(z.enum(ASPECTS)),
});
export type AccountEvent = z.infer<typeof accountEventSchema>;

/** A message that led to nothing: unreadable, or of a version that the Admin DB does not have. Holds no value of the message. */
export interface ParkedMessage {
  /** When it was parked, ISO 8601. */
  at: string;
  /** Field and kind of the fault, or which version was asked for and which one is there. */
  why: string;
}

/** Parked messages that are shown; `bad.count` counts them all. */
export const PARKED_SHOWN = 20;

/** State of the account workflow: plain JSON, carried whole through continue-as-new (law 10). */
export interface AccountState {
  accountId: string;
  /** Newest version asked for, by aspect still to be applied. */
  dirty: Partial<Record<Aspect, number>>;
  /** Newest version applied, by aspect. */
  applied: Partial<Record<Aspect, number>>;
  /** Newest event keys, oldest first; bounded. */
  seen: string[];
  /** Messages that led to nothing; counted and shown, never thrown. */
  bad: { count: number; last: string | null };
  /** The newest of them, oldest first. */
  parked: ParkedMessage[];
  /** Signals and applies since the account began, over all its runs. */
  received: number;
  applies: number;
  /** An operator keeps Alta from writing to the store: what is told stays dirty until the release. */
  held: boolean;
  /** Last failure of an apply, with the aspects it left dirty. */
  failing: { code: string; message: string; attempts: number } | null;
  /** The next due date, and when the run looks at it: ms since 1970 by the workflow's clock. Null: nothing is due, or it is not known. */
  due: (Pick<NextDue, 'step' | 'at'> & { lookAt: number }) | null;
}

/** What an apply answers when it is asked for the next due date too. */
export interface Applied {
  version: number;
  due: NextDue | null;
}

/** What a run hands to the next. A run from before a field was known left it out. */
export type CarriedAccountState = Omit<AccountState, 'parked' | 'received' | 'applies' | 'held' | 'due'> & Partial<AccountState>;

/** The state that a run begins with. */
export const beginState = (accountId: string, carried?: CarriedAccountState): AccountState => ({
  accountId,
  dirty: {},
  applied: {},
  seen: [],
  bad: { count: 0, last: null },
  parked: [],
  received: 0,
  applies: 0,
  held: false,
  failing: null,
  due: null,
  ...carried,
});
