import type { Context } from '@temporalio/activity';
import { CancelledFailure } from '@temporalio/common';
import type { ActivityInboundCallsInterceptor } from '@temporalio/worker';
import type { AdminDb } from '../../adapters/admin-db/index.ts';
import { beginStep, endStep } from '../../adapters/admin-db/index.ts';
import type { Logger } from '../../adapters/log.ts';
import type { WorkerMetrics } from '../../adapters/metrics/index.ts';
import { scrub } from '../../adapters/scrub.ts';
import { withSignal } from '../../adapters/signal.ts';
import { isAltaError } from '../../contract/errors.ts';
import type { StepContext } from '../../contract/onboarding.ts';
import { stepOfActivity } from '../../contract/steps.ts';
import { toFailure } from './errors.ts';

/**
 * Writes each step's start, attempt, error and end into `provisioning_job_steps`, so that no activity has to, and gives every
 * activity the error table's failures. The start is written beside the act, not before it: it costs no latency. A step whose
 * end could not be written fails and is tried again, which its idempotency allows.
 */
export function ledgerInterceptor(context: Context, db: AdminDb, log: Logger, metrics?: WorkerMetrics): ActivityInboundCallsInterceptor {
  return {
    async execute(input, next) {
      const { info } = context;
      const which = stepOfActivity(info.activityType);
      const [first] = input.args as [StepContext | undefined];
      const act = (): Promise<unknown> => withSignal(context.cancellationSignal, () => next(input));
      try {
        if (which === undefined || first === undefined) return await act();
        const row = { jobId: first.jobId, ...which };
        const begun = beginStep(db, {
          ...row,
          runId: info.workflowExecution?.runId ?? '',
          activityId: info.activityId,
          local: info.isLocal,
        });
        const [started, done] = await Promise.allSettled([begun, act()]);
        if (started.status === 'rejected') throw started.reason;
        if (started.value > 1) metrics?.stepRetries.inc({ step: which.step, act: which.undo ? 'undo' : 'do' });
        if (done.status === 'rejected') {
          const error: unknown = done.reason;
          await endStep(db, {
            ...row,
            attempt: started.value,
            outcome: 'failed',
            code: isAltaError(error) ? error.code : error instanceof CancelledFailure ? 'CANCELLED' : 'INTERNAL',
            message: scrub(error instanceof Error ? error.message : 'not an Error'),
          }).catch((ledger: unknown) => log.error({ err: ledger, ...row }, 'the failure of a step could not be written'));
          throw error;
        }
        const { value } = done;
        const skipped = (value as { skipped?: unknown } | undefined)?.skipped === true;
        await endStep(db, {
          ...row,
          attempt: started.value,
          outcome: skipped ? 'skipped' : 'done',
          result: value ?? null,
        });
        return value;
      } catch (error) {
        throw toFailure(error, log);
      }
    },
  };
}
