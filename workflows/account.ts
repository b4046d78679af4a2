import {
  allHandlersFinished,
  condition,
  continueAsNew,
  log,
  patched,
  proxyActivities,
  setHandler,
  workflowInfo,
} from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import { beginState, type AccountState, type Aspect, type CarriedAccountState } from '../contract/account.ts';
import { command, refuseBadCommand } from './account-command.ts';
import { isDue, noteDue, settleDue, sleepOf } from './account-due.ts';
import { dirtyAspects, noteApplied, receive } from './account-inbox.ts';
import { failureOf } from './failure.ts';
import { accountCommand, accountEvent, accountState } from './messages.ts';

/**
 * When a run continues as new, far below the server's limits of 10,000 signals and 51,200 events: an account whose cluster is away
 * makes events without a signal. A short run is also read again quickly where a worker takes it over: under fire the server fails every
 * task during which a hundred signals came, and a run that takes longer than that to read would get no further. Tests start one with less.
 */
const LIMITS = { signals: 500, events: 3_000 };
/** Of runs from before `account-under-fire`. */
const SIGNALS_BEFORE = 1_000;
/** While events keep coming, one apply follows another no sooner than this, ms: a burst costs a few applies, not one an event. */
const BETWEEN_APPLIES_MS = 250;
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 300_000;
/** Failed applies, each of five tries, after which somebody has to look. */
const ALERT_AFTER = 2;

const { 'apply-aspects': applyAspects } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  retry: { initialInterval: '1 second', maximumInterval: '1 minute', maximumAttempts: 5 },
  summary: 'bring the store to the account as it is now',
});

/**
 * Keeps one store right: an event marks its aspects dirty, and one loop applies each dirty aspect once, at the newest version
 * (law 4). Signal handlers only enqueue (law 10); commands are Updates, which are answered once the store shows them. The run never
 * ends by itself and never fails on a bad message: it is parked in the state, counted and shown.
 *
 * It lives for years, so it moves to the current version of the workers with its next task, as the worker's default says, and every
 * change to this file is guarded by `patched`. Why it is not pinned: docs/rollout.md.
 */
export async function account(accountId: string, carried?: CarriedAccountState, limits: Partial<typeof LIMITS> = {}): Promise<void> {
  const state = beginState(accountId, carried);
  const underFire = patched('account-under-fire');
  let signals = 0;
  let woken = false;

  let commands = 0;
  const wake = (): void => void (woken = true);
  setHandler(accountState, () => state);
  setHandler(
    accountCommand,
    async (raw) => {
      commands += 1;
      try {
        return await command(state, raw, wake);
      } finally {
        commands -= 1;
      }
    },
    { validator: refuseBadCommand },
  );
  setHandler(accountEvent, (raw) => {
    signals += 1;
    if (receive(state, raw)) woken = true;
  });

  const most = underFire ? { ...LIMITS, ...limits } : { signals: SIGNALS_BEFORE, events: Number.POSITIVE_INFINITY };
  const full = (): boolean => {
    const { continueAsNewSuggested, historyLength } = workflowInfo();
    return signals >= most.signals || continueAsNewSuggested || historyLength >= most.events;
  };
  // A command that is under way gets its answer from this run; meanwhile the loop goes on working.
  const over = (): boolean => full() && commands === 0;
  let wait = FIRST_WAIT_MS;
  for (;;) {
    // Whether there is a timer hangs on what was told of due dates, so a history from before has none.
    const ready = (): boolean => (dirtyAspects(state).length > 0 && !state.held) || isDue(state) || over();
    const sleep = sleepOf(state);
    await (sleep === undefined || ready() ? condition(ready) : condition(ready, sleep));
    // A run from before this patch goes over to today's loop when next it has something to do.
    if (over() || (!underFire && commands === 0 && patched('account-moves-on'))) {
      await condition(allHandlersFinished);
      await continueAsNew<typeof account>(accountId, state, limits);
    }
    if (isDue(state)) await settleDue(state);
    if (dirtyAspects(state).length === 0 || state.held) continue;
    try {
      const asked = { ...state.dirty };
      const applied = await applyAspects({ accountId, aspects: Object.keys(asked) as Aspect[], tellDue: true });
      // A worker from before due dates answers the version alone.
      const version = typeof applied === 'number' ? applied : applied.version;
      if (typeof applied !== 'number') noteDue(state, applied.due);
      if (underFire) noteApplied(state, asked, version);
      else noteAsBefore(state, version);
      state.failing = null;
      wait = FIRST_WAIT_MS;
      if (underFire && dirtyAspects(state).length > 0) await condition(full, BETWEEN_APPLIES_MS);
    } catch (error) {
      const failure = failureOf(error);
      state.failing = { ...failure, attempts: (state.failing?.attempts ?? 0) + 1 };
      // Known to the Admin DB and not to this run, whose predecessor was lost.
      if (failure.code === 'ACCOUNT_HELD') state.held = true;
      const { attempts } = state.failing;
      const alert = attempts >= ALERT_AFTER ? { alert: 'store out of date' } : {};
      log.warn('the store could not be brought up to date', { accountId, code: failure.code, attempts, ...alert });
      woken = false;
      // News may mean that what failed was mended; in a burst they would only try a cluster that is away again and again.
      const [deaf, listening] = underFire ? [FIRST_WAIT_MS, wait - FIRST_WAIT_MS] : [0, wait];
      if (deaf > 0) await condition(full, deaf);
      if (listening > 0) await condition(() => woken || (underFire && full()), listening);
      wait = Math.min(wait * 2, LONGEST_WAIT_MS);
    }
  }
}

/** What a run from before `account-under-fire` noted. */
function noteAsBefore(state: AccountState, version: number): void {
  for (const aspect of dirtyAspects(state)) {
    state.applied[aspect] = Math.max(version, state.applied[aspect] ?? 0);
    if ((state.dirty[aspect] ?? 0) <= version) delete state.dirty[aspect];
  }
}
