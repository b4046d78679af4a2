import { adminDbAnswers, readinessOf, serveProbes, temporalAnswers } from '../../adapters/probes.ts';
import type { ProbeServer, Readiness, TemporalLine } from '../../adapters/probes.ts';
import type { AdminDb } from '../../adapters/admin-db/index.ts';
import type { Pump } from './pump.ts';

/**
 * Longest time without a finished round, ms. Above every time limit of a round: five seconds between tries and of a lock, ten of a
 * statement; a delivery's own are its calls', ten seconds each.
 */
const STALLED_MS = 60_000;

export interface RelayProbeParts {
  db: AdminDb;
  /** The connection that deliveries use. */
  connection: TemporalLine;
  relay: Pick<Pump, 'quietMs'>;
  stalledMs?: number;
}

/** The relay's probes (`adapters/probes.ts`). */
export const startRelayProbes = (parts: RelayProbeParts, address: { host?: string; port: number }): Promise<ProbeServer> =>
  serveProbes(() => relayReadiness(parts), address);

/**
 * Whether the relay can deliver now: the Admin DB and Temporal answer, and the outbox was read, or a delivery ended, a short while ago
 * (P-611). Mercado Pago is not asked: its being away is pushback, with which the relay lives. Never throws.
 */
export const relayReadiness = ({ db, connection, relay, stalledMs = STALLED_MS }: RelayProbeParts): Promise<Readiness> =>
  readinessOf([
    adminDbAnswers(db),
    temporalAnswers(connection),
    () => {
      const quiet = relay.quietMs();
      if (quiet === null) return 'the relay does not run';
      return quiet <= stalledMs ? null : `the outbox was last read ${Math.round(quiet / 1_000)} s ago`;
    },
  ]);
