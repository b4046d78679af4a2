import { WorkflowNotFoundError, type Client, type ScheduleDescription } from '@temporalio/client';
import type { Config } from '../../../adapters/config.ts';
import { UPKEEP_TASKS, type UpkeepTask } from '../../../contract/upkeep.ts';
import { callTemporal } from '../../temporal.ts';
import { describeSchedule, wantedSchedule, type WantedSchedule } from '../schedules.ts';
import { examine, fail, ok, type Finding } from './check.ts';

/** How a run of upkeep should not have ended. */
const BAD_ENDS: ReadonlySet<string> = new Set(['FAILED', 'TIMED_OUT', 'TERMINATED']);

/** Each schedule of upkeep: that it is there, as this version wants it, on, and that its last run ended well. */
export async function checkSchedules(temporal: Client, config: Config): Promise<Finding[]> {
  const found = await Promise.all(
    UPKEEP_TASKS.map((task) => examine(`schedule ${task}`, () => schedule(temporal, task, wantedSchedule(task, config)))),
  );
  return found.flat();
}

async function schedule(temporal: Client, task: UpkeepTask, wanted: WantedSchedule): Promise<Finding> {
  const name = `schedule ${task}`;
  const { scheduleId } = wanted;
  const found = await describeSchedule(temporal, scheduleId);
  if (found === null) return fail(name, `${scheduleId} is not there`, 'Run `alta schedules apply`.');
  const differs = scheduleFaults(found, wanted);
  if (differs.length > 0) return fail(name, `differs from what is wanted: ${differs.join(', ')}`, 'Run `alta schedules apply`.');
  if (found.state.paused) {
    const note = found.state.note ? ` (${found.state.note})` : '';
    return fail(
      name,
      `is paused${note}`,
      `When nothing speaks for that any more: \`temporal schedule toggle --unpause -s ${scheduleId}\`.`,
    );
  }
  const last = await lastEnd(temporal, found);
  if (last === null) return ok(name, 'on; no run has ended yet');
  return BAD_ENDS.has(last.status)
    ? fail(name, `its last run ended as ${last.status}`, `Read why in the Temporal Web UI: ${last.workflowId}.`)
    : ok(name, `on; its last run ended as ${last.status}`);
}

/** The names of what an operator, or an older version, left different from what is wanted. */
export function scheduleFaults({ spec, policies, action }: ScheduleDescription, wanted: WantedSchedule): string[] {
  const facts: [string, unknown, unknown][] = [
    ['spec', whenOf(spec), whenOf(wanted.spec)],
    ['overlap', policies.overlap, wanted.policies.overlap],
    ['catch-up window', policies.catchupWindow, wanted.policies.catchupWindow],
    ['pause on failure', policies.pauseOnFailure, wanted.policies.pauseOnFailure],
    ['workflow', action.workflowType, wanted.action.workflowType],
    ['workflow id', action.workflowId, wanted.action.workflowId],
    ['task queue', action.taskQueue, wanted.action.taskQueue],
    ['time limit', action.workflowExecutionTimeout, wanted.action.workflowExecutionTimeout],
  ];
  return facts.filter(([, is, should]) => JSON.stringify(is) !== JSON.stringify(should)).map(([name]) => name);
}

/** When it runs, in one form: the server fills in what a specification leaves out. */
function whenOf({ intervals = [], calendars = [] }: { intervals?: readonly object[]; calendars?: readonly object[] }): unknown {
  return {
    intervals: (intervals as { every: unknown; offset?: unknown }[]).map(({ every, offset = 0 }) => [every, offset]),
    calendars: (calendars as Record<'hour' | 'minute' | 'second', unknown>[]).map(({ hour, minute, second }) =>
      [hour, minute, second].map(firstOf),
    ),
  };
}
const firstOf = (value: unknown): unknown => {
  if (value === undefined || typeof value === 'number') return value ?? 0;
  const ranges = value as { start: number; end: number; step: number }[];
  const [only] = ranges;
  return ranges.length === 1 && only !== undefined && only.start === only.end ? only.start : ranges;
};

/** The end of the newest run that has ended and that Temporal still knows; null when there is none. */
async function lastEnd(temporal: Client, { info }: ScheduleDescription): Promise<{ status: string; workflowId: string } | null> {
  const runs = info.recentActions.map(({ action }) => action.workflow);
  for (const { workflowId, firstExecutionRunId: runId } of runs.toReversed()) {
    const status = await callTemporal(temporal, 'temporal.describe-run', () =>
      temporal.workflow
        .getHandle(workflowId, runId)
        .describe()
        .then(
          (run) => run.status.name,
          (error: unknown) => {
            if (error instanceof WorkflowNotFoundError) return null;
            throw error;
          },
        ),
    );
    if (status === null) return null;
    if (status !== 'RUNNING') return { status, workflowId };
  }
  return null;
}
