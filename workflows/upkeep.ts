import { proxyActivities, setCurrentDetails, type ActivityOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { UpkeepResult } from '../contract/upkeep.ts';

/** Activities of upkeep: a sweep that fails is tried a few times; the next run of its schedule does the same work again. */
export const upkeepActivities = (options: Pick<ActivityOptions, 'startToCloseTimeout' | 'heartbeatTimeout' | 'summary'>): Activities =>
  proxyActivities<Activities>({ ...options, retry: { initialInterval: '2 seconds', maximumInterval: '15 seconds', maximumAttempts: 3 } });

/** Shows what a run did where the Web UI looks first, and gives it back as the run's result. */
export function tell<R extends UpkeepResult>(result: R): R {
  const { held, ...counts } = result;
  const told = Object.entries(counts).map(([name, count]) => `${name} ${String(count)}`);
  setCurrentDetails([...(held === null ? [] : [`**holds: ${held}**`]), ...told].join(', '));
  return result;
}
