import { expect, test } from '@jest/globals';
import { broken } from './in-batches.ts';
import { keptPlans } from './plans.ts';
import { runCases } from './run-cases.ts';
import { openStage } from './stage.ts';

/** Plans of faults that once broke something (`test/seeds/`): never again. */
test('G1 to G6: every plan that failed once comes out right', async () => {
  const plans = keptPlans();
  expect(plans.length).toBeGreaterThan(0);
  const stage = await openStage();
  try {
    const outcomes = await runCases(stage, plans, { busy: 6, waiting: 20 });
    expect(outcomes.flatMap(({ violation }) => violation ?? [])).toEqual([]);
    expect(outcomes).toHaveLength(plans.length);
    expect(await broken(stage, outcomes)).toEqual([]);
  } finally {
    await stage.close();
  }
}, 300_000);
