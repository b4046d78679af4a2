import { setTimeout as pause } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import { AltaError, isAltaError } from '../../contract/errors.ts';
import { deploymentName } from '../../contract/ids.ts';
import { callTemporal } from '../temporal.ts';

export interface DeploymentDeps {
  temporal: Client;
  config: Pick<Config, 'ALTA_QUEUE_PREFIX' | 'ALTA_DEPLOYMENT_NAME'>;
}

/** Temporal's words for where a version stands, by the number of the protocol. */
const STATUSES = ['unknown', 'inactive', 'current', 'ramping', 'draining', 'drained', 'created'] as const;
export type VersionStatus = (typeof STATUSES)[number];

export interface VersionRow {
  buildId: string;
  /** `draining`: takes no new runs, still has old ones. `inactive`: its workers were seen, it never took a run. */
  status: VersionStatus;
  /** Share of new runs that it takes, percent. */
  share: number;
  /** Open runs that only this version's workers can go on with. */
  pinnedRuns: number;
  /** Nothing needs its workers any more. */
  mayStop: boolean;
  createdAt: string | null;
}

export interface DeploymentStatus {
  deployment: string;
  current: string | null;
  ramping: { buildId: string; percent: number } | null;
  /** Newest first. Empty when no worker with a build id was ever seen. */
  versions: VersionRow[];
}

/** How long `promote` waits for a version's first worker to be seen, ms: a worker says that it is ready before it has polled. */
const SEEN_WITHIN_MS = 15_000;

const nameOf = ({ config }: DeploymentDeps): string => deploymentName(config.ALTA_DEPLOYMENT_NAME, config.ALTA_QUEUE_PREFIX);

/** What Temporal refuses here is either not there or not possible now; its own words say which. */
async function call<T>({ temporal }: DeploymentDeps, name: string, act: () => Promise<T>): Promise<T> {
  try {
    return await callTemporal(temporal, name, act);
  } catch (error) {
    const grpc = isAltaError(error) ? error.details['grpc'] : undefined;
    if (isAltaError(error) && grpc === 5) throw new AltaError('NOT_FOUND', error.message, { cause: error });
    if (isAltaError(error) && grpc === 9) throw new AltaError('CONFLICT', error.message, { cause: error });
    throw error;
  }
}

/** Where every version of the installation's workers stands. Throws TEMPORAL_UNAVAILABLE. */
export async function deploymentStatus(deps: DeploymentDeps): Promise<DeploymentStatus> {
  const { temporal } = deps;
  const deployment = nameOf(deps);
  const { namespace } = temporal.options;
  let info;
  try {
    const answer = await call(deps, 'temporal.describe-deployment', () =>
      temporal.workflowService.describeWorkerDeployment({ namespace, deploymentName: deployment }),
    );
    info = answer.workerDeploymentInfo;
  } catch (error) {
    if (isAltaError(error) && error.code === 'NOT_FOUND') return { deployment, current: null, ramping: null, versions: [] };
    throw error;
  }
  const current = info?.routingConfig?.currentDeploymentVersion?.buildId ?? null;
  const rampingId = info?.routingConfig?.rampingDeploymentVersion?.buildId;
  const percent = info?.routingConfig?.rampingVersionPercentage ?? 0;
  const ramping = rampingId ? { buildId: rampingId, percent } : null;
  const versions = await Promise.all(
    (info?.versionSummaries ?? []).map(async ({ deploymentVersion, status, createTime }): Promise<VersionRow> => {
      const buildId = deploymentVersion?.buildId ?? '';
      const word = STATUSES.at(status ?? 0) ?? 'unknown';
      const { count } = await call(deps, 'temporal.count-runs', () =>
        temporal.workflow.count(
          `ExecutionStatus = 'Running' AND TemporalWorkflowVersioningBehavior = 'Pinned' AND TemporalWorkerDeploymentVersion = '${deployment}:${buildId}'`,
        ),
      );
      const rest = ramping === null ? 100 : 100 - ramping.percent;
      return {
        buildId,
        status: word,
        share: buildId === ramping?.buildId ? ramping.percent : buildId === current ? rest : 0,
        pinnedRuns: count,
        mayStop: word !== 'current' && word !== 'ramping' && count === 0,
        createdAt: createTime?.seconds ? new Date(Number(createTime.seconds) * 1_000).toISOString() : null,
      };
    }),
  );
  return { deployment, current, ramping, versions };
}

/**
 * New runs start on this version from now on, or `ramp` percent of them; runs that may upgrade follow. Pinned runs stay where they are.
 * Waits for the version's first worker. Throws NOT_FOUND when none was seen, CONFLICT when Temporal refuses, TEMPORAL_UNAVAILABLE.
 */
export async function promote(deps: DeploymentDeps, buildId: string, ramp?: number): Promise<DeploymentStatus> {
  if (ramp !== undefined && !(Number.isInteger(ramp) && ramp >= 0 && ramp <= 99))
    throw new AltaError('INPUT_INVALID', 'ramp: a whole percentage below 100; without it the version takes everything');
  const { temporal } = deps;
  await untilSeen(deps, buildId);
  const version = { namespace: temporal.options.namespace, deploymentName: nameOf(deps), buildId };
  if (ramp === undefined)
    await call(deps, 'temporal.set-current-version', () => temporal.workflowService.setWorkerDeploymentCurrentVersion(version));
  else
    await call(deps, 'temporal.set-ramping-version', () =>
      temporal.workflowService.setWorkerDeploymentRampingVersion({ ...version, percentage: ramp }),
    );
  return deploymentStatus(deps);
}

/**
 * Takes new runs back to an earlier version, whatever else is ramping. A task queue that only the newer version knows does not stop it:
 * at a rollback, paid orders come first. Runs that are pinned to the newer version stay there. Throws as `promote` does.
 */
export async function rollback(deps: DeploymentDeps, buildId: string): Promise<DeploymentStatus> {
  const { temporal } = deps;
  const { namespace } = temporal.options;
  const { ramping } = await untilSeen(deps, buildId);
  if (ramping !== null)
    await call(deps, 'temporal.set-ramping-version', () =>
      temporal.workflowService.setWorkerDeploymentRampingVersion({ namespace, deploymentName: nameOf(deps), buildId: '', percentage: 0 }),
    );
  await call(deps, 'temporal.set-current-version', () =>
    temporal.workflowService.setWorkerDeploymentCurrentVersion({
      namespace,
      deploymentName: nameOf(deps),
      buildId,
      ignoreMissingTaskQueues: true,
    }),
  );
  return deploymentStatus(deps);
}

async function untilSeen(deps: DeploymentDeps, buildId: string): Promise<DeploymentStatus> {
  const end = Date.now() + SEEN_WITHIN_MS;
  for (;;) {
    const status = await deploymentStatus(deps);
    if (status.versions.some((version) => version.buildId === buildId)) return status;
    if (Date.now() > end)
      throw new AltaError(
        'NOT_FOUND',
        `no worker of version ${buildId} was seen in deployment ${status.deployment}; start one with \`alta worker --build-id ${buildId}\``,
      );
    await pause(250);
  }
}
