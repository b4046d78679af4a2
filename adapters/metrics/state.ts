import { Gauge, type Registry } from 'prom-client';
import type { AdminState } from '../admin-db/index.ts';
import { now } from '../clock.ts';

/** Longest use of what was read, ms: several scrapers together cost one statement. */
const CACHE_MS = 5_000;

const LIVE_STATES = ['queued', 'running', 'waiting', 'parked', 'compensating'] as const;
const ENDED_STATES = ['completed', 'rejected', 'failed', 'compensated', 'abandoned'] as const;

const REFUND_STATES = ['asked', 'wanted', 'in_process', 'approved', 'rejected', 'kept', 'superseded', 'not_needed'] as const;

type Labels = Record<string, string>;

/**
 * Gauges of what stands in the Admin DB, on the relay's registry only: another process would tell the same again. Two relays do tell
 * it twice, so queries take `max`, never `sum`. Returns what to call before a scrape: it reads everything with one statement, at
 * most every five seconds. While the Admin DB is away `alta_state_up` is 0 and no old value is shown.
 */
export function stateGauges(registry: Registry, read: () => Promise<AdminState>): () => Promise<void> {
  const gauge = (name: string, help: string, ...labelNames: string[]): Gauge =>
    new Gauge({ name, help, labelNames, registers: [registry] });
  const up = gauge('alta_state_up', 'Whether the gauges of the Admin DB could be read: 1 or 0.');
  const gauges = {
    jobs: gauge('alta_jobs', 'Onboardings under way now, by state; parked ones need an operator.', 'state'),
    ended: gauge(
      'alta_jobs_ended_2h',
      'Onboardings that ended in the last two hours, by state; all but completed made no store (P-601).',
      'state',
    ),
    overdue: gauge('alta_jobs_parked_past_deadline', 'Parked onboardings whose deadline has passed.'),
    oldestParked: gauge('alta_jobs_parked_oldest_seconds', 'How long the longest parked onboarding has been waiting; 0 when none is.'),
    undoFailed: gauge('alta_compensation_failed', 'Steps of live onboardings whose undo failed last.'),
    mpSync: gauge('alta_mp_sync_failing', 'Live onboardings whose Mercado Pago credentials could not be written to the cluster (P-602).'),
    paid: gauge('alta_paid_without_store', 'Payments that `alta money` lists as paid without store.'),
    paidOldest: gauge('alta_paid_without_store_oldest_seconds', 'Time since the oldest of them was paid; 0 when there is none.'),
    refunds: gauge('alta_refunds', 'Intents to give money back, by status; asked ones need an operator.', 'status'),
    outbox: gauge(
      'alta_outbox_rows',
      'Outbox rows that are not delivered, by target and state; failed ones are dead letters.',
      'target',
      'state',
    ),
    outboxAge: gauge(
      'alta_outbox_oldest_due_seconds',
      'Age of the oldest row that is due and not delivered, by target; 0 when there is none.',
      'target',
    ),
    dead: gauge('alta_outbox_failed_6h', 'Outbox rows that died in the last six hours (P-603).'),
    clusterReady: gauge('alta_cluster_ready', 'Whether a registered cluster may take stores: 1 or 0.', 'cluster'),
    clusterStores: gauge('alta_cluster_stores', 'Stores that a cluster holds or has reserved a slot for.', 'cluster'),
    clusterLimit: gauge('alta_cluster_max_stores', 'Most stores of a cluster; absent: no limit.', 'cluster'),
  };
  const put = (target: Gauge, value: number, labels: Labels = {}): void => target.set(labels, value);
  const fill = (state: AdminState): void => {
    for (const name of LIVE_STATES) put(gauges.jobs, state.live[name] ?? 0, { state: name });
    for (const name of ENDED_STATES) put(gauges.ended, state.ended[name] ?? 0, { state: name });
    put(gauges.overdue, state.parkedPastDeadline);
    put(gauges.oldestParked, state.oldestParkedSeconds ?? 0);
    put(gauges.undoFailed, state.compensationFailed);
    put(gauges.mpSync, state.mpSyncFailing);
    put(gauges.paid, state.paidWithoutStore);
    put(gauges.paidOldest, state.oldestPaidSeconds ?? 0);
    for (const name of REFUND_STATES) put(gauges.refunds, state.refunds[name] ?? 0, { status: name });
    put(gauges.dead, state.outboxFailedLately);
    for (const { target, pending, processing, failed, oldestDueSeconds } of state.outbox) {
      for (const [name, count] of Object.entries({ pending, processing, failed })) put(gauges.outbox, count, { target, state: name });
      put(gauges.outboxAge, oldestDueSeconds ?? 0, { target });
    }
    for (const { cluster, ready, stores, limit } of state.clusters) {
      put(gauges.clusterReady, ready ? 1 : 0, { cluster });
      put(gauges.clusterStores, stores, { cluster });
      if (limit !== null) put(gauges.clusterLimit, limit, { cluster });
    }
  };

  let reading: { at: number; done: Promise<void> } | undefined;
  const refresh = async (): Promise<void> => {
    const state = await read().catch(() => undefined);
    for (const each of Object.values(gauges)) each.reset();
    // A gauge without labels is 0 after a reset, which would look like good news.
    if (state === undefined) for (const each of Object.values(gauges)) each.remove();
    else fill(state);
    put(up, state === undefined ? 0 : 1);
  };
  return () => {
    const at = now().getTime();
    if (reading === undefined || at - reading.at >= CACHE_MS) reading = { at, done: refresh() };
    return reading.done;
  };
}
