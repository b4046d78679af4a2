import { proxyActivities, setWorkflowOptions } from '@temporalio/workflow';
import type { Activities } from '../activities/index.ts';
import type { OwnerNoticeInput } from '../contract/notices.ts';
import { pinned } from './versioning.ts';

const { 'tell-owner': tell } = proxyActivities<Activities>({
  startToCloseTimeout: '1 minute',
  scheduleToCloseTimeout: '1 day',
  retry: { initialInterval: '5 seconds', maximumInterval: '30 minutes' },
  summary: 'mail the owner about what happened to the store',
});

/** Tells the owner of a store about one event by mail, at most once; news of more than a day ago is told to nobody any more. */
export async function ownerNotice(input: OwnerNoticeInput): Promise<boolean> {
  return tell(input);
}

setWorkflowOptions(pinned, ownerNotice);
