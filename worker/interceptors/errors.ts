import { ApplicationFailure, CancelledFailure, CompleteAsyncError } from '@temporalio/activity';
import { errorRow, isAltaError } from '../../contract/errors.ts';
import type { Logger } from '../../adapters/log.ts';
import { scrub } from '../../adapters/scrub.ts';

/** The longest wait that another system can make us keep, ms. */
const MAX_RETRY_AFTER_MS = 15 * 60_000;

/**
 * Turns what an activity threw into a failure whose type is a code of the error table: that, and nothing else, is what the
 * workflow decides by. The cause, with its stack and whatever it may hold, stays in this process' log.
 */
export function toFailure(error: unknown, log: Logger): unknown {
  if (error instanceof ApplicationFailure || error instanceof CancelledFailure || error instanceof CompleteAsyncError) return error;
  if (isAltaError(error)) {
    const { retryable } = errorRow(error.code);
    return ApplicationFailure.create({
      type: error.code,
      message: scrub(error.message),
      nonRetryable: !retryable,
      details: [error.details],
      ...(error.retryAfterMs === undefined ? {} : { nextRetryDelay: Math.min(error.retryAfterMs, MAX_RETRY_AFTER_MS) }),
    });
  }
  log.error({ err: error }, 'an activity failed in a way that nobody declared');
  const message = error instanceof Error ? `${error.name}: ${error.message}` : 'not an Error';
  return ApplicationFailure.create({ type: 'INTERNAL', message: scrub(message), nonRetryable: false });
}
