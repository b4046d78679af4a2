import type { Client } from '@temporalio/client';
import type { AdminDb, OutboxRow, Settlement } from '../../adapters/admin-db/index.ts';
import type { Config } from '../../adapters/config.ts';
import type { Logger } from '../../adapters/log.ts';
import type { RelayMetrics } from '../../adapters/metrics/index.ts';
import type { MercadoPago } from '../../adapters/mercadopago/index.ts';

export interface RelayDeps {
  db: AdminDb;
  mp: MercadoPago;
  temporal: Client;
  config: Config;
  log: Logger;
  /** Nothing is counted when left out. */
  relayMetrics?: RelayMetrics;
}

/** What a delivery came to; `inbox` is what the notification behind it is settled with, together with the row. */
export interface Delivered {
  inbox?: { inboxId: string; settlement: Settlement };
}

/** Delivers one claimed row, again and again if need be: it is idempotent. What it throws decides between retry and dead letter. */
export type Deliver = (deps: RelayDeps, row: OutboxRow) => Promise<Delivered>;
