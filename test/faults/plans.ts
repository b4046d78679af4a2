import fc from 'fast-check';
import { basename } from 'node:path';
import { FAULT_MODES } from '../support/faults.ts';
import { keepSeed, keptSeeds } from '../support/seeds.ts';
import type { Flow } from './flow.ts';
import { FLOWS } from './flows/index.ts';
import { runCase, type Case, type PlannedFault } from './run-cases.ts';
import type { Stage } from './stage.ts';

/** Faults of one plan: fewer than any step has tries, so that nothing is given up for their number alone. */
const MOST = 6;

export interface KeptPlan {
  flow: string;
  faults: PlannedFault[];
  /** What it found, for people. */
  found: string;
}

/** Random plans of a flow. Swarm: each plan draws its faults from a few modes and a part of the boundaries, so that rare mixes come up. */
function planOf(points: readonly string[]): fc.Arbitrary<PlannedFault[]> {
  const some = fc.record({
    modes: fc.subarray([...FAULT_MODES], { minLength: 1 }),
    where: fc.subarray([...points], { minLength: 1 }),
  });
  return some.chain(({ modes, where }) =>
    fc.uniqueArray(
      fc.record({ point: fc.constantFrom(...where), occurrence: fc.integer({ min: 1, max: 3 }), mode: fc.constantFrom(...modes) }),
      { minLength: 1, maxLength: MOST, selector: ({ point }) => point },
    ),
  );
}

/** So many plans, the same for the same seed. */
export function randomPlans(found: ReadonlyMap<Flow, readonly string[]>, seed: number, count: number): Case[] {
  const flows = [...found].filter(([flow]) => flow.unattributed === undefined);
  const one = fc.constantFrom(...flows).chain(([flow, points]) => planOf(points).map((faults): Case => ({ flow, faults })));
  return fc.sample(one, { seed, numRuns: count });
}

/** Takes faults out of a failing plan as long as it fails, one after the other; each try has a subject of its own. */
export async function smallest(stage: Stage, failing: Case): Promise<Case> {
  let least = failing;
  for (const fault of failing.faults) {
    const fewer = { ...least, faults: least.faults.filter((one) => one !== fault) };
    if (fewer.faults.length > 0 && (await runCase(stage, fewer)).violation !== null) least = fewer;
  }
  return least;
}

/** Keeps a failing plan in `test/seeds/`; gives the file's name. */
export function keepPlan({ flow, faults }: Case, found: string): string {
  const plan: KeptPlan = { flow: flow.name, faults: [...faults], found: found.slice(0, 500) };
  return basename(keepSeed('.', `${flow.name.replaceAll(/[^a-z0-9]+/gi, '-')}.`, [plan.flow, plan.faults], plan));
}

/** Every plan that was kept, as a case. Throws for one of a flow that there is no more. */
export const keptPlans = (): Case[] =>
  keptSeeds('.').map(([name, plan]) => {
    const { flow: called, faults } = plan as KeptPlan;
    const flow = FLOWS.find((one) => one.name === called);
    if (flow === undefined) throw new Error(`test/seeds/${name}: no flow is called ${JSON.stringify(called)}`);
    return { flow, faults };
  });
