/** Every workflow of Alta, under the name that it is started with. */
export { onboarding } from './onboarding.ts';
export { account } from './account.ts';
