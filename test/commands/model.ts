/**
 * The reference model: what a customer and an operator may expect of Alta, written from design.md and the requirements. It knows nothing of
 * how Alta does it; it is told what people did, and says what has to stand once everything is quiet.
 */
export const PLANS = ['starter', 'growth', 'enterprise'] as const;
export type Plan = (typeof PLANS)[number];
/** Why a store may not run; it runs when none is left. */
export type Stop = 'pause' | 'operator' | 'past_due' | 'cancel';
export type Consent = 'none' | 'connected' | 'reauth_required' | 'revoked';
export type Kind = 'worker' | 'relay' | 'api';

export interface Payment {
  /** Its number among all payments of the run. */
  no: number;
  /** Whether it is what the order asks for. */
  right: boolean;
  state: 'pending' | 'approved' | 'rejected' | 'returned';
}

export interface Account {
  /** Its number among all accounts of the run. */
  no: number;
  payments: Payment[];
  /** Whether the store was seen; a store that was seen stands for ever (law 7). */
  stands: boolean;
  /** Whether its money went back, or may have, while its store was being made. */
  wavering: boolean;
  /** Whether an operator called its onboarding off; `maybe` when nobody knows which was first, the call or the pivot. */
  calledOff: 'no' | 'maybe' | 'yes';
  /** What an operator asked for since the last rest. */
  asked: number;
  plan: Plan;
  name: string;
  headline: string | null;
  extraStaff: number;
  stops: Set<Stop>;
  deleted: boolean;
  /** Whether an operator approved it. */
  approved: boolean;
  held: boolean;
  consent: Consent;
  /** Whether its last token call may have been cut off, so that the seller has to agree again. */
  tokenCall: boolean;
  /** Whether the seller agreed at Mercado Pago, so that the tokens are good there. */
  genuine: boolean;
}

export interface Model {
  accounts: Account[];
  payments: number;
  running: Record<Kind, number>;
  clusters: ('up' | 'down' | 'slow')[];
  mercadoPago: 'up' | 'away';
  paused: boolean;
  /** How often each ring of keys was rotated. */
  rotated: { vault: number; codec: number };
  /** Whether a worker was killed, or Mercado Pago was away or not heard, since the last rest: a token call may have been cut off. */
  disturbed: boolean;
}

export const newModel = (clusters: number): Model => ({
  accounts: [],
  payments: 0,
  running: { worker: 1, relay: 1, api: 1 },
  clusters: Array.from({ length: clusters }, () => 'up'),
  mercadoPago: 'up',
  paused: false,
  rotated: { vault: 0, codec: 0 },
  disturbed: false,
});

export const newAccount = (no: number, connected: boolean, name: string): Account => ({
  no,
  payments: [],
  stands: false,
  wavering: false,
  calledOff: 'no',
  asked: 0,
  plan: 'growth',
  name,
  headline: null,
  extraStaff: 0,
  stops: new Set(),
  deleted: false,
  approved: false,
  held: false,
  consent: connected ? 'connected' : 'none',
  tokenCall: false,
  genuine: false,
});

/** The payments that may buy the store, and are here. */
export const bought = ({ payments }: Account): Payment[] => payments.filter(({ right, state }) => right && state === 'approved');

/** Whether money that bought something has gone back, and none is left. */
export const paidBack = (account: Account): boolean =>
  bought(account).length === 0 && account.payments.some(({ right, state }) => right && state === 'returned');

/** What may have come of the order once everything is quiet. More than one end only where two people were at it at once. */
export function ends(account: Account): ('store' | 'none')[] {
  if (account.stands) return ['store'];
  if (account.calledOff !== 'no') return account.calledOff === 'yes' ? ['none'] : ['none', 'store'];
  if (bought(account).length > 0) return ['store'];
  return account.wavering ? ['none', 'store'] : ['none'];
}

/** Whether there is, or surely will be, a store that an operator can do something with. */
export const hasStore = (account: Account): boolean => ends(account).join() === 'store';

/** The account's status, as the diagram of its life says. */
export function statusOf({ deleted, stops, approved, held }: Account): string[] {
  if (deleted) return ['deleted'];
  if (stops.has('cancel')) return ['cancelled'];
  if (stops.size > 0) return ['suspended'];
  if (!approved) return ['provisioned'];
  // An approval is shown by the cluster first, which a held account is not written to.
  return held ? ['approved', 'live'] : ['live'];
}

/** How its consent may stand. */
export const consentsOf = ({ consent, tokenCall }: Account, { disturbed }: Model): Consent[] =>
  tokenCall && disturbed ? [consent, 'reauth_required'] : [consent];

export const isOpen = ({ deleted, stops }: Account): boolean => !deleted && stops.size === 0;

/** One of those that it can be about. */
export const choose = <T>(list: readonly T[], n: number): T | undefined => list[n % Math.max(1, list.length)];
