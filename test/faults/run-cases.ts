import { evidenceOf } from '../support/evidence.ts';
import type { FaultMode } from '../support/faults.ts';
import type { Flow, Subject } from './flow.ts';
import type { Stage } from './stage.ts';

/** A fault of a case: at which boundary, which passage of it, how. */
export interface PlannedFault {
  point: string;
  /** From 1. */
  occurrence: number;
  mode: FaultMode;
}

export interface Case {
  flow: Flow;
  faults: readonly PlannedFault[];
}

export interface Outcome {
  case: Case;
  /** How many of its faults struck. */
  struck: number;
  /** Acts that happened late. */
  late: number;
  /** Why it did not come out right; null when it did. */
  violation: string | null;
  passed: ReadonlySet<string>;
  ms: number;
}

export const nameOf = ({ flow, faults }: Case): string =>
  `${flow.name}: ${faults.map(({ point, occurrence, mode }) => `${mode} at ${point}${occurrence === 1 ? '' : ` (passage ${String(occurrence)})`}`).join(', ') || 'no fault'}`;

/** Subjects that came out right and may be used again, by flow. */
export type Lanes = Map<Flow, Subject[]>;

const waits = ({ faults }: Case): boolean => faults.some(({ mode }) => mode === 'delay' || mode === 'hang');

/**
 * Runs one case: opens or takes a subject, puts the faults, does the flow, takes the faults away and looks; then lets everything happen
 * that was held back, and looks again. Never throws.
 */
export async function runCase(stage: Stage, one: Case, lanes: Lanes = new Map(), late = true): Promise<Outcome> {
  const { flow } = one;
  const { faults } = stage;
  const began = performance.now();
  const alone = flow.unattributed !== undefined;
  const outcome: Outcome = { case: one, struck: 0, late: 0, violation: null, passed: new Set(), ms: 0 };
  let subject: Subject | undefined;
  try {
    subject = lanes.get(flow)?.pop() ?? (await flow.open(stage));
    const { id } = subject;
    faults.clearOf(id);
    const from = faults.passed.length;
    for (const { point, occurrence, mode } of one.faults)
      faults.at(point, { mode, times: 1, skip: occurrence - 1, ...(alone ? {} : { of: id }) });
    flow.trouble?.(stage, subject);
    await flow.run(stage, subject);
    outcome.struck = one.faults.filter(({ point }) => faults.spent(point, alone ? undefined : id)).length;
    outcome.passed = new Set(alone ? faults.passed.slice(from) : faults.passedBy(id));
    if (alone) faults.clear();
    else faults.clearOf(id);
    await flow.check(stage, subject);
    if (late && (outcome.late = await faults.late(alone ? '' : id)) > 0) await flow.check(stage, subject);
    if (await flow.reusable?.(stage, subject)) lanes.set(flow, [...(lanes.get(flow) ?? []), subject]);
  } catch (error) {
    const evidence = subject === undefined ? '' : ` [${await evidenceOf(stage.world.temporal, subject.id)}]`;
    outcome.violation = `${nameOf(one)} (${subject?.id ?? 'no subject'}): ${error instanceof Error ? error.message : String(error)}${evidence}`;
    if (subject !== undefined && !alone) faults.clearOf(subject.id);
  }
  outcome.ms = Math.round(performance.now() - began);
  return outcome;
}

export interface Load {
  /** Cases at once that are at work, and cases at once that mostly wait for time limits. */
  busy: number;
  waiting: number;
  /** Called after each case; false stops the run. */
  go?: (outcome: Outcome) => boolean;
}

/** Runs cases, many at once; those of a flow that cannot be attributed one after another, at the end. Gives what each came to. */
export async function runCases(stage: Stage, cases: readonly Case[], { busy, waiting, go = () => true }: Load): Promise<Outcome[]> {
  const lanes: Lanes = new Map();
  const outcomes: Outcome[] = [];
  let stopped = false;
  const drain = async (queue: Case[], atOnce: number): Promise<void> => {
    const lane = async (): Promise<void> => {
      for (let one = queue.shift(); one !== undefined && !stopped; one = queue.shift()) {
        const outcome = await runCase(stage, one, lanes);
        outcomes.push(outcome);
        if (!go(outcome)) stopped = true;
      }
    };
    await Promise.all(Array.from({ length: Math.min(atOnce, queue.length) }, lane));
  };
  const together = cases.filter(({ flow }) => flow.unattributed === undefined);
  await Promise.all([
    drain(
      together.filter((one) => !waits(one)),
      busy,
    ),
    drain(together.filter(waits), waiting),
  ]);
  await drain(
    cases.filter(({ flow }) => flow.unattributed !== undefined),
    1,
  );
  return outcomes;
}
