import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { boundariesInCode, type Boundary } from './boundaries-in-code.ts';
import type { Flow } from './flow.ts';
import { FLOWS } from './flows/index.ts';
import { broken } from './in-batches.ts';
import { discover, gaps, singles } from './matrix.ts';
import { nameOf, runCases } from './run-cases.ts';
import { openStage, type Stage } from './stage.ts';

/**
 * Single faults, all boundaries of the code: each fails before acting, fails after it acted, acts twice, acts late, acts once more late, is
 * delayed past its time limit and never answers, in the first flow that passes it. Many accounts at once, each with one fault of its own.
 * Every boundary of every flow in every mode, and crashes: `npm run test:pairs`.
 */
const LOAD = { busy: 6, waiting: 20 };

let stage: Stage;
let found: Map<Flow, string[]>;
let code: Boundary[];
beforeAll(async () => {
  // It reads the code for seconds in which nothing else runs, so before there are workers.
  code = boundariesInCode();
  stage = await openStage();
  found = await discover(stage, FLOWS, { busy: 6, waiting: 1 });
}, 600_000);
afterAll(() => stage.close());

test('every boundary of the code is passed by a flow of the matrix, or stands among the exempt with its reason', () => {
  expect(gaps(code, found)).toEqual({ without: [], inVain: [] });
});

test('a boundary that is new in the code, and an exemption that is none, are found', () => {
  const name = 'cluster.forgotten';
  expect(gaps([...code, { name, file: 'adapters/cluster/forgotten.ts' }], found).without).toEqual([
    `${name} (adapters/cluster/forgotten.ts)`,
  ]);
  expect(gaps(code, new Map([...found, [FLOWS[0]!, [...found.get(FLOWS[0]!)!, 'alerts.post']]])).inVain).toEqual(['alerts.post']);
  const less = new Map([...found].map(([flow, points]) => [flow, points.filter((point) => point !== 'admin-db.take-slot')]));
  expect(gaps(code, less).without).toEqual([expect.stringMatching(/^admin-db\.take-slot /)]);
});

test('P-117 P-170 P-732 P-752 G1 to G6: one fault at any boundary, in any mode, and everything comes out as it has to', async () => {
  const cases = singles(found, false);
  const outcomes = await runCases(stage, cases, LOAD);
  expect(outcomes.flatMap(({ violation }) => violation ?? [])).toEqual([]);
  // On some ways a race decides whether a boundary is passed; most faults have to strike all the same.
  const missed = outcomes.filter(({ struck }) => struck === 0).map((outcome) => nameOf(outcome.case));
  expect(missed.length).toBeLessThan(cases.length / 20);
  expect(outcomes).toHaveLength(cases.length);
  expect(await broken(stage, outcomes)).toEqual([]);
}, 1_800_000);
