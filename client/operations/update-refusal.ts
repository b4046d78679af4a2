import { WorkflowUpdateFailedError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { AltaError, isErrorCode } from '../../contract/errors.ts';

/** A refused Update as the failure that the run gave; anything else as it is. */
export function updateRefusalOf(error: unknown): unknown {
  const cause = error instanceof WorkflowUpdateFailedError ? error.cause : undefined;
  if (!(cause instanceof ApplicationFailure)) return error;
  return new AltaError(isErrorCode(cause.type) ? cause.type : 'RESOLVE_REFUSED', cause.message, { cause: error });
}
