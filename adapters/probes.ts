import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { AdminDb } from './admin-db/index.ts';
import { effect } from './effect.ts';

/** Longest wait for an answer to a probe, ms; below the patience of the one that asks. */
export const PROBE_ANSWERS_IN_MS = 2_000;

/** Whether a process can do its work now. */
export interface Readiness {
  ready: boolean;
  /** Why not, in words; null when ready. */
  reason: string | null;
}

/** Asks one thing that the process leans on: null when it is well, else the reason. Never throws. */
export type Check = () => string | null | Promise<string | null>;

/** A connection to Temporal, of a client or a worker. */
export interface TemporalLine {
  workflowService: { getSystemInfo(request: object): Promise<unknown> };
  withDeadline<T>(deadline: number, act: () => Promise<T>): Promise<T>;
}

/** `look`'s answer, or `late` after `withinMs`: whoever probes gives up soon, and learns nothing from silence. */
export async function inTime<T, L>(look: Promise<T>, late: L, withinMs = PROBE_ANSWERS_IN_MS): Promise<T | L> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<L>((resolve) => (timer = setTimeout(() => resolve(late), withinMs)));
  try {
    return await Promise.race([look, limit]);
  } finally {
    clearTimeout(timer);
  }
}

/** Whether the Admin DB answers a statement, with the process' own pool: one that is used up is no better than none. */
export const adminDbAnswers =
  (db: AdminDb): Check =>
  () =>
    inTime(
      db.query({ name: 'admin-db.ready', text: 'select 1' }).then(
        () => null,
        () => NO_ADMIN_DB,
      ),
      NO_ADMIN_DB,
    );
export const NO_ADMIN_DB = 'the Admin DB does not answer';

/** Whether Temporal answers on the connection that the process works with. */
export const temporalAnswers =
  (line: TemporalLine): Check =>
  () =>
    inTime(
      effect('temporal.probe', () =>
        line.withDeadline(Date.now() + PROBE_ANSWERS_IN_MS, () => line.workflowService.getSystemInfo({})),
      ).then(
        () => null,
        () => NO_TEMPORAL,
      ),
      NO_TEMPORAL,
    );
const NO_TEMPORAL = 'Temporal does not answer';

/** Asks all at once. The reason is that of the first in the list that is not well, so that the order tells causes from effects. */
export async function readinessOf(checks: readonly Check[]): Promise<Readiness> {
  const reasons = await Promise.all(checks.map(async (check) => check()));
  const reason = reasons.find((one) => one !== null) ?? null;
  return { ready: reason === null, reason };
}

export interface ProbeServer {
  port: number;
  close(): Promise<void>;
}

/**
 * Serves the probes of a process that has no HTTP server of its own. `/livez` answers 200 while the event loop turns and asks nobody:
 * a restart of this process mends nothing that is broken elsewhere. `/readyz` answers 200 or 503 with what `look` found (P-611).
 */
export async function serveProbes(
  look: () => Promise<Readiness>,
  { host = '127.0.0.1', port }: { host?: string; port: number },
): Promise<ProbeServer> {
  const server = createServer((request, response) => {
    const answer = (status: number, body: object): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    if (request.url === '/livez') return answer(200, { live: true });
    if (request.url !== '/readyz') return answer(404, { code: 'NOT_FOUND' });
    void look().then((found) => answer(found.ready ? 200 : 503, found));
    return undefined;
  });
  server.requestTimeout = 5_000;
  server.headersTimeout = 5_000;
  await listen(server, host, port);
  return {
    port: (server.address() as AddressInfo).port,
    close: () => new Promise((resolve) => server.close(() => resolve()).closeAllConnections()),
  };
}

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
