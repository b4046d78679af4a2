import { condition, continueAsNew, log, proxyActivities, setHandler, workflowInfo } from '@temporalio/workflow';
import type { Activities } from '../../../activities/index.ts';
import { accountEventSchema, type AccountState, type Aspect } from '../../../contract/account.ts';
import { failureOf } from '../../../workflows/failure.ts';
import { accountEvent, accountState } from '../../../workflows/messages.ts';

/** Event keys that are remembered; older repeats are harmless, because an apply reads the account as it is now (law 4). */
const SEEN_KEYS = 500;
/** Signals after which a run continues as new, far below the server's 10,000. */
const SIGNALS_PER_RUN = 1_000;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;

const { 'apply-aspects': applyAspects } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 5 },
  summary: 'bring the store to the account as it is now',
});

/** The account workflow as it was before `account-under-fire`: runs of it are still open when today's code comes. */
export async function account(accountId: string, carried?: AccountState): Promise<void> {
  const state = (carried ?? { accountId, dirty: {}, applied: {}, seen: [], bad: { count: 0, last: null }, failing: null }) as AccountState;
  let signals = 0;
  let woken = false;

  setHandler(accountState, () => state);
  setHandler(accountEvent, (raw) => {
    signals += 1;
    const parsed = accountEventSchema.safeParse(raw);
    if (!parsed.success) {
      state.bad = { count: state.bad.count + 1, last: parsed.error.issues[0]?.message ?? 'unreadable' };
      return;
    }
    const { eventKey, version, aspects } = parsed.data;
    if (state.seen.includes(eventKey)) return;
    state.seen.push(eventKey);
    if (state.seen.length > SEEN_KEYS) state.seen.shift();
    for (const aspect of aspects) {
      if (version > (state.applied[aspect] ?? 0)) state.dirty[aspect] = Math.max(version, state.dirty[aspect] ?? 0);
    }
    woken = true;
  });

  let wait = FIRST_WAIT_MS;
  for (;;) {
    const full = (): boolean => signals >= SIGNALS_PER_RUN || workflowInfo().continueAsNewSuggested;
    await condition(() => Object.keys(state.dirty).length > 0 || full());
    if (full()) await continueAsNew<typeof account>(accountId, state);
    try {
      const version = (await applyAspects({ accountId, aspects: Object.keys(state.dirty) as Aspect[] })) as number;
      for (const aspect of Object.keys(state.dirty) as Aspect[]) {
        state.applied[aspect] = Math.max(version, state.applied[aspect] ?? 0);
        // An event that came during the apply may name a newer version than was read: that aspect stays dirty.
        if ((state.dirty[aspect] ?? 0) <= version) delete state.dirty[aspect];
      }
      state.failing = null;
      wait = FIRST_WAIT_MS;
    } catch (error) {
      const failure = failureOf(error);
      state.failing = { ...failure, attempts: (state.failing?.attempts ?? 0) + 1 };
      log.warn('the store could not be brought up to date', { code: failure.code, attempts: state.failing.attempts });
      woken = false;
      await condition(() => woken, wait);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }
}
