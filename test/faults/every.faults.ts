import { beforeAll, expect, test } from '@jest/globals';
import type { Flow } from './flow.ts';
import { FLOWS } from './flows/index.ts';
import { inBatches } from './in-batches.ts';
import { discoverAlone, singles } from './matrix.ts';
import { options, writeReport } from './options.ts';
import { inSeededOrder } from '../support/random.ts';

/** Single faults in full: every boundary of every flow, in every mode, also where another flow passes the same one. */
let found: Map<Flow, string[]>;
beforeAll(async () => {
  found = await discoverAlone(FLOWS, { busy: 6, waiting: 1 });
}, 600_000);

test('G1 to G6: one fault at every boundary of every flow, in every mode', async () => {
  const asked = options();
  const cases = inSeededOrder(singles(found, true), asked.seed);
  const report = await inBatches(cases, asked, { busy: 6, waiting: 20 });
  writeReport('singles', { ...report, flows: found.size });
  expect(report.violations).toEqual([]);
  expect(report.run).toBeGreaterThan(0);
}, 86_400_000);
