import {
  ScheduleAlreadyRunning,
  ScheduleNotFoundError,
  ScheduleOverlapPolicy,
  type Client,
  type ScheduleDescription,
  type ScheduleOptions,
} from '@temporalio/client';
import type { Config } from '../../adapters/config.ts';
import { isAltaError } from '../../contract/errors.ts';
import { taskQueue } from '../../contract/ids.ts';
import { UPKEEP_TASKS, UPKEEP_WORKFLOWS, upkeepScheduleId, type UpkeepTask } from '../../contract/upkeep.ts';
import { callTemporal } from '../temporal.ts';
import { leftOverSchedules } from './left-over-schedules.ts';

export interface ScheduleDeps {
  temporal: Client;
  config: Pick<Config, 'ALTA_QUEUE_PREFIX' | 'PAYMENT_POLL_SECONDS' | 'EXPIRY_SECONDS' | 'CREDENTIALS_SECONDS' | 'DUE_DATES_SECONDS'>;
}

interface Plan {
  summary: string;
  /** Every so many seconds, or daily at this hour, UTC. */
  when: { everySeconds: number } | { dailyAtHour: number };
  overlap: ScheduleOverlapPolicy;
  /** How late a run that Temporal missed is still started, ms; the server's least is 10 s. */
  catchupMs: number;
}

/** Runs end before the next is due: a stuck one never holds up its schedule. */
const SHARE_OF_INTERVAL = 0.9;
const LONGEST_RUN_MS = 3_600_000;

/**
 * What runs when. Overlap happens only when somebody triggers a run by hand, since runs end before the next is due:
 * - the poll and the purge buffer one, so that a run that was due is late but never left out (decision 9);
 * - the sweeps skip: they look at what is there, and the next tick, a minute or minutes later, sees the same.
 */
const planOf = (task: UpkeepTask, config: ScheduleDeps['config']): Plan => {
  switch (task) {
    case 'poll-payments':
      return {
        summary: 'looks for payments whose webhook never came',
        when: { everySeconds: config.PAYMENT_POLL_SECONDS },
        overlap: ScheduleOverlapPolicy.BUFFER_ONE,
        // One missed poll is made up for; the mark in the Admin DB makes it read everything since the last.
        catchupMs: config.PAYMENT_POLL_SECONDS * 1_000,
      };
    case 'restart-lost':
      return {
        summary: 'starts onboardings whose start was lost',
        when: { everySeconds: 60 },
        overlap: ScheduleOverlapPolicy.SKIP,
        catchupMs: 60_000,
      };
    case 'expire-reservations':
      return {
        summary: 'frees slots and names whose time ran out',
        when: { everySeconds: config.EXPIRY_SECONDS },
        overlap: ScheduleOverlapPolicy.SKIP,
        catchupMs: 60_000,
      };
    case 'refresh-credentials':
      return {
        summary: "asks for the refreshes of sellers' tokens that are due",
        when: { everySeconds: config.CREDENTIALS_SECONDS },
        overlap: ScheduleOverlapPolicy.SKIP,
        catchupMs: config.CREDENTIALS_SECONDS * 1_000,
      };
    case 'apply-due-dates':
      return {
        summary: 'wakes accounts whose due date nobody acted on',
        when: { everySeconds: config.DUE_DATES_SECONDS },
        overlap: ScheduleOverlapPolicy.SKIP,
        catchupMs: config.DUE_DATES_SECONDS * 1_000,
      };
    case 'purge-outbox':
      return {
        summary: 'deletes outbox rows that were delivered 30 days ago',
        when: { dailyAtHour: 3 },
        overlap: ScheduleOverlapPolicy.BUFFER_ONE,
        catchupMs: 12 * 3_600_000,
      };
  }
};

/** The schedule of a task as it should be. */
export function wantedSchedule(task: UpkeepTask, config: ScheduleDeps['config']) {
  const { summary, when, overlap, catchupMs } = planOf(task, config);
  const scheduleId = upkeepScheduleId(task, config.ALTA_QUEUE_PREFIX);
  const everySeconds = 'everySeconds' in when ? when.everySeconds : 86_400;
  return {
    scheduleId,
    spec: 'everySeconds' in when ? { intervals: [{ every: when.everySeconds * 1_000 }] } : { calendars: [{ hour: when.dailyAtHour }] },
    policies: { overlap, catchupWindow: catchupMs, pauseOnFailure: false },
    action: {
      type: 'startWorkflow' as const,
      workflowType: UPKEEP_WORKFLOWS[task],
      workflowId: scheduleId,
      taskQueue: taskQueue('upkeep', config.ALTA_QUEUE_PREFIX),
      args: [],
      workflowExecutionTimeout: Math.min(Math.floor(everySeconds * 1_000 * SHARE_OF_INTERVAL), LONGEST_RUN_MS),
      staticSummary: summary,
    },
  } satisfies Omit<ScheduleOptions, 'memo' | 'state'>;
}
export type WantedSchedule = ReturnType<typeof wantedSchedule>;

export interface AppliedSchedule {
  scheduleId: string;
  /** `left over`: made by another version, not wanted by this one, and still running what it was made for. */
  outcome: 'created' | 'updated' | 'left over' | 'deleted';
}

/**
 * Makes the schedules of upkeep as this version wants them: an act of a deployment, never of a worker's start. It may be repeated; a
 * schedule that an operator paused stays paused. Those that another version made and this one does not want are told of, and deleted
 * only with `prune`: while two versions are deployed side by side, or one is rolled back, somebody may still want them.
 * Throws TEMPORAL_UNAVAILABLE or INTERNAL.
 */
export async function applySchedules({ temporal, config }: ScheduleDeps, { prune = false } = {}): Promise<AppliedSchedule[]> {
  const applied: AppliedSchedule[] = [];
  for (const task of UPKEEP_TASKS) {
    const options = wantedSchedule(task, config);
    const { scheduleId } = options;
    const handle = temporal.schedule.getHandle(scheduleId);
    const update = (): Promise<void> => handle.update(({ state }) => ({ ...options, state }));
    const outcome = await callTemporal(temporal, 'temporal.apply-schedule', async (): Promise<AppliedSchedule['outcome']> => {
      try {
        await temporal.schedule.create(options);
        return 'created';
      } catch (error) {
        if (!(error instanceof ScheduleAlreadyRunning)) throw error;
      }
      await update();
      return 'updated';
    });
    applied.push({ scheduleId, outcome });
  }
  // Last, so that no task is ever without its schedule.
  for (const scheduleId of await leftOverSchedules({ temporal, config })) {
    if (prune) await callTemporal(temporal, 'temporal.delete-schedule', () => remove(temporal, scheduleId));
    applied.push({ scheduleId, outcome: prune ? 'deleted' : 'left over' });
  }
  return applied;
}

async function remove(temporal: Client, scheduleId: string): Promise<void> {
  try {
    await temporal.schedule.getHandle(scheduleId).delete();
  } catch (error) {
    if (!(error instanceof ScheduleNotFoundError)) throw error;
  }
}

export interface ScheduleRow {
  task: UpkeepTask;
  scheduleId: string;
  /** False when it was never applied. */
  present: boolean;
  paused: boolean;
  note: string | null;
  /** In words: `every 300 s`, `daily at 03:00 UTC`. */
  when: string;
  overlap: string | null;
  /** Times are ISO text. */
  lastAt: string | null;
  nextAt: string | null;
  running: number;
  taken: number;
  /** Runs left out because an earlier one was not over, or Temporal was away for too long. */
  skipped: number;
  missed: number;
}

/** Each schedule of upkeep as Temporal has it. Throws TEMPORAL_UNAVAILABLE or INTERNAL. */
export function listSchedules({ temporal, config }: ScheduleDeps): Promise<ScheduleRow[]> {
  return Promise.all(
    UPKEEP_TASKS.map(async (task) => {
      const scheduleId = upkeepScheduleId(task, config.ALTA_QUEUE_PREFIX);
      const found = await describeSchedule(temporal, scheduleId);
      const row = { task, scheduleId, when: wordsOf(planOf(task, config)) };
      if (found === null)
        return { ...row, present: false, paused: false, note: null, overlap: null, lastAt: null, nextAt: null, ...NOTHING_YET };
      const { info, state, policies } = found;
      return {
        ...row,
        present: true,
        paused: state.paused,
        note: state.note ?? null,
        overlap: policies.overlap ?? null,
        lastAt: info.recentActions.at(-1)?.takenAt.toISOString() ?? null,
        nextAt: info.nextActionTimes[0]?.toISOString() ?? null,
        running: info.runningActions.length,
        taken: info.numActionsTaken,
        skipped: info.numActionsSkippedOverlap,
        missed: info.numActionsMissedCatchupWindow,
      };
    }),
  );
}

const NOTHING_YET = { running: 0, taken: 0, skipped: 0, missed: 0 };

const wordsOf = ({ when }: Plan): string =>
  'everySeconds' in when ? `every ${when.everySeconds} s` : `daily at ${String(when.dailyAtHour).padStart(2, '0')}:00 UTC`;

/**
 * A description is a question to the schedule's own run. Now and then (some one in two hundred, server 1.29.1) one gets no answer for five
 * seconds or more, while the same one asked again is answered at once: each try has a short limit, ms.
 */
const DESCRIBE_MS = 2_000;
const DESCRIBE_TRIES = 3;
const DEADLINE_EXCEEDED = 4;

/** A schedule as Temporal has it; null when it is not there. Throws TEMPORAL_UNAVAILABLE or INTERNAL. */
export async function describeSchedule(temporal: Client, scheduleId: string, tries = DESCRIBE_TRIES): Promise<ScheduleDescription | null> {
  const describe = (): Promise<ScheduleDescription> => temporal.schedule.getHandle(scheduleId).describe();
  const orNull = (error: unknown): null => {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  };
  try {
    return await callTemporal(temporal, 'temporal.describe-schedule', () => describe().catch(orNull), DESCRIBE_MS);
  } catch (error) {
    if (tries > 1 && isAltaError(error) && error.details['grpc'] === DEADLINE_EXCEEDED)
      return describeSchedule(temporal, scheduleId, tries - 1);
    throw error;
  }
}
