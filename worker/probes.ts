import type { NativeConnection, Worker } from '@temporalio/worker';
import { createServer, type Server } from 'node:http';
import type { AdminDb } from '../adapters/admin-db/index.ts';
import { listClusters } from '../adapters/admin-db/index.ts';
import { effect } from '../adapters/effect.ts';

/** Longest wait for Temporal's answer to a probe, ms; below the patience of the one that asks. */
const TEMPORAL_ANSWERS_IN_MS = 2_000;

/** What readiness is read from. */
export interface ProbeParts {
  workers: readonly Worker[];
  db: AdminDb;
  /** The connection that the workers poll on. */
  connection: Pick<NativeConnection, 'workflowService' | 'withDeadline'>;
}

export interface ProbeAddress {
  host?: string;
  port: number;
}

export interface Readiness {
  ready: boolean;
  /** Why not; null when ready. */
  reason: string | null;
  /** Each worker's state and its activities in flight: how far a shutdown has come. */
  workers: { queue: string; state: string; activities: number }[];
  clusters: { clusterId: string; active: boolean; status: string }[];
}

/**
 * Probes of the worker process. `/livez` answers while the event loop turns and asks nobody: restarting this process mends nothing
 * that is broken elsewhere. `/readyz` answers 200 only while every worker runs, Temporal and the Admin DB answer and at least one
 * active cluster is registered (P-508, P-611), else 503 with the reason; during a shutdown too.
 */
export async function startProbes(
  parts: ProbeParts,
  { host = '127.0.0.1', port }: ProbeAddress,
): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url === '/livez') return answer(200, { live: true });
    if (request.url !== '/readyz') return answer(404, { code: 'NOT_FOUND' });
    void readiness(parts).then((found) => answer(found.ready ? 200 : 503, found));
    return undefined;
  });
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : port };
}

/** Whether the process can take work now. Never throws: what cannot be asked is a reason. */
export async function readiness({ workers, db, connection }: ProbeParts): Promise<Readiness> {
  const states = workers.map((worker) => ({
    queue: worker.options.taskQueue,
    state: worker.getState(),
    activities: worker.getStatus().numInFlightActivities,
  }));
  const idle = states.find(({ state }) => state !== 'RUNNING');
  const [temporal, clusters] = await Promise.all([
    effect('temporal.probe', () =>
      connection.withDeadline(Date.now() + TEMPORAL_ANSWERS_IN_MS, () => connection.workflowService.getSystemInfo({})),
    ).then(
      () => undefined,
      () => 'Temporal does not answer',
    ),
    listClusters(db).catch(() => undefined),
  ]);
  const reason = idle
    ? `worker of ${idle.queue} is ${idle.state}`
    : (temporal ??
      (clusters === undefined
        ? 'the Admin DB does not answer'
        : clusters.some(({ isActive }) => isActive)
          ? null
          : 'no active cluster is registered: add one with `alta clusters`'));
  return {
    ready: reason === null,
    reason,
    workers: states,
    clusters: (clusters ?? []).map(({ clusterId, isActive, status }) => ({ clusterId, active: isActive, status })),
  };
}
