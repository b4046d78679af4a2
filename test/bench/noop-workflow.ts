import { proxyActivities, proxyLocalActivities } from '@temporalio/workflow';
import { STEP_NAMES, STEPS } from '../../contract/steps.ts';

/** What each step of the comparison does: nothing. */
export interface Nothing {
  nothing(step: string): Promise<void>;
}

const local = proxyLocalActivities<Nothing>({ startToCloseTimeout: '2 seconds' });
const regular = proxyActivities<Nothing>({ startToCloseTimeout: '30 seconds' });
const WAVES = [...new Set(STEP_NAMES.map((step) => STEPS[step].wave))];

/** As many steps as an onboarding, in the same waves and of the same kinds, that do nothing; its last is the job's end. */
export async function noop(fastPath: boolean): Promise<void> {
  for (const wave of WAVES) {
    const steps = STEP_NAMES.filter((step) => STEPS[step].wave === wave);
    await Promise.all(steps.map((step) => (fastPath && STEPS[step].fastPath ? local : regular).nothing(step)));
  }
  await regular.nothing('end-job');
}
