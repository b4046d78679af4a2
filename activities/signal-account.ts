import { effect } from '../adapters/effect.ts';
import { currentSignal, throwIfEnded } from '../adapters/signal.ts';
import { accountRun } from '../adapters/temporal/index.ts';
import { SIGNAL_ACCOUNT_EVENT, type AccountEvent } from '../contract/account.ts';
import { AltaError } from '../contract/errors.ts';
import { ACCOUNT_WORKFLOW } from '../contract/ids.ts';
import type { ActivityDeps } from './deps.ts';

/** Longest time of the call, ms: far below an activity's own limit, so that a slow server is a failure with a name. */
const CALL_TIMEOUT_MS = 10_000;

/** Tells the workflow of an account something, and starts it where it does not run. Throws TEMPORAL_UNAVAILABLE. */
export async function signalAccount({ temporal, config }: ActivityDeps, accountId: string, event: AccountEvent): Promise<void> {
  try {
    const start = (): Promise<unknown> =>
      temporal.workflow.signalWithStart(ACCOUNT_WORKFLOW, {
        ...accountRun(accountId, config.ALTA_QUEUE_PREFIX),
        signal: SIGNAL_ACCOUNT_EVENT,
        signalArgs: [event],
      });
    const signal = currentSignal();
    await effect('temporal.start-account', () =>
      temporal.withDeadline(Date.now() + CALL_TIMEOUT_MS, () => (signal === undefined ? start() : temporal.withAbortSignal(signal, start))),
    );
  } catch (error) {
    throwIfEnded();
    throw new AltaError('TEMPORAL_UNAVAILABLE', 'the account workflow could not be started', { cause: error });
  }
}
