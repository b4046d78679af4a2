import { afterAll, afterEach, beforeAll, test } from '@jest/globals';
import { ACCOUNT_SCENARIOS } from './account-scenarios.ts';
import { saveHistory } from './files.ts';
import { ONBOARDING_SCENARIOS } from './onboarding-scenarios.ts';
import { HISTORY_PATHS } from './paths.ts';
import { openStage, type Stage } from './stage.ts';

/**
 * `npm run history:record`: plays every path on the real stack and keeps its history in test/histories/. No part of the tests: a
 * new recording is for a new path or a new SDK. Files of earlier SDKs stay, since runs of theirs may still be open.
 */
let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
}, 120_000);
afterEach(() => stage.reset());
afterAll(() => stage.close());

const SCENARIOS = { ...ONBOARDING_SCENARIOS, ...ACCOUNT_SCENARIOS };

test.each(HISTORY_PATHS)('%s is recorded', async (path) => {
  const handle = await SCENARIOS[path](stage);
  // An onboarding ends, well or not; its end belongs to the history. An account's run goes on.
  if (path.startsWith('onboarding.')) await handle.result().catch(() => undefined);
  saveHistory(path, await handle.fetchHistory());
});
