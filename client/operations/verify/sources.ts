import type { Client } from '@temporalio/client';
import type { AdminDb } from '../../../adapters/admin-db/index.ts';
import type { ClusterRouter } from '../../../adapters/cluster/index.ts';
import type { Config } from '../../../adapters/config.ts';
import type { MercadoPago } from '../../../adapters/mercadopago/index.ts';
import { isAltaError } from '../../../contract/errors.ts';
import type { Violation } from './laws.ts';

/** Everything that the oracle reads. What is left out is not looked at. */
export interface VerifyDeps {
  /** With the worker's rights: only a worker opens the clusters' keys. */
  db: AdminDb;
  clusters: ClusterRouter;
  /** Opens payloads when it has their keys; needs `config` beside it, which names the installation's queues. */
  temporal?: Client;
  config?: Pick<Config, 'ALTA_QUEUE_PREFIX'>;
  /** Reads only. */
  mp?: Pick<MercadoPago, 'searchPayments' | 'getPayment' | 'listRefunds'>;
}

export interface VerifyOptions {
  /** How long an event may be on its way, a payment without its store, or a job without a word, seconds. */
  lateSeconds?: number;
  /** Rows of each kind that are told of, and single things that are read again to be sure, at most. */
  limit?: number;
  /** Open runs that are looked at, at most. */
  runs?: number;
  /** Newest runs whose whole history is read and searched for secrets; 0 for none, because each is a call or more. */
  histories?: number;
  /** How far back Mercado Pago's payments are read, days, and how many at most. */
  paymentDays?: number;
  payments?: number;
  /** Whether pictures that belong to no account at all are told of: not on clusters that serve others beside this Admin DB. */
  foreignObjects?: boolean;
}

/** What was looked at beside Admin DB and clusters. */
export interface SourceLook {
  source: 'temporal' | 'histories' | 'mercado-pago';
  /** Runs, histories or payments that were read. */
  looked: number;
  /** False: there is more than the options let it read. */
  complete: boolean;
  /** Why it could not be read (to the end); null when it could. */
  code: string | null;
}

/** One source's part of the oracle's answer. */
export interface Findings {
  look: SourceLook;
  violations: Violation[];
}

/** Reads one source. Its own failure is told in the look, beside what was found until then; what is not its failure is thrown. */
export async function lookAt(source: SourceLook['source'], read: (findings: Findings) => Promise<void>): Promise<Findings> {
  const findings: Findings = { look: { source, looked: 0, complete: true, code: null }, violations: [] };
  try {
    await read(findings);
  } catch (error) {
    if (!isAltaError(error)) throw error;
    findings.look.code = error.code;
    findings.look.complete = false;
  }
  return findings;
}
