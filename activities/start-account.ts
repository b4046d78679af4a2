import { WorkflowIdConflictPolicy, WorkflowIdReusePolicy } from '@temporalio/client';
import { effect } from '../adapters/effect.ts';
import { currentSignal, throwIfEnded } from '../adapters/signal.ts';
import { ACCOUNT_TASK_TIMEOUT, SIGNAL_ACCOUNT_EVENT, type AccountEvent } from '../contract/account.ts';
import { AltaError } from '../contract/errors.ts';
import { ACCOUNT_WORKFLOW, accountWorkflowId, taskQueue } from '../contract/ids.ts';
import type { ClientStepContext } from '../contract/onboarding.ts';
import { SEARCH_ATTRIBUTES } from '../contract/search-attributes.ts';
import { storeOf, type ActivityDeps } from './deps.ts';

/** Longest time of the call, ms: far below the step's own limit, so that a slow server is a failure with a name. */
const CALL_TIMEOUT_MS = 10_000;

/**
 * `start-account`: starts the workflow that keeps the store right from now on. The event names no aspect: everything was just
 * written, and `account.created` in the outbox brings the first check.
 */
export function startAccount(deps: ActivityDeps) {
  return async (context: ClientStepContext): Promise<void> => {
    const { account } = await storeOf(deps, context);
    const event: AccountEvent = {
      eventKey: `onboarded/${context.jobId}`,
      type: 'account.onboarded',
      version: account.version,
      aspects: [],
    };
    try {
      const start = (): Promise<unknown> =>
        deps.temporal.workflow.signalWithStart(ACCOUNT_WORKFLOW, {
          workflowId: accountWorkflowId(context.accountId),
          taskQueue: taskQueue('accounts', deps.config.ALTA_QUEUE_PREFIX),
          args: [context.accountId],
          workflowIdReusePolicy: WorkflowIdReusePolicy.ALLOW_DUPLICATE,
          workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
          signal: SIGNAL_ACCOUNT_EVENT,
          signalArgs: [event],
          typedSearchAttributes: [{ key: SEARCH_ATTRIBUTES.account, value: context.accountId }],
          workflowTaskTimeout: ACCOUNT_TASK_TIMEOUT,
          staticSummary: 'keeps one store right',
        });
      const signal = currentSignal();
      await effect('temporal.start-account', () =>
        deps.temporal.withDeadline(Date.now() + CALL_TIMEOUT_MS, () =>
          signal === undefined ? start() : deps.temporal.withAbortSignal(signal, start),
        ),
      );
    } catch (error) {
      throwIfEnded();
      throw new AltaError('TEMPORAL_UNAVAILABLE', 'the account workflow could not be started', { cause: error });
    }
  };
}
