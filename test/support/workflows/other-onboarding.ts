import { sleep } from '@temporalio/workflow';

/** Has the name of the real workflow and does something else: its histories must not replay on today's code. */
export async function onboarding(): Promise<void> {
  await sleep(1);
}
