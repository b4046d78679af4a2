/** What each process is in the Admin DB: its role, its name there, and how long it waits (ms). */
export interface RoleLimits {
  role: string;
  applicationName: string;
  /** Connections at most. More concurrent work than this waits for one. */
  pool: number;
  connectMs: number;
  /** Of one statement, on the server; the client gives up two seconds later. */
  statementMs: number;
  lockMs: number;
  /** Further settings of the server, as `name=value`. */
  settings?: readonly string[];
}

/**
 * - intake: a webhook is answered with 503 in time for Mercado Pago to see it, which waits 5 s on its repeats.
 * - relay: one batch at a time; below the lease of a claimed row by far. Its statements are planned each time: a plan that was kept from an
 *   outbox with a few rows reads the whole table of one with a million, until somebody analyzes it.
 * - worker: below the 8 s and more that a step gets, and enough connections for its steps not to queue for long.
 * - operator: a person waits, and a report may be long.
 * - storefront: a buyer waits.
 * - keeper: re-sealing goes in small batches.
 */
export const ROLES = {
  intake: { role: 'alta_intake', applicationName: 'alta-api', pool: 10, connectMs: 2_000, statementMs: 3_000, lockMs: 2_000 },
  relay: {
    role: 'alta_relay',
    applicationName: 'alta-relay',
    pool: 10,
    connectMs: 5_000,
    statementMs: 10_000,
    lockMs: 5_000,
    settings: ['plan_cache_mode=force_custom_plan'],
  },
  worker: { role: 'alta_worker', applicationName: 'alta-worker', pool: 20, connectMs: 5_000, statementMs: 10_000, lockMs: 5_000 },
  operator: { role: 'alta_operator', applicationName: 'alta-cli', pool: 4, connectMs: 5_000, statementMs: 30_000, lockMs: 5_000 },
  storefront: {
    role: 'alta_storefront',
    applicationName: 'alta-storefront',
    pool: 10,
    connectMs: 2_000,
    statementMs: 3_000,
    lockMs: 2_000,
  },
  keeper: { role: 'alta_keeper', applicationName: 'alta-keys', pool: 2, connectMs: 5_000, statementMs: 30_000, lockMs: 5_000 },
} as const satisfies Record<string, RoleLimits>;

export type AdminDbRole = keyof typeof ROLES;
