import { proxyActivities } from '@temporalio/workflow';
import type { OnboardingInput, OnboardingResult } from '../../../contract/onboarding.ts';
import { onboarding as real } from '../../../workflows/onboarding.ts';

const { congratulate } = proxyActivities<{ congratulate(): Promise<void> }>({ startToCloseTimeout: '1 second' });

/** The real workflow and one step after it, which no run in flight knows of. */
export async function onboarding(input: OnboardingInput): Promise<OnboardingResult> {
  const result = await real(input);
  await congratulate();
  return result;
}
