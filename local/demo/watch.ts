import { showJob, type AdminDb, type JobDetails } from '../../adapters/admin-db/index.ts';
import { AltaError, isAltaError } from '../../contract/errors.ts';
import { FINAL_JOB_STATES, type JobState } from '../../contract/steps.ts';
import { pause } from '../wait.ts';

export interface WatchOptions {
  /** Called with every new look at the ledger. */
  onLook?: (details: JobDetails) => void;
  /** Longest wait for the end, ms. */
  timeoutMs?: number;
  signal?: AbortSignal | undefined;
}

const LOOK_MS = 60;
const isFinal = (state: JobState): boolean => (FINAL_JOB_STATES as readonly JobState[]).includes(state);

/**
 * Follows an account's onboarding in the ledger until it ends. Throws INTERNAL when it ends without a store, parks, or takes longer
 * than allowed; the message says where it stands.
 */
export async function watchOnboarding(
  db: AdminDb,
  accountId: string,
  { onLook, timeoutMs = 120_000, signal }: WatchOptions = {},
): Promise<JobDetails> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    signal?.throwIfAborted();
    const details = await lookUp(db, accountId);
    if (details !== undefined) {
      onLook?.(details);
      const { state, code, message, parkedStep } = details.job;
      if (state === 'completed') return details;
      if (isFinal(state)) throw new AltaError('INTERNAL', `the onboarding ended ${state}: ${code ?? ''} ${message ?? ''}`.trim());
      if (state === 'parked')
        throw new AltaError(
          'INTERNAL',
          `the onboarding needs attention at ${parkedStep ?? 'a step'}: ${code ?? ''} ${message ?? ''}`.trim(),
        );
    }
    if (performance.now() > deadline) {
      const where =
        details === undefined
          ? 'no job was opened: did the webhook arrive?'
          : `it is ${details.job.state} at ${details.job.currentStep ?? 'its start'}`;
      throw new AltaError('INTERNAL', `the onboarding did not end in ${timeoutMs / 1000} s; ${where}`);
    }
    await pause(LOOK_MS);
  }
}

/** Undefined until the relay has opened a job. */
async function lookUp(db: AdminDb, accountId: string): Promise<JobDetails | undefined> {
  try {
    return await showJob(db, accountId);
  } catch (error) {
    if (isAltaError(error) && error.code === 'NOT_FOUND') return undefined;
    throw error;
  }
}
