import { z } from 'zod';

/** Parts of a store that are synced as a whole. */
export const ASPECTS = ['client', 'entitlements', 'settings', 'mp_credentials', 'assets'] as const;
export type Aspect = (typeof ASPECTS)[number];

export const SIGNAL_ACCOUNT_EVENT = 'account-event';
export const QUERY_ACCOUNT_STATE = 'state';

/** What an event tells the account workflow: which aspects changed and to which version; never the values (law 4). */
export const accountEventSchema = z.strictObject({
  eventKey: z.string().min(1).max(200),
  type: z.string().min(1).max(60),
  version: z.int().nonnegative(),
  aspects: z.array(z.enum(ASPECTS)),
});
export type AccountEvent = z.infer<typeof accountEventSchema>;

/** State of the account workflow: plain JSON, carried whole through continue-as-new (law 10). */
export interface AccountState {
  accountId: string;
  /** Newest version asked for, by aspect still to be applied. */
  dirty: Partial<Record<Aspect, number>>;
  /** Newest version applied, by aspect. */
  applied: Partial<Record<Aspect, number>>;
  /** Newest event keys, oldest first; bounded. */
  seen: string[];
  /** Messages that could not be read; counted and shown, never thrown. */
  bad: { count: number; last: string | null };
  /** Last failure of an apply, with the aspects it left dirty. */
  failing: { code: string; message: string; attempts: number } | null;
}
