import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import {
  claimOutbox,
  completeOutbox,
  failOutbox,
  lockInbox,
  releaseOutbox,
  retryOutbox,
  settleInbox,
  type OutboxRow,
} from '../../adapters/admin-db/index.ts';
import { effect } from '../../adapters/effect.ts';
import { withLogFields } from '../../adapters/log.ts';
import type { DeliveryOutcome } from '../../adapters/metrics/index.ts';
import { traced } from '../../adapters/trace.ts';
import { AltaError } from '../../contract/errors.ts';
import { OUTBOX_MAX_LAPSES, OUTBOX_TARGETS, paymentNotifiedSchema, type OutboxTarget } from '../../contract/outbox.ts';
import { deliverAccount } from './deliver-account.ts';
import { deliverCredentials } from './deliver-credentials.ts';
import { deliverOnboarding } from './deliver-onboarding.ts';
import { deliverRefund } from './deliver-refund.ts';
import { deliverNotice } from './deliver-notice.ts';
import { deliverShop } from './deliver-shop.ts';
import type { Deliver, Delivered, RelayDeps } from './deps.ts';
import { createPump, type Pump } from './pump.ts';
import { consequenceOf } from './pushback.ts';

export type { RelayDeps } from './deps.ts';
export type Relay = Pump;

/** Wait after a batch, ms. */
const BUSY_MS = 20;
/** How each target is delivered. */
const DELIVERIES: Record<OutboxTarget, Deliver> = {
  onboarding: deliverOnboarding,
  account: deliverAccount,
  refund: deliverRefund,
  credentials: deliverCredentials,
  shop: deliverShop,
  notice: deliverNotice,
};

/**
 * The relay: carries committed outbox rows to Temporal (P-221, P-222). Several may run; rows are claimed with SKIP LOCKED and
 * a lease by the database's clock, and a mark counts only with the claim's token. A relay that dies between delivery and mark
 * leaves a row that is delivered again, which every delivery stands; alone after the second time, in case that the row was the reason.
 */
export function createRelay(deps: RelayDeps): Relay {
  const { db, config, log, relayMetrics: metrics } = deps;
  const owner = `${hostname()}/${String(process.pid)}/${randomUUID().slice(0, 8)}`;

  /** True unless the other side pushed back. */
  const deliver = async (row: OutboxRow): Promise<boolean> => {
    const { target, accountId } = row;
    const line = { outboxId: row.id, eventKey: row.eventKey, attempt: row.attemptCount, ...(accountId === null ? {} : { accountId }) };
    const ended = metrics?.deliverySeconds.startTimer({ target });
    const outcome = await withLogFields(line, () =>
      traced(`deliver ${target}`, () => deliverOne(deps, row), {
        parent: row.traceContext,
        kind: 'consumer',
        attributes: { 'alta.target': target, 'alta.attempt': row.attemptCount },
      }),
    );
    ended?.();
    metrics?.deliveries.inc({ target, outcome });
    return outcome !== 'release';
  };

  return createPump<OutboxRow>({
    claim: (limit, idle) => claimOutbox(db, { targets: OUTBOX_TARGETS, limit, leaseSeconds: config.RELAY_LEASE_SECONDS, owner, idle }),
    alone: ({ lapses }) => lapses > 1,
    deliver,
    capacity: config.RELAY_BATCH,
    busyMs: BUSY_MS,
    idleMs: config.RELAY_POLL_MAX_MS,
    onClaimFailed: (error, times) => {
      metrics?.claimFailures.inc();
      log[times === 1 ? 'error' : 'debug']({ err: error, times }, 'the outbox cannot be claimed from');
    },
  });
}

async function deliverOne(deps: RelayDeps, row: OutboxRow): Promise<DeliveryOutcome> {
  try {
    refuseDeadly(row);
    const delivered = await effect('relay.deliver', () => DELIVERIES[row.target](deps, row));
    const marked = await effect('relay.mark', () => markDelivered(deps, row, delivered));
    deps.log.info({ result: delivered.inbox?.settlement.result }, marked ? 'delivered' : 'delivered; the claim was lost');
    return marked ? 'delivered' : 'lost';
  } catch (error) {
    return await markFailed(deps, row, error);
  }
}

/**
 * Throws DELIVERY_NEVER_ENDED for a row whose leases ran out too often one after another, for the last times with nothing else under way
 * beside it: tried once more, it would end this relay too, and so on for ever (P-226).
 */
function refuseDeadly({ lapses }: OutboxRow): void {
  if (lapses < OUTBOX_MAX_LAPSES) return;
  throw new AltaError('DELIVERY_NEVER_ENDED', `${String(lapses)} leases ran out one after another without a word of the delivery`);
}

/** Marks the row, and settles the notification behind it in the same transaction; nothing is written when the claim was lost. */
async function markDelivered({ db }: RelayDeps, row: OutboxRow, { inbox }: Delivered): Promise<boolean> {
  if (inbox === undefined) return completeOutbox(db, row);
  return db.tx('admin-db.mark-delivered', async (tx) => {
    await lockInbox(tx, inbox.inboxId);
    const held = await completeOutbox(tx, row);
    if (held) await settleInbox(tx, inbox.inboxId, inbox.settlement);
    return held;
  });
}

/** Puts a failed row back or buries it. A row that cannot be marked returns with its lease. */
async function markFailed({ db, log }: RelayDeps, row: OutboxRow, error: unknown): Promise<DeliveryOutcome> {
  const consequence = consequenceOf(error, row.attemptCount);
  const { kind, code, message } = consequence;
  try {
    const held = await effect('relay.mark-failed', async () => {
      if (kind === 'release') return releaseOutbox(db, row, consequence);
      if (kind === 'retry') return retryOutbox(db, row, consequence);
      return db.tx('admin-db.bury', async (tx) => {
        const notified = paymentNotifiedSchema.safeParse(row.payload);
        if (notified.success) await lockInbox(tx, notified.data.inboxId);
        const buried = await failOutbox(tx, row, { code, message });
        if (buried && notified.success)
          await settleInbox(tx, notified.data.inboxId, { status: 'processed', result: `dead: ${code}: ${message}` });
        return buried;
      });
    });
    const level = kind === 'release' ? 'info' : kind === 'retry' ? 'warn' : 'error';
    log[level](
      { err: error, code, held, ...(kind === 'fail' ? { alert: 'dead letter' } : { delayMs: consequence.delayMs }) },
      `delivery failed: ${kind}`,
    );
  } catch (unmarked) {
    log.error({ err: unmarked }, 'a failed delivery could not be marked; its lease will run out');
  }
  return kind;
}
