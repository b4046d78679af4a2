import type { ErrorCode } from './errors.ts';

/** What keeps an installation right by itself: each task is a workflow on the queue `upkeep`, started by a schedule. */
export const UPKEEP_TASKS = [
  'poll-payments',
  'restart-lost',
  'expire-reservations',
  'refresh-credentials',
  'apply-due-dates',
  'purge-outbox',
] as const;
export type UpkeepTask = (typeof UPKEEP_TASKS)[number];

/** The workflow of each task. */
export const UPKEEP_WORKFLOWS = {
  'poll-payments': 'pollPayments',
  'restart-lost': 'restartLost',
  'expire-reservations': 'expireReservations',
  'refresh-credentials': 'refreshCredentials',
  'apply-due-dates': 'applyDueDates',
  'purge-outbox': 'purgeOutbox',
} as const satisfies Record<UpkeepTask, string>;

/** What the ids of all schedules of an installation begin with; prefixed as task queues are. */
export const upkeepSchedulePrefix = (prefix = ''): string => `${prefix}upkeep/`;

/** The schedule of a task, and the beginning of its runs' ids. */
export const upkeepScheduleId = (task: UpkeepTask, prefix = ''): string => `${upkeepSchedulePrefix(prefix)}${task}`;

/**
 * What a run of upkeep leaves in the Web UI: counts only. `held` is why it stopped early: the Admin DB or Mercado Pago looked dead,
 * or asked to be left alone; nothing is lost, the next run goes on (law 11).
 */
export interface UpkeepResult {
  held: ErrorCode | null;
}

export interface PollResult extends UpkeepResult {
  pages: number;
  /** Payments that Mercado Pago showed. */
  seen: number;
  /** Of them, states that Alta did not know: they are in the inbox now. */
  fed: number;
  /** Whether the pass got to the newest payment. */
  complete: boolean;
}

export interface RestartResult extends UpkeepResult {
  /** Jobs that are queued for longer than a start takes. */
  queued: number;
  /** Of them, starts that were given to the relay again. */
  restarted: number;
}

export interface ExpiryResult extends UpkeepResult {
  placements: number;
  slugs: number;
  /** Accounts of which an add-on or an override ended. */
  entitlements: number;
  /** The fleet looked dead, so no slot was given back (decision 14). */
  unsure: boolean;
}

export interface RefreshSweepResult extends UpkeepResult {
  /** Sellers' tokens whose refresh is due. */
  due: number;
  /** Refreshes that were cut off between the call and the store. */
  cutOff: number;
  /** Of both, those that the relay was told of now. */
  asked: number;
}

export interface PurgeResult extends UpkeepResult {
  purged: number;
}

export interface DueSweepResult extends UpkeepResult {
  /** Accounts that something is due for, and whose workflows were told. */
  woken: number;
}
