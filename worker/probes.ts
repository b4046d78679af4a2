import type { Worker } from '@temporalio/worker';
import type { AdminDb } from '../adapters/admin-db/index.ts';
import { listClusters } from '../adapters/admin-db/index.ts';
import { inTime, NO_ADMIN_DB, readinessOf, serveProbes, temporalAnswers } from '../adapters/probes.ts';
import type { ProbeServer, Readiness, TemporalLine } from '../adapters/probes.ts';

/** What readiness is read from. */
export interface ProbeParts {
  workers: readonly Worker[];
  db: AdminDb;
  /** The connection that the workers poll on. */
  connection: TemporalLine;
}

export interface WorkerReadiness extends Readiness {
  /** Each worker's state and its activities in flight: how far a shutdown has come. */
  workers: { queue: string; state: string; activities: number }[];
  clusters: { clusterId: string; active: boolean; status: string }[];
}

/** The worker's probes (`adapters/probes.ts`). */
export const startProbes = (parts: ProbeParts, address: { host?: string; port: number }): Promise<ProbeServer> =>
  serveProbes(() => readiness(parts), address);

/**
 * Whether the worker can take work now: every worker runs, Temporal and the Admin DB answer and at least one active cluster is
 * registered (P-508, P-611); during a shutdown it is not ready. Never throws: what cannot be asked is a reason.
 */
export async function readiness({ workers, db, connection }: ProbeParts): Promise<WorkerReadiness> {
  const states = workers.map((worker) => ({
    queue: worker.options.taskQueue,
    state: worker.getState(),
    activities: worker.getStatus().numInFlightActivities,
  }));
  const idle = states.find(({ state }) => state !== 'RUNNING');
  const listed = inTime(
    listClusters(db).catch(() => undefined),
    undefined,
  );
  const found = await readinessOf([
    () => (idle === undefined ? null : `worker of ${idle.queue} is ${idle.state}`),
    temporalAnswers(connection),
    async () => ((await listed) === undefined ? NO_ADMIN_DB : null),
    async () =>
      (await listed)?.some(({ isActive }) => isActive) === true ? null : 'no active cluster is registered: add one with `alta clusters`',
  ]);
  const clusters = (await listed) ?? [];
  return {
    ...found,
    workers: states,
    clusters: clusters.map(({ clusterId, isActive, status }) => ({ clusterId, active: isActive, status })),
  };
}
