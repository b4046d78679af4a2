/** A payment as the API shows it, plus who may read it. */
export interface SimPayment {
  id: number;
  status: string;
  status_detail: string;
  transaction_amount: number;
  transaction_amount_refunded: number;
  currency_id: string;
  collector_id: number;
  external_reference: string | null;
  live_mode: boolean;
  date_created: string;
  date_approved: string | null;
  date_last_updated: string;
  operation_type: string;
  captured: boolean;
  payer: { id: string | null; email: string | null };
  order: { id: string; type: string };
  metadata: Record<string, unknown>;
  notification_url: string | null;
}

/** The user whose token reads a payment; a test may show another `collector_id` than that. */
export interface StoredPayment {
  owner: string;
  payment: SimPayment;
}

export interface SimPreference {
  id: string;
  collector_id: number;
  items: { title: string; quantity: number; unit_price: number; currency_id: string }[];
  external_reference: string | null;
  notification_url: string | null;
  back_urls: { success?: string };
  date_created: string;
}

export interface SimRefund {
  id: number;
  payment_id: number;
  amount: number;
  status: string;
  refund_mode: string;
  source: { id: string; name: string; type: string };
  date_created: string;
}

/** A seller's consent, usable once. */
export interface StoredCode {
  redirectUri: string;
  sellerId: string;
  codeChallenge?: string;
  codeChallengeMethod?: 'S256' | 'plain';
  expiresAt: number;
  used: boolean;
}

/** An access token, or a refresh token, which becomes invalid by its use. */
export interface StoredToken {
  name: string;
  userId: string;
  valid: boolean;
}

/** What the simulator remembers, by kind. */
export interface Tables {
  preference: SimPreference;
  payment: StoredPayment;
  refund: SimRefund;
  code: StoredCode;
  token: StoredToken;
  refresh: StoredToken;
  /** Answers by path and idempotency key. */
  idempotency: { body: unknown; answer: { status: number; body: unknown } };
}

/** The operations that faults and ledger entries name. */
export type Operation =
  | 'payment.get'
  | 'payment.search'
  | 'preference.create'
  | 'preference.get'
  | 'refund.create'
  | 'refund.get'
  | 'refund.list'
  | 'oauth.authorize'
  | 'oauth.token'
  | 'users.me'
  | 'checkout.page'
  | 'checkout.pay';

/**
 * How an operation goes wrong. `before` faults never act. `hang` answers nothing; `hang-body`, `cut` and `lost` act and then stop
 * half-way through the body, cut it, or drop the connection without a word.
 */
export type FaultKind =
  'status' | 'html' | 'not-json' | 'json' | 'redirect' | 'huge' | 'hang' | 'refuse' | 'delay' | 'hang-body' | 'cut' | 'lost';

export interface Fault {
  operation: Operation | '*';
  kind: FaultKind;
  /** How many of the next calls; 1 when left out. */
  count?: number;
  /** For `status`, `html`, `json`. */
  status?: number;
  retryAfterSeconds?: number;
  /** For `json`. */
  body?: unknown;
  /** For `redirect`. */
  location?: string;
  /** For `delay`, in ms. */
  ms?: number;
}

/** What the ledger holds. No token, code, secret or key value is ever in it but the caller's own idempotency key. */
export type LedgerFact =
  | {
      kind: 'call';
      operation: Operation;
      method: string;
      path: string;
      /** Null where no answer was given. */
      status: number | null;
      fault: FaultKind | null;
      idempotencyKey: string | null;
      /** The answer was that of an earlier call with the same key. */
      repeated: boolean;
    }
  | { kind: 'effect'; what: string; id: string; amount: number | null; reference: string | null }
  | {
      kind: 'webhook';
      paymentId: string;
      notificationId: string;
      requestId: string | null;
      /** 0 for the first sending. */
      attempt: number;
      /** Null where no answer came. */
      status: number | null;
      ms: number;
    };

export type LedgerEntry = LedgerFact & { seq: number; at: string };

export interface SimulatorOptions {
  port?: number;
  host?: string;
  /** Where payments are kept over restarts; left out, they are forgotten. */
  dataFile?: string;
  accessToken?: string;
  collectorId?: string;
  clientId?: string;
  clientSecret?: string;
  /** Signs webhooks. */
  webhookSecret?: string;
  liveMode?: boolean;
  /** Waits before each repeat of a webhook that was not answered with 200 or 201, in ms. */
  webhookRetryMs?: number[];
  /** How long the first sending waits for its answer, in ms; the documentation says 22 s, and 5 s for repeats. */
  webhookTimeoutMs?: number;
  webhookRetryTimeoutMs?: number;
}
export type Settings = Required<Omit<SimulatorOptions, 'dataFile'>>;

/** Thrown by a handler: an answer in the documented form of a refusal. */
export class Refused extends Error {
  readonly status: number;
  readonly error: string;
  readonly code: number | null;
  constructor(status: number, error: string, message: string, code: number | null = null) {
    super(message);
    this.status = status;
    this.error = error;
    this.code = code;
  }
}
