import { FAULT_MODES, type FaultMode } from '../support/faults.ts';
import { isBoundary, type Boundary } from './boundaries-in-code.ts';
import { EXEMPT } from './exempt.ts';
import type { Flow } from './flow.ts';
import { FLOWS } from './flows/index.ts';
import { runCases, type Case, type Load, type Outcome } from './run-cases.ts';
import { openStage, type Stage } from './stage.ts';

/** The boundaries of each flow, found by running it once without a fault. Throws what a flow without faults fails with. */
export async function discover(stage: Stage, flows: readonly Flow[], load: Load): Promise<Map<Flow, string[]>> {
  const outcomes = await runCases(
    stage,
    flows.map((flow) => ({ flow, faults: [] })),
    load,
  );
  const broken = outcomes.flatMap(({ violation }) => violation ?? []);
  if (broken.length > 0) throw new Error(`without any fault:\n${broken.join('\n')}`);
  return new Map(outcomes.map((outcome) => [outcome.case.flow, pointsOf(outcome)]));
}

/** The same on a stage of its own, for suites that open theirs anew with each batch. */
export async function discoverAlone(flows: readonly Flow[], load: Load): Promise<Map<Flow, string[]>> {
  const stage = await openStage();
  try {
    return await discover(stage, flows, load);
  } finally {
    await stage.close();
  }
}

const pointsOf = ({ case: { flow }, passed }: Outcome): string[] => [...(flow.unattributed ?? passed)].sort();

/** A look: what it leaves behind is nothing, so of its modes only a failure and a silence differ from outside. */
const LOOKS =
  /^(?:admin-db\.(?:(?:load|find|list|show|read|look-for|due|next|told)-|refunds-of|blocking-refund|is-new-deletion|fleet-looks-dead|accounts-of-seller)|cluster\.(?:read|list|export|download)-|mercadopago\.(?:get-|list-|search-|me)|temporal\.(?:describe|query)-|archives\.read)/;
/**
 * The modes that differ from outside. A case is looked at before its late act and after it, so `zombie` has in it what `fail-before` is,
 * and `echo` what `fail-after` is.
 */
export const modesOf = (point: string): readonly FaultMode[] =>
  LOOKS.test(point) ? ['fail-before', 'hang'] : ['zombie', 'echo', 'twice', 'delay', 'hang'];

/**
 * The single faults: every boundary that a flow passes, in every mode that differs from outside. In full each flow is struck at all of its
 * boundaries in all modes; otherwise each boundary in the first flow of the list that passes it.
 */
export function singles(found: ReadonlyMap<Flow, readonly string[]>, full: boolean): Case[] {
  const struck = new Set<string>();
  return FLOWS.flatMap((flow) =>
    (found.get(flow) ?? []).flatMap((point) => {
      if (!full && struck.has(point)) return [];
      struck.add(point);
      return (full ? FAULT_MODES : modesOf(point)).map((mode) => ({ flow, faults: [{ point, occurrence: 1, mode }] }));
    }),
  );
}

/** Where code and matrix do not fit together: boundaries without a row, and exemptions that are none. */
export function gaps(code: readonly Boundary[], found: ReadonlyMap<Flow, readonly string[]>): { without: string[]; inVain: string[] } {
  const passed = [...new Set([...found.values()].flat())];
  const exempt = EXEMPT.flatMap(([names]) => names);
  const isExempt = (name: string): boolean => exempt.some((one) => isBoundary({ name: one, file: '' }, name));
  return {
    without: code
      .filter((boundary) => !isExempt(boundary.name) && !passed.some((name) => isBoundary(boundary, name)))
      .map(({ name, file }) => `${name} (${file})`),
    inVain: exempt.filter(
      (name) =>
        passed.some((one) => isBoundary({ name, file: '' }, one)) ||
        !code.some((boundary) => isBoundary({ name, file: '' }, boundary.name)),
    ),
  };
}
