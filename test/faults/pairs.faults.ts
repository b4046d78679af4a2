import { beforeAll, expect, test } from '@jest/globals';
import { type FaultMode } from '../support/faults.ts';
import { onboarding } from './flows/index.ts';
import { inBatches } from './in-batches.ts';
import { discoverAlone, modesOf } from './matrix.ts';
import { options, writeReport } from './options.ts';
import type { Case, PlannedFault } from './run-cases.ts';
import { inSeededOrder } from '../support/random.ts';

/** Two faults in one onboarding: every two boundaries in every two modes, and one boundary struck twice in a row. */
let points: string[] = [];
beforeAll(async () => {
  points = (await discoverAlone([onboarding], { busy: 1, waiting: 1 })).get(onboarding) ?? [];
}, 600_000);

function pairs(): Case[] {
  const single = points.flatMap((point) => modesOf(point).map((mode: FaultMode): PlannedFault => ({ point, occurrence: 1, mode })));
  return single.flatMap((first, index) =>
    single.slice(index).flatMap((second) => {
      const again = first.point === second.point;
      const both = (one: PlannedFault, two: PlannedFault): Case => ({
        flow: onboarding,
        faults: [one, again ? { ...two, occurrence: 2 } : two],
      });
      // Twice at one boundary the order counts, and so does the same mode twice.
      return again && first.mode !== second.mode ? [both(first, second), both(second, first)] : [both(first, second)];
    }),
  );
}

test('G1 to G6: any two faults in one onboarding, and it is one store all the same', async () => {
  const asked = options();
  const report = await inBatches(inSeededOrder(pairs(), asked.seed), asked, { busy: 6, waiting: 20 });
  writeReport('pairs', { ...report, boundaries: points.length });
  expect(report.violations).toEqual([]);
  expect(report.run).toBeGreaterThan(0);
}, 86_400_000);
