import type { Worker } from '@temporalio/worker';
import { createServer, type Server } from 'node:http';
import type { AdminDb } from '../adapters/admin-db/index.ts';
import { listClusters } from '../adapters/admin-db/index.ts';

/**
 * Probes of the worker process: `/livez` answers while the event loop turns; `/readyz` answers 200 only while every worker
 * runs, the Admin DB answers and at least one active cluster is registered (P-508, P-611), else 503 with the reason.
 */
export async function startProbes(workers: readonly Worker[], db: AdminDb, port: number): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url === '/livez') return answer(200, { live: true });
    if (request.url !== '/readyz') return answer(404, { code: 'NOT_FOUND' });
    notReady(workers, db).then(
      (reason) => answer(reason === undefined ? 200 : 503, { ready: reason === undefined, reason }),
      () => answer(503, { ready: false, reason: 'the Admin DB does not answer' }),
    );
    return undefined;
  });
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const address = server.address();
  return { server, port: typeof address === 'object' && address ? address.port : port };
}

/** Why the process cannot take work now; undefined when it can. */
export async function notReady(workers: readonly Worker[], db: AdminDb): Promise<string | undefined> {
  const idle = workers.find((worker) => worker.getState() !== 'RUNNING');
  if (idle) return `worker of ${idle.options.taskQueue} is ${idle.getState()}`;
  const clusters = await listClusters(db);
  return clusters.some(({ isActive }) => isActive) ? undefined : 'no active cluster is registered: add one with `alta clusters`';
}
