import { verify } from '../../client/operations/verify/index.ts';
import { eventually } from '../support/eventually.ts';
import { findingsOf } from '../support/oracle.ts';
import { drainedOutbox } from '../support/payments.ts';
import type { Options, Report } from './options.ts';
import { runCases, type Case, type Load, type Outcome } from './run-cases.ts';
import { openStage, type Stage } from './stage.ts';

/** Cases on one stage: a simulator that remembers thousands of payments is slow. */
const BATCH = 200;
/** Safety net, ms. */
const ARRIVES_WITHIN_MS = 120_000;

/**
 * Runs cases in order until they or the time are used up, on a new stage for each batch. After each batch the oracle looks at every
 * account of it.
 */
export async function inBatches(
  cases: readonly Case[],
  { minutes, seed, from }: Pick<Options, 'minutes' | 'seed' | 'from'>,
  load: Load,
  seen: (outcomes: readonly Outcome[]) => void = () => undefined,
): Promise<Report> {
  const began = performance.now();
  const end = began + minutes * 60_000;
  const report: Report = { seed, from, run: 0, of: cases.length, injected: 0, late: 0, violations: [], seconds: 0 };
  for (let at = from; at < cases.length && performance.now() < end; at += BATCH) {
    const stage = await openStage();
    try {
      const outcomes = await runCases(stage, cases.slice(at, at + BATCH), { ...load, go: () => performance.now() < end });
      report.run += outcomes.length;
      report.injected += outcomes.reduce((sum, { struck }) => sum + struck, 0);
      report.late += outcomes.reduce((sum, { late }) => sum + late, 0);
      report.violations.push(...outcomes.flatMap(({ violation }) => violation ?? []), ...(await broken(stage, outcomes)));
      seen(outcomes);
    } finally {
      await stage.close();
    }
    const minutesLeft = Math.round((end - performance.now()) / 60_000);
    process.stderr.write(
      `${String(from + report.run)} of ${String(cases.length)} cases, ${String(report.violations.length)} violations, ${String(Math.max(0, minutesLeft))} minutes left\n`,
    );
  }
  return { ...report, seconds: Math.round((performance.now() - began) / 1_000) };
}

/**
 * What the oracle finds broken of this stage's accounts, once what was told last had its time to get from the account's workflow to the
 * cluster (G8); nothing is asked of those whose case was broken already.
 */
export async function broken(stage: Stage, outcomes: readonly Outcome[]): Promise<string[]> {
  if (outcomes.some(({ violation }) => violation !== null)) return [];
  await drainedOutbox(stage.world);
  let found: string[] = [];
  const none = async (): Promise<boolean> => (found = findingsOf(await verify(stage.world.deps), stage.mine)).length === 0;
  await eventually(none, 'a system in which every law holds', ARRIVES_WITHIN_MS).catch(() => undefined);
  return found;
}
