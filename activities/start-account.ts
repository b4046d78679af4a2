import type { ClientStepContext } from '../contract/onboarding.ts';
import { storeOf, type ActivityDeps } from './deps.ts';
import { signalAccount } from './signal-account.ts';

/**
 * `start-account`: starts the workflow that keeps the store right from now on. The event names no aspect: everything was just
 * written, and `account.created` in the outbox brings the first check.
 */
export function startAccount(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<void> => {
    const { account } = await storeOf(deps, context);
    await signalAccount(deps, context.accountId, {
      eventKey: `onboarded/${context.jobId}`,
      type: 'account.onboarded',
      version: account.version,
      aspects: [],
    });
  };
}
