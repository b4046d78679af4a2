import { afterAll, afterEach, test } from '@jest/globals';
import { ACCOUNT_SCENARIOS } from './account-scenarios.ts';
import { CREDENTIAL_SCENARIOS } from './credential-scenarios.ts';
import { saveHistory } from './files.ts';
import { ONBOARDING_SCENARIOS } from './onboarding-scenarios.ts';
import { HISTORY_PATHS } from './paths.ts';
import { REFUND_SCENARIOS } from './refund-scenarios.ts';
import { SAFE_POINT_SCENARIOS } from './safe-point-scenarios.ts';
import { emptySealedStacks, isSealedHistory } from './sealed.ts';
import { openStage, type Stage } from './stage.ts';
import { UPKEEP_SCENARIOS } from './upkeep-scenarios.ts';

/**
 * `npm run history:record`: plays every path on the real stack and keeps its history in test/histories/. No part of the tests: a
 * new recording is for a new path or a new SDK. Files of earlier SDKs stay, since runs of theirs may still be open.
 */
let open: { stage: Stage; encrypted: boolean } | undefined;
afterEach(() => open?.stage.reset());
afterAll(() => open?.stage.close());

/** One stage at a time, since faults are of the whole process. */
async function stageFor(encrypted: boolean): Promise<Stage> {
  if (open?.encrypted !== encrypted) {
    await open?.stage.close();
    open = undefined;
    open = { stage: await openStage({ encrypted }), encrypted };
  }
  return open.stage;
}

const SCENARIOS = {
  ...ONBOARDING_SCENARIOS,
  ...SAFE_POINT_SCENARIOS,
  ...ACCOUNT_SCENARIOS,
  ...REFUND_SCENARIOS,
  ...CREDENTIAL_SCENARIOS,
  ...UPKEEP_SCENARIOS,
};

test.each(HISTORY_PATHS)(
  '%s is recorded',
  async (path) => {
    const handle = await SCENARIOS[path](await stageFor(isSealedHistory(path)));
    // An account's run goes on. Every other ends, well or not; its end belongs to the history.
    if (!path.startsWith('account.')) await handle.result().catch(() => undefined);
    const history = await handle.fetchHistory();
    if (isSealedHistory(path)) await emptySealedStacks(history);
    saveHistory(path, history);
  },
  180_000,
);
