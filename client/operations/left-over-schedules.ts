import type { Client } from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import { taskQueue } from '../../contract/ids.ts';
import { UPKEEP_TASKS, upkeepScheduleId, upkeepSchedulePrefix } from '../../contract/upkeep.ts';
import { callTemporal } from '../temporal.ts';

const PAGE = 200;

/**
 * Schedules of this installation that this version does not want: they were made under a name that a task no longer has. Ours are those
 * whose id begins as ours do and that start workflows on our queue of upkeep: a schedule of somebody else in the same namespace, or of an
 * installation with another prefix, is none of them. Temporal lists a schedule a moment after it was made. Sorted.
 * Throws TEMPORAL_UNAVAILABLE or INTERNAL.
 */
export async function leftOverSchedules({
  temporal,
  config,
}: {
  temporal: Client;
  config: Pick<Config, 'ALTA_QUEUE_PREFIX'>;
}): Promise<string[]> {
  const prefix = config.ALTA_QUEUE_PREFIX;
  const wanted: ReadonlySet<string> = new Set(UPKEEP_TASKS.map((task) => upkeepScheduleId(task, prefix)));
  const strange = (await scheduleIds(temporal)).filter((id) => id.startsWith(upkeepSchedulePrefix(prefix)) && !wanted.has(id));
  const queue = taskQueue('upkeep', prefix);
  const ours: string[] = [];
  for (const id of strange) if ((await queueOf(temporal, id)) === queue) ours.push(id);
  return ours.sort();
}

// Both read what Temporal answers as it is: the SDK's own list and description decode payloads, and refuse those of somebody else.
async function scheduleIds(temporal: Client): Promise<string[]> {
  const ids: string[] = [];
  let nextPageToken = new Uint8Array();
  do {
    const request = { namespace: temporal.options.namespace, maximumPageSize: PAGE, nextPageToken };
    const page = await callTemporal(temporal, 'temporal.list-schedules', () => temporal.workflowService.listSchedules(request));
    ids.push(...page.schedules.flatMap(({ scheduleId }) => scheduleId ?? []));
    nextPageToken = Uint8Array.from(page.nextPageToken);
  } while (nextPageToken.length > 0);
  return ids;
}

/** The queue on which a schedule starts workflows; undefined when it is gone, or does something else. */
async function queueOf(temporal: Client, scheduleId: string): Promise<string | undefined> {
  const request = { namespace: temporal.options.namespace, scheduleId };
  const found = await callTemporal(temporal, 'temporal.describe-schedule', () =>
    temporal.workflowService.describeSchedule(request).catch((error: unknown) => {
      if ((error as { code?: unknown }).code === NOT_FOUND) return null;
      throw error;
    }),
  );
  return found?.schedule?.action?.startWorkflow?.taskQueue?.name ?? undefined;
}

/** gRPC's code. */
const NOT_FOUND = 5;
