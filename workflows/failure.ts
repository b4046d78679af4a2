import { ActivityFailure, ApplicationFailure, CancelledFailure, TimeoutFailure } from '@temporalio/workflow';
import { errorRow, isErrorCode, type ErrorCode } from '../contract/errors.ts';

/** A failure as the saga sees it: a code of the error table and a message for people. */
export interface Failure {
  code: ErrorCode;
  message: string;
}

/**
 * Reads the code out of what an activity call threw. Anything that carries no code of the table counts as `INTERNAL`: nobody
 * declared it, so nothing is undone because of it (law 7).
 */
export function failureOf(error: unknown): Failure {
  const cause = error instanceof ActivityFailure ? error.cause : error;
  if (cause instanceof TimeoutFailure) return { code: 'STEP_TIMED_OUT', message: cause.message };
  if (cause instanceof CancelledFailure) return { code: 'CANCELLED', message: 'cancelled' };
  if (cause instanceof ApplicationFailure && isErrorCode(cause.type)) return { code: cause.type, message: cause.message };
  if (isErrorCode((cause as { code?: unknown } | undefined)?.code)) {
    const declared = cause as Failure;
    return { code: declared.code, message: declared.message };
  }
  return { code: 'INTERNAL', message: cause instanceof Error ? cause.message : 'unknown failure' };
}

/** What a schema found wrong with an input or a command, by field. */
export const faultsOf = (error: { issues: { path: PropertyKey[]; message: string }[] }): string =>
  error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ');

/** Whether trying the same act again may help. */
export const isRetryable = (failure: Failure): boolean => errorRow(failure.code).retryable;
