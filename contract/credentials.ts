import { z } from 'zod';

/** How an account's Mercado Pago consent stands; the migration of `mp_connections` says what each means. */
export const CONNECTION_STATES = ['connected', 'reauth_required', 'revoked'] as const;
export type ConnectionState = (typeof CONNECTION_STATES)[number];

/**
 * What can be done about a consent:
 * - `connect`: turn the code that the seller brought into tokens;
 * - `refresh`: rotate the tokens, whether it is due or an operator wants it;
 * - `check`: look whether Mercado Pago still honours them;
 * - `revoke`: take them out of the Admin DB and off the cluster;
 * - `resync`: write them to the cluster once more, which lost them.
 */
export const CREDENTIAL_TASKS = ['connect', 'refresh', 'check', 'revoke', 'resync'] as const;
export type CredentialTask = (typeof CREDENTIAL_TASKS)[number];

/** How such a run behaves on trouble. It travels in the input, so that a run keeps the rules it began with. */
export const credentialsPolicySchema = z.strictObject({
  /** First and longest wait between tries that reached nobody, ms. */
  retryInitialMs: z.int().positive().default(10_000),
  retryMaxMs: z.int().positive().default(900_000),
  /** Tries of a token call that reached nobody (the next sweep begins anew), and of the mail to the owner. */
  retryAttempts: z.int().positive().default(8),
  /** Time limit of one token call with the storing of its answer, ms: the Admin DB may be away when the answer comes. */
  tokenCallMs: z.int().positive().default(300_000),
  /** A worker that shows no sign of life for so long during a token call is given up, ms. */
  heartbeatMs: z.int().positive().default(15_000),
});
export type CredentialsPolicy = z.infer<typeof credentialsPolicySchema>;

/** Input of the credentials workflow: ids only (law 9). */
export const credentialsInputSchema = z.strictObject({
  accountId: z.uuid(),
  task: z.enum(CREDENTIAL_TASKS),
  authorizationId: z.uuid().nullable(),
  policy: credentialsPolicySchema.prefault({}),
});
export type CredentialsInput = z.infer<typeof credentialsInputSchema>;

/**
 * How one token call ended:
 * - `stored`: the new tokens stand in the Admin DB, and the store is told;
 * - `refused`: Mercado Pago refuses the code or the refresh token for good: it is used up, expired or taken back;
 * - `unsent`: nothing was used up, so that it may be tried again;
 * - `unknown`: it may have arrived;
 * - `superseded`: somebody else stored or ended the consent meanwhile, and nothing was written.
 */
export type TokenCallOutcome = 'stored' | 'refused' | 'unsent' | 'unknown' | 'superseded';

export interface TokenCallResult {
  outcome: TokenCallOutcome;
  /** A code of the error table, and why; null for `stored` and `superseded`. */
  code: string | null;
  message: string | null;
}

/** What a run ends with. `unchanged`: nothing was due, or Mercado Pago could not be reached and the next sweep tries again. */
export interface CredentialsResult {
  outcome: 'connected' | 'refreshed' | 'unchanged' | 'reauth_required' | 'revoked' | 'refused';
  code: string | null;
  message: string | null;
}

/** The answer of the query `credentials`. */
export interface CredentialsProgress {
  task: CredentialTask;
  accountId: string;
  /** What it does at this moment, for people. */
  doing: string;
}
export const QUERY_CREDENTIALS = 'credentials';
