import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import { showJob, type AdminDb, type JobDetails } from '../../adapters/admin-db/index.ts';
import { QUERY_PROGRESS, type OnboardingProgress } from '../../contract/onboarding.ts';
import { FINAL_JOB_STATES } from '../../contract/steps.ts';
import { callTemporal } from '../temporal.ts';

/** Asks the run itself (P-120). Needs Temporal and a worker; `showJob` tells nearly as much without them. */
export function queryProgress(temporal: Client, workflowId: string): Promise<OnboardingProgress> {
  return callTemporal(temporal, 'temporal.query-progress', () =>
    temporal.workflow.getHandle(workflowId).query<OnboardingProgress>(QUERY_PROGRESS),
  );
}

/** How often the ledger is looked at, ms. */
const LOOK_EVERY_MS = 250;

export const isOver = ({ job }: JobDetails): boolean => (FINAL_JOB_STATES as readonly string[]).includes(job.state);

/**
 * The story of an onboarding as it goes on, from the Admin DB, so that it can be followed while Temporal is down: first as it
 * is, then at every change, until it is over or `signal` ends it. Throws NOT_FOUND and ADMIN_DB_UNAVAILABLE.
 */
export async function* watchOnboarding(db: AdminDb, target: string, signal?: AbortSignal): AsyncGenerator<JobDetails, void> {
  let last = '';
  while (signal?.aborted !== true) {
    const details = await showJob(db, target);
    const seen = JSON.stringify(details);
    if (seen !== last) yield details;
    last = seen;
    if (isOver(details)) return;
    await pause(LOOK_EVERY_MS, undefined, signal ? { signal } : {}).catch(() => undefined);
  }
}
