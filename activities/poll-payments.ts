import { Context } from '@temporalio/activity';
import { feedPolled, loadPollMark, restPolling, type PolledPayment } from '../adapters/admin-db/index.ts';
import { now } from '../adapters/clock.ts';
import type { PaymentSearch } from '../adapters/mercadopago/index.ts';
import { isAltaError } from '../contract/errors.ts';
import type { PollResult } from '../contract/upkeep.ts';
import type { ActivityDeps } from './deps.ts';
import { holding } from './upkeep.ts';
import { isUuid } from '../contract/ids.ts';

const PAGE = 50;
/** Pages of one run; a longer list is gone on with by the next. */
const MAX_PAGES = 20;
/** How far a finished pass is read again, ms: a search may show a change later than it happened. */
const OVERLAP_MS = 30 * 60_000;

/**
 * `poll-payments`: reads the payments that changed since the last poll and feeds those of which Alta does not know the state into the
 * inbox, as if their webhook had come (law 1): the relay then reads each one back and decides. Pages follow one another by time, not by
 * offset, because a payment that changes meanwhile moves to the end and would push another one over a page's edge unseen.
 */
export function pollPayments({ db, mp, config, log }: ActivityDeps) {
  return (): Promise<PollResult> => {
    const result: PollResult = { held: null, pages: 0, seen: 0, fed: 0, complete: false };
    return holding(log, 'poll-payments', result, async () => {
      const mark = await loadPollMark(db);
      if (mark.restMs > 0) {
        result.held = 'MP_RATE_LIMITED';
        return;
      }
      const { cancellationSignal } = Context.current();
      const overlap = mark.complete ? OVERLAP_MS : 0;
      let since =
        mark.seenUntil === null ? now().getTime() - config.PAYMENT_POLL_LOOKBACK_SECONDS * 1_000 : Date.parse(mark.seenUntil) - overlap;
      let offset = 0;
      while (!result.complete && result.pages < MAX_PAGES) {
        let page: PaymentSearch;
        try {
          page = await mp.searchPayments({ since: new Date(since), offset, limit: PAGE }, cancellationSignal);
        } catch (error) {
          if (isAltaError(error) && error.retryAfterMs !== undefined) await restPolling(db, error.retryAfterMs);
          throw error;
        }
        const hits = page.hits.map(hitOf);
        const last = Math.max(since, ...hits.map(({ updatedAt }) => (updatedAt === null ? since : Date.parse(updatedAt))));
        const complete = hits.length < PAGE;
        result.fed += await feedPolled(db, hits, { seenUntil: hits.length === 0 ? null : new Date(last).toISOString(), complete });
        result.pages += 1;
        result.seen += hits.length;
        result.complete = complete;
        // A page whose payments all changed at one moment is passed by offset; only then.
        offset = last > since ? 0 : offset + PAGE;
        since = last;
        Context.current().heartbeat(result);
      }
      if (result.fed > 0) log.info({ ...result }, 'payments whose webhook had not come were fed into the inbox');
    });
  };
}

function hitOf({ id, status, externalReference, dateLastUpdated }: PaymentSearch['hits'][number]): PolledPayment {
  const at = Date.parse(dateLastUpdated ?? '');
  return {
    paymentId: id,
    status: status.slice(0, 60),
    accountId: externalReference !== null && isUuid(externalReference) ? externalReference : null,
    updatedAt: Number.isNaN(at) ? null : new Date(at).toISOString(),
  };
}
