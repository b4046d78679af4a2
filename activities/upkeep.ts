import {
  askDueRefreshes,
  expireAuthorizations,
  expireEntitlements,
  expirePlacements,
  expireSlugs,
  fleetLooksDead,
  purgeOutbox,
  restartLostJobs,
} from '../adapters/admin-db/index.ts';
import type { Logger } from '../adapters/log.ts';
import { isAltaError, type ErrorCode } from '../contract/errors.ts';
import type { ExpiryResult, PurgeResult, RefreshSweepResult, RestartResult, UpkeepResult, UpkeepTask } from '../contract/upkeep.ts';
import type { ActivityDeps } from './deps.ts';

/** A start takes seconds; one that has not come after this long is lost (P-112). */
const LOST_AFTER_SECONDS = 120;
const PURGE_AFTER_DAYS = 30;
/** A run keeps the intent of a refresh for less than this, its waits included; one that is older was cut off. */
const CUT_OFF_AFTER_SECONDS = 4 * 3_600;

/** What looks dead, or asks to be left alone: nothing is wrong with the sweep (law 11). */
const HOLD: ReadonlySet<ErrorCode> = new Set(['ADMIN_DB_UNAVAILABLE', 'MP_UNAVAILABLE', 'MP_RATE_LIMITED', 'MP_BAD_ANSWER']);

/**
 * Runs one sweep, which counts into `result`. When the Admin DB or Mercado Pago look dead it holds: it ends with what it has done so
 * far and the reason, and the next run goes on. Any other failure is thrown.
 */
export async function holding<R extends UpkeepResult>(log: Logger, task: UpkeepTask, result: R, act: () => Promise<unknown>): Promise<R> {
  try {
    await act();
  } catch (error) {
    if (!isAltaError(error) || !HOLD.has(error.code)) throw error;
    result.held = error.code;
    log.warn({ err: error, task, code: error.code, alert: 'upkeep held' }, `${task} holds`);
  }
  return result;
}

/** `restart-lost`: gives the starts that were lost between commit and start to the relay again (P-112). */
export function restartLost({ db, log }: ActivityDeps) {
  return (): Promise<RestartResult> => {
    const result: RestartResult = { held: null, queued: 0, restarted: 0 };
    return holding(log, 'restart-lost', result, async () => {
      Object.assign(result, await restartLostJobs(db, LOST_AFTER_SECONDS));
      if (result.restarted > 0) log.warn({ ...result, alert: 'lost start' }, 'onboardings that never started are started again');
    });
  };
}

/** `refresh-credentials`: asks for the refreshes of sellers' tokens that are due, and ends askings for consent that nobody answered. */
export function refreshCredentialsSweep({ db, log }: ActivityDeps) {
  return (): Promise<RefreshSweepResult> => {
    const result: RefreshSweepResult = { held: null, due: 0, cutOff: 0, asked: 0 };
    return holding(log, 'refresh-credentials', result, async () => {
      Object.assign(result, await askDueRefreshes(db, CUT_OFF_AFTER_SECONDS));
      await expireAuthorizations(db);
      if (result.cutOff > 0) log.warn({ ...result, alert: 'refresh cut off' }, 'refreshes were cut off between the call and the store');
    });
  };
}

/**
 * `expire-reservations`: slots and names whose time ran out are free again, and add-ons that ran out end (P-311). No store is touched:
 * what ended is told to its account, whose workflow brings the store along.
 */
export function expireReservations({ db, log }: ActivityDeps) {
  return (): Promise<ExpiryResult> => {
    const result: ExpiryResult = { held: null, placements: 0, slugs: 0, entitlements: 0, unsure: false };
    return holding(log, 'expire-reservations', result, async () => {
      result.unsure = await fleetLooksDead(db);
      if (!result.unsure) result.placements = await expirePlacements(db);
      result.slugs = await expireSlugs(db);
      result.entitlements = await expireEntitlements(db);
    });
  };
}

/** `purge-outbox`: delivered rows are kept for 30 days (P-230). */
export function purgeDelivered({ db, log }: ActivityDeps) {
  return (): Promise<PurgeResult> => {
    const result: PurgeResult = { held: null, purged: 0 };
    return holding(log, 'purge-outbox', result, async () => {
      result.purged = await purgeOutbox(db, PURGE_AFTER_DAYS);
    });
  };
}
