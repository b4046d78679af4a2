import { ACCOUNT_DUE, accountEventSchema, PARKED_SHOWN, type AccountState, type Aspect } from '../contract/account.ts';

/** Event keys that are remembered; older repeats are harmless, because an apply reads the account as it is now (law 4). */
const SEEN_KEYS = 500;

/** Has the loop look at the due dates with its next turn, whatever it knew of them. */
function lookAtDueNow(state: AccountState): void {
  state.due = { step: state.due?.step ?? 'remind', at: state.due?.at ?? '', lookAt: 0 };
}

/** Puts a message that leads to nothing where an operator sees it. `why` never holds a value of the message. */
export function park(state: AccountState, why: string): void {
  state.bad = { count: state.bad.count + 1, last: why };
  state.parked.push({ at: new Date().toISOString(), why });
  if (state.parked.length > PARKED_SHOWN) state.parked.shift();
}

/**
 * Takes one signal in: marks what it dirties and remembers its key. Never throws (law 10). Returns whether it was news; a key that is
 * known is none.
 */
export function receive(state: AccountState, raw: unknown): boolean {
  state.received += 1;
  const parsed = accountEventSchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    park(state, `unreadable: ${issue?.path.join('.') || 'message'}: ${issue?.code ?? 'unknown'}`);
    return false;
  }
  const { eventKey, version, aspects, type } = parsed.data;
  if (state.seen.includes(eventKey)) return false;
  state.seen.push(eventKey);
  if (state.seen.length > SEEN_KEYS) state.seen.shift();
  markDirty(state, aspects, version);
  if (type === ACCOUNT_DUE) lookAtDueNow(state);
  return true;
}

/** Marks aspects as asked for at a version; what is applied at that version or a later one stays clean (a stale event). */
export function markDirty(state: AccountState, aspects: readonly Aspect[], version: number): void {
  for (const aspect of aspects) {
    if (version > (state.applied[aspect] ?? 0)) state.dirty[aspect] = Math.max(version, state.dirty[aspect] ?? 0);
  }
}

export const dirtyAspects = (state: AccountState): Aspect[] => Object.keys(state.dirty) as Aspect[];

/**
 * Notes what one apply did: `asked` is what was dirty when it began, `version` what it read. What was told meanwhile stays dirty. What
 * was asked for and is still ahead of what was read is of a version that the Admin DB does not have (it was restored, or somebody else
 * signalled): it is parked, since asking again would never end.
 */
export function noteApplied(state: AccountState, asked: AccountState['dirty'], version: number): void {
  state.applies += 1;
  const ahead: string[] = [];
  for (const aspect of Object.keys(asked) as Aspect[]) {
    state.applied[aspect] = Math.max(version, state.applied[aspect] ?? 0);
    const wanted = state.dirty[aspect] ?? 0;
    if (wanted <= version) delete state.dirty[aspect];
    else if (wanted === asked[aspect]) {
      ahead.push(`${aspect} ${String(wanted)}`);
      delete state.dirty[aspect];
    }
  }
  if (ahead.length > 0) park(state, `ahead of the Admin DB, which is at ${String(version)}: ${ahead.join(', ')}`);
}
