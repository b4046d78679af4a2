import type { Client } from '@temporalio/client';
import { sentRefunds, type AdminDb, type VerifiedAccount } from '../../../adapters/admin-db/index.ts';
import type { Config } from '../../../adapters/config.ts';
import { accountWorkflowId, onboardingWorkflowId, refundWorkflowId } from '../../../contract/ids.ts';
import { isGoingOn, isServed, type Violation } from './laws.ts';
import { openRuns } from '../open-runs.ts';
import { isRunning } from '../runs.ts';
import type { Findings } from './sources.ts';

/** A run that is open though nothing says so, or the other way round, as visibility shows it: to be looked at before it is told of. */
export interface Suspect {
  workflowId: string;
  isOpen: boolean;
  violation: Violation;
}

/** The ids of the installation's open runs. Throws TEMPORAL_UNAVAILABLE. */
export async function openWorkflowIds(
  temporal: Client,
  config: Pick<Config, 'ALTA_QUEUE_PREFIX'>,
  limit: number,
  { look }: Findings,
): Promise<ReadonlySet<string>> {
  const open = await openRuns(temporal, config, limit);
  look.looked = open.length;
  look.complete = open.length < limit;
  return new Set(open.map(({ workflowId }) => workflowId));
}

/** What an account's rows and its runs say of each other. Pure; `open` holds the ids of open runs. */
export function suspectRuns(account: VerifiedAccount, open: ReadonlySet<string>): Suspect[] {
  const { accountId, status, job } = account;
  const onboarding = onboardingWorkflowId(accountId);
  const keeper = accountWorkflowId(accountId);
  const suspects: Suspect[] = [];
  const suspect = (law: Violation['law'], workflowId: string, what: string): void =>
    void suspects.push({ workflowId, isOpen: open.has(workflowId), violation: { law, accountId, row: `workflow ${workflowId}`, what } });
  // A queued job may still wait for its start.
  if (isGoingOn(job) && job !== 'queued' && !open.has(onboarding)) suspect('G2', onboarding, `is not open, and its job is ${job ?? '-'}`);
  if (!isGoingOn(job) && open.has(onboarding)) suspect('G2', onboarding, `is open, and its job ended as ${job ?? 'nothing'}`);
  if (isServed(status) && job === 'completed' && !open.has(keeper))
    suspect('G5', keeper, `is not open: nobody keeps the store of an account that is ${status}`);
  return suspects;
}

/** Refunds that were decided and whose run is not open. */
export async function suspectRefunds(db: AdminDb, open: ReadonlySet<string>, limit: number): Promise<Suspect[]> {
  const rows = await sentRefunds(db, limit);
  return rows
    .filter(({ status, onItsWay }) => (status === 'wanted' || status === 'in_process') && !onItsWay)
    .map(({ refundId, paymentId, accountId, status }) => ({ refundId, accountId, status, workflowId: refundWorkflowId(paymentId) }))
    .filter(({ workflowId }) => !open.has(workflowId))
    .map(({ refundId, accountId, status, workflowId }) => ({
      workflowId,
      isOpen: false,
      violation: { law: 'G4', accountId, row: `refunds ${refundId}`, what: `is ${status}, and its run ${workflowId} is not open` },
    }));
}

/** Looks at each suspect itself, at most `limit`: visibility lags, and lists no more than it was asked for. Throws TEMPORAL_UNAVAILABLE. */
export async function confirmed(temporal: Client, suspects: readonly Suspect[], limit: number): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const { workflowId, isOpen, violation } of suspects.slice(0, limit)) {
    if ((await isRunning(temporal, workflowId)) === isOpen) violations.push(violation);
  }
  return violations;
}
