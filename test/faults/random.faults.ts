import { beforeAll, expect, test } from '@jest/globals';
import type { Flow } from './flow.ts';
import { FLOWS } from './flows/index.ts';
import { inBatches } from './in-batches.ts';
import { discoverAlone } from './matrix.ts';
import { options, writeReport } from './options.ts';
import { keepPlan, randomPlans, smallest } from './plans.ts';
import { nameOf, type Outcome } from './run-cases.ts';
import { openStage } from './stage.ts';

/**
 * Random plans of faults, a few at a time, in any flow. While they strike, what must never be is looked for; then the faults are taken away
 * and everything has to come out right within the bounds of its waits. A failing plan is made small and kept in `test/seeds/`.
 */
let found: Map<Flow, string[]>;
beforeAll(async () => {
  found = await discoverAlone(FLOWS, { busy: 6, waiting: 1 });
}, 600_000);

test('G1 to G6 G8: random faults, then none: everything converges', async () => {
  const asked = options();
  const failed: Outcome[] = [];
  const plans = randomPlans(found, asked.seed, asked.plans);
  const report = await inBatches(plans, asked, { busy: 6, waiting: 20 }, (outcomes) =>
    failed.push(...outcomes.filter(({ violation }) => violation !== null)),
  );
  const kept: string[] = [];
  if (failed.length > 0) {
    const stage = await openStage();
    try {
      // A few are enough to work on; the report names all.
      for (const one of failed.slice(0, 5)) {
        const least = await smallest(stage, one.case);
        kept.push(keepPlan(least, one.violation ?? ''));
        process.stderr.write(`seed ${String(asked.seed)}: ${nameOf(least)}\n`);
      }
    } finally {
      await stage.close();
    }
  }
  writeReport('random', { ...report, kept });
  expect(report.violations).toEqual([]);
  expect(report.run).toBeGreaterThan(0);
}, 86_400_000);
