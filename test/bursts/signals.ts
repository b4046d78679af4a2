import type { AdminDb } from '../../adapters/admin-db/index.ts';
import { accountRun } from '../../adapters/temporal/index.ts';
import { isPushback } from '../../client/index.ts';
import { SIGNAL_ACCOUNT_EVENT, type AccountEvent, type AccountState } from '../../contract/account.ts';
import { ACCOUNT_WORKFLOW } from '../../contract/ids.ts';
import { readStore } from '../../adapters/cluster/index.ts';
import { waitUntil } from '../../local/wait.ts';
import { onGround, openStores, violationsOf, type Ground } from './ground.ts';

/**
 * Far below the defaults (10,000 signals, 4,096 events, 100 buffered): all three edges are reached. The account continues as new after
 * 500 signals by itself, so the server's limit is met only where its tasks fail.
 */
const LIMITS = {
  'history.maximumSignalsPerExecution': 600,
  'limit.historyCount.suggestContinueAsNew': 900,
  'history.maximumBufferedEventsBatch': 20,
};
const SIGNALS = 10_000;
const SENDERS = 50;
const CHANGES_AT_ONCE = 300;

export interface SignalsBurst {
  signals: number;
  /** Signals that Temporal did not take at once and that were sent again. */
  refused: number;
  /** Runs of the account's workflow. */
  runs: number;
  applies: number;
  parked: number;
  ms: number;
  violations: number;
}

/** 10,000 signals to one account, 50 at a time, with the server's limits lowered: the newest version is on its cluster, nothing is lost. */
export const burstOfSignals = (note: (text: string) => void): Promise<SignalsBurst> =>
  onGround(note, { dynamicConfig: LIMITS, clusterIds: ['cluster-a'] }, async (ground) => {
    const { deps, db } = ground;
    const [accountId = ''] = await openStores(ground, 1);
    const from = await raise(ground, accountId, SIGNALS);
    const workflow = accountRun(accountId, deps.config.ALTA_QUEUE_PREFIX);
    const events = Array.from({ length: SIGNALS }, (_, n): AccountEvent => ({
      eventKey: `burst-${String(n)}`,
      type: 'account.updated',
      version: from + n + 1,
      aspects: ['client'],
    }));
    let refused = 0;
    const began = performance.now();
    const send = async (): Promise<void> => {
      for (let event = events.pop(); event !== undefined; event = events.pop()) {
        try {
          await deps.temporal.workflow.signalWithStart(ACCOUNT_WORKFLOW, {
            ...workflow,
            signal: SIGNAL_ACCOUNT_EVENT,
            signalArgs: [event],
          });
        } catch (error) {
          if (!isPushback(error)) throw error;
          refused += 1;
          events.push(event);
        }
      }
    };
    await Promise.all(Array.from({ length: SENDERS }, send));
    note(`sent in ${String(Math.round(performance.now() - began))} ms, ${String(refused)} sent again`);
    const handle = deps.temporal.workflow.getHandle(workflow.workflowId);
    let state: AccountState | undefined;
    await waitUntil(
      'an account with nothing left to do',
      async () => {
        state = await handle.query<AccountState>('state').catch(() => undefined);
        return state !== undefined && state.received >= SIGNALS && Object.keys(state.dirty).length === 0;
      },
      { everyMs: 500, timeoutMs: 600_000 },
    );
    const ms = performance.now() - began;
    const wanted = await versionOf(db, accountId);
    const store = await readStore(await deps.clusters.get(ground.stack.clusters[0]?.clusterId ?? ''), accountId);
    if (store?.client.sync_version !== wanted || wanted !== from + SIGNALS)
      throw new Error(`the cluster holds version ${String(store?.client.sync_version)}, not ${String(from + SIGNALS)}`);
    let runs = 0;
    for await (const run of deps.temporal.workflow.list({ query: `WorkflowId = '${workflow.workflowId}'` }))
      runs += run.runId === '' ? 0 : 1;
    return {
      signals: SIGNALS,
      refused,
      runs,
      applies: state?.applies ?? 0,
      parked: state?.bad.count ?? 0,
      ms,
      violations: (await violationsOf(ground)).length,
    };
  });

/** Raises an account's version so often, as so many changes do; returns the version before. */
async function raise({ db }: Ground, accountId: string, times: number): Promise<number> {
  const before = await versionOf(db, accountId);
  // Many changes of one row in one transaction are slow for PostgreSQL.
  for (let done = 0; done < times; done += CHANGES_AT_ONCE) {
    const some = Math.min(CHANGES_AT_ONCE, times - done);
    await db.pool.query(
      `do $$ begin for i in 1..${String(some)} loop update nv_accounts set version = version + 1 where id = '${accountId}'; end loop; end $$`,
    );
  }
  return before;
}

async function versionOf(db: AdminDb, accountId: string): Promise<number> {
  const [account] = await db.query<{ version: string }>({
    name: 'burst.version',
    text: 'select version from nv_accounts where id = $1',
    values: [accountId],
  });
  return Number(account?.version);
}
