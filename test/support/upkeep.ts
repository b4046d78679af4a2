import type { WorkflowHandle } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import { taskQueue } from '../../contract/ids.ts';
import { UPKEEP_WORKFLOWS, upkeepScheduleId, type UpkeepTask } from '../../contract/upkeep.ts';
import type { World } from './world.ts';

/** Starts one task of upkeep as its schedule does. */
export const startTask = ({ temporal, config }: World, task: UpkeepTask): Promise<WorkflowHandle> =>
  temporal.workflow.start(UPKEEP_WORKFLOWS[task], {
    workflowId: `${upkeepScheduleId(task, config.ALTA_QUEUE_PREFIX)}-${randomUUID()}`,
    taskQueue: taskQueue('upkeep', config.ALTA_QUEUE_PREFIX),
    workflowExecutionTimeout: '1 minute',
  });

/** Runs one task of upkeep as its schedule does, and gives what it left. */
export const runTask = async <R>(world: World, task: UpkeepTask): Promise<R> => (await (await startTask(world, task)).result()) as R;

/** Makes the jobs of an account as old as if they had been opened so many seconds earlier, and everything that was ordered for its payment with it. */
export async function ageJob({ sql }: World, accountId: string, seconds: number): Promise<void> {
  await sql(
    `with aged as (
       update provisioning_jobs set created_at = created_at - make_interval(secs => $2) where account_id = $1
       returning payment_id)
     update outbox o set updated_at = o.updated_at - make_interval(secs => $2) from webhook_inbox i, aged
     where i.payment_id = aged.payment_id and o.event_key = 'payment.notified/' || i.id`,
    [accountId, seconds],
  );
}
