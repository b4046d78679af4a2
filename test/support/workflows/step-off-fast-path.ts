import { STEPS } from '../../../contract/steps.ts';

export { onboarding } from '../../../workflows/onboarding.ts';

/** The real workflow, but for one step that is no longer tried as a local activity first. */
Object.assign(STEPS['seed-content'], { fastPath: false });
