import { z } from 'zod';
import type { SuspensionReason } from './account-events.ts';
import type { StoreState } from './account-machine.ts';

/** Who suspends, resumes and deletes by due date; what an operator did is never taken back by it. */
export const DUNNING_ACTOR = 'alta:dunning';

/** What follows a due date, and when (ALTA_DUNNING_POLICY). */
export const dunningPolicySchema = z.strictObject({
  /** Days from the due date until the store is suspended. */
  graceDays: z.number().nonnegative().max(365).default(7),
  /** Days that a store is suspended for an unpaid due date, or cancelled, before it is exported and deleted; null: never by itself. */
  deleteAfterDays: z.number().positive().max(3_650).nullable().default(null),
});
export type DunningPolicy = z.infer<typeof dunningPolicySchema>;

/** What a due date brings: a mail, a suspension, the end of that suspension once it is paid, a deletion after its export. */
export type DueStep = 'remind' | 'suspend' | 'resume' | 'delete';

/** What the due dates of an account are computed from. Times are ISO 8601 in UTC. */
export interface DueFacts {
  status: StoreState;
  reasons: readonly { reason: SuspensionReason; actor: string; since: string }[];
  trialEndsAt: string | null;
  paidUntil: string | null;
  /** Steps that were taken for the dates as they stand; none is taken twice, also when an operator undid it. */
  done: readonly DueStep[];
}

/** A step to come: when it is due, and the date that it hangs on, by which it is known. */
export interface Transition {
  step: DueStep;
  at: string;
  anchor: string;
}

const DAY_MS = 86_400_000;
const plusDays = (iso: string, days: number): string => new Date(Date.parse(iso) + days * DAY_MS).toISOString();
const later = (a: string | null, b: string | null): string | null => (a === null || b === null ? (a ?? b) : a > b ? a : b);

/** The date by which the store has to be paid: the later of the trial's end and what is paid for; null when nothing is ever due. */
export const dueAt = ({ trialEndsAt, paidUntil }: Pick<DueFacts, 'trialEndsAt' | 'paidUntil'>): string | null =>
  later(trialEndsAt, paidUntil);

/** What hangs on what: a deletion of a cancelled account on its cancellation, the end of a suspension on its beginning, else the due date. */
export function anchorOf(step: DueStep, facts: Omit<DueFacts, 'done'>): string | null {
  const since = (reason: SuspensionReason, actor?: string): string | null =>
    facts.reasons.find((r) => r.reason === reason && (actor === undefined || r.actor === actor))?.since ?? null;
  if (step === 'resume') return since('past_due', DUNNING_ACTOR);
  if (step === 'delete' && facts.status === 'cancelled') return since('cancel');
  return dueAt(facts);
}

/**
 * The steps to come, soonest first, computed from the dates and now, never from when it was last looked at: what should have happened
 * while nobody looked is due at once. Pure.
 */
export function transitions(facts: DueFacts, policy: DunningPolicy, now: Date): Transition[] {
  if (facts.status === 'deleted') return [];
  const found: Transition[] = [];
  const add = (step: DueStep, at: string): void => {
    const anchor = anchorOf(step, facts);
    if (anchor !== null && !facts.done.includes(step)) found.push({ step, at, anchor });
  };
  const due = dueAt(facts);
  const { deleteAfterDays } = policy;
  if (facts.status === 'cancelled') {
    const since = anchorOf('delete', facts);
    if (since !== null && deleteAfterDays !== null) add('delete', plusDays(since, deleteAfterDays));
    return found;
  }
  const suspended = anchorOf('resume', facts);
  const paid = due === null || due > now.toISOString();
  if (suspended !== null && paid) add('resume', suspended);
  if (due === null) return found;
  const suspendAt = plusDays(due, policy.graceDays);
  const stands = facts.reasons.some(({ reason }) => reason === 'past_due');
  if (!stands) add('remind', due);
  if (!stands) add('suspend', suspendAt);
  // An operator who let the store run again decided that it stays.
  const stopped = (suspended !== null && !paid) || found.some(({ step }) => step === 'suspend');
  if (stopped && deleteAfterDays !== null) add('delete', plusDays(later(suspendAt, suspended) ?? suspendAt, deleteAfterDays));
  return found.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
}

/** The steps that are due by now. */
export const dueSteps = (facts: DueFacts, policy: DunningPolicy, now: Date): Transition[] =>
  transitions(facts, policy, now).filter(({ at }) => Date.parse(at) <= now.getTime());

/** The next step as the account's workflow waits for it: `inMs` from now by the clock of the worker, 0 when it is due. */
export interface NextDue {
  step: DueStep;
  at: string;
  inMs: number;
}

export function nextDue(facts: DueFacts, policy: DunningPolicy, now: Date): NextDue | null {
  const [next] = transitions(facts, policy, now);
  return next === undefined ? null : { step: next.step, at: next.at, inMs: Math.max(0, Date.parse(next.at) - now.getTime()) };
}
