import { setTimeout as pause } from 'node:timers/promises';
import { createAdminDb, type AdminDb } from '../../adapters/admin-db/index.ts';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { isAltaError } from '../../contract/errors.ts';
import { attribution, asSubject, knowingSubject } from '../support/attribution.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { watchRefunds } from '../support/refunds.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** Time limit of a step on the stage, ms; a `delay` is longer than it and the fast path together, a `hang` than both. */
const STEP_MS = 4_000;
const DELAY_MS = 7_000;
const HANG_MS = 9_000;
/** Pause between two looks at what everybody waits for, ms. */
const LOOK_MS = 50;
/** Safety net of a wait; it says nothing about speed. */
const LIMIT_MS = 240_000;

const QUICK_CREDENTIALS = { retryInitialMs: 50, retryMaxMs: 100, retryAttempts: 5, tokenCallMs: 10_000, heartbeatMs: 5_000 };
const QUICK_REFUNDS = {
  retryInitialMs: 50,
  retryMaxMs: 200,
  retryAttempts: 12,
  callTimeoutMs: STEP_MS,
  followInitialMs: 100,
  followMaxMs: 300,
};

export interface EndedJob {
  id: string;
  status: string;
  code: string | null;
}

/** A world in which many accounts live at once, each with faults of its own. */
export interface Stage {
  world: World;
  faults: Faults;
  /** Operators' commands, with an operator's rights. */
  alta: AltaClient;
  refunds: ReturnType<typeof watchRefunds>;
  /** Accounts that were made here: the clusters are shared with other worlds. */
  mine: Set<string>;
  /** The newest job of an account once it is in one of these states. One look serves everybody who waits. */
  job(accountId: string, ...states: string[]): Promise<EndedJob>;
  /** What a person does for a subject: again, while the answer is one that asks for it. */
  insist<T>(subject: string, act: () => Promise<T>): Promise<T>;
  /** An order at the front door, of an account that this stage knows. */
  checkout(...options: Parameters<World['checkout']>): Promise<PlacedOrder>;
  close(): Promise<void>;
}

/** Opens a stage. Rows of the outbox that wait by their back-off are brought forward all the time. */
export async function openStage(): Promise<Stage> {
  const known: { world?: World } = {};
  const faults = installFaults({ whose: attribution(() => known.world!), delayMs: DELAY_MS, hangMs: HANG_MS });
  const opened = await startWorld({
    // More tries than in the other worlds: one run may meet several faults.
    policy: { stepTimeoutMs: STEP_MS, retryAttempts: 12, refundOnFailure: 'always' },
    env: {
      RELAY_LEASE_SECONDS: '10',
      ALTA_STOREFRONT: 'true',
      ALTA_CREDENTIALS_POLICY: JSON.stringify(QUICK_CREDENTIALS),
      ALTA_REFUND_POLICY: JSON.stringify(QUICK_REFUNDS),
    },
    mercadoPago: { webhookTimeoutMs: 2_000, webhookRetryTimeoutMs: 2_000 },
    front: knowingSubject,
    ratePerMinute: 1_000_000,
  });
  known.world = opened;
  const operatorDb: AdminDb = createAdminDb(opened.database.url, { role: 'operator' });
  const alta = createAltaClient({ db: operatorDb, temporal: opened.temporal, config: opened.config });
  // Refunds take their time, so that following one is part of every refund.
  await opened.simulator.control.setRefundStatus('in_process');
  const mine = new Set<string>();
  const jobs = new Map<string, EndedJob>();
  const waiting = new Map<string, number>();
  const ending = new AbortController();

  const look = async (): Promise<void> => {
    await opened.sql(`update outbox set next_attempt_at = now() where status = 'pending' and next_attempt_at > now()`);
    if (waiting.size === 0) return;
    const rows = await opened.sql<EndedJob & { account_id: string }>(
      `select distinct on (account_id) account_id, id, status, error_code as code from provisioning_jobs
       where account_id = any($1::uuid[]) order by account_id, attempt desc`,
      [[...waiting.keys()]],
    );
    for (const { account_id: accountId, ...job } of rows) jobs.set(accountId, job);
  };
  const looking = (async () => {
    while (!ending.signal.aborted) {
      await look();
      await pause(LOOK_MS, undefined, { signal: ending.signal }).catch(() => undefined);
    }
  })();

  return {
    world: opened,
    faults,
    alta,
    refunds: watchRefunds(opened, alta),
    mine,
    async job(accountId, ...states) {
      waiting.set(accountId, (waiting.get(accountId) ?? 0) + 1);
      jobs.delete(accountId);
      try {
        return await eventually(
          () => {
            const job = jobs.get(accountId);
            if (job === undefined || !states.includes(job.status)) throw new Error(`job: ${JSON.stringify(job)}`);
            return job;
          },
          `a job of ${accountId} in ${states.join('|')}`,
          LIMIT_MS,
        );
      } finally {
        const left = (waiting.get(accountId) ?? 1) - 1;
        if (left === 0) waiting.delete(accountId);
        else waiting.set(accountId, left);
      }
    },
    insist: async (subject, act) => {
      for (let tries = 1; ; tries += 1) {
        try {
          return await asSubject(subject, act);
        } catch (error) {
          // Everything but a refusal that nobody injected asks to be tried again; faults strike a bounded number of times.
          if (!(isAltaError(error) && AGAIN.has(error.code)) || tries >= 20) throw error;
          await pause(LOOK_MS);
        }
      }
    },
    async checkout(...options) {
      // No fault is put yet: on a busy machine the front door may ask for patience all the same.
      const order = await eventually(() => opened.checkout(...options), 'an order', LIMIT_MS);
      mine.add(order.accountId);
      return order;
    },
    async close() {
      ending.abort();
      await looking;
      faults.clear();
      faults.remove();
      await operatorDb.close();
      await opened.close();
    },
  };
}

/** Answers after which a person tries again. */
const AGAIN: ReadonlySet<string> = new Set([
  'INTERNAL',
  'TEMPORAL_UNAVAILABLE',
  'ADMIN_DB_UNAVAILABLE',
  'MP_UNAVAILABLE',
  'CLUSTER_UNREACHABLE',
]);
