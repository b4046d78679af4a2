import { circumstances, saveFigures } from '../proof/figures.ts';

/** What a long run is asked to do; `main.ts` sets it, the suites read it. */
export interface Options {
  /** Longest time of a suite, minutes; what is left out then is counted. */
  minutes: number;
  /** Orders the cases, and makes the random plans. */
  seed: number;
  /** Cases of that order which an earlier run has done. */
  from: number;
  /** Random plans. */
  plans: number;
}

export const options = (): Options => {
  const number = (name: string, otherwise: number): number => Number(process.env[`ALTA_FAULTS_${name}`] ?? otherwise);
  return { minutes: number('MINUTES', 10), seed: number('SEED', 1), from: number('FROM', 0), plans: number('PLANS', 200) };
};

/** What a suite came to, for whoever reports it. */
export interface Report {
  seed: number;
  /** Cases that were run, of how many there are; the run began with case `from` of the seed's order. */
  from: number;
  run: number;
  of: number;
  /** Faults that struck. */
  injected: number;
  /** Acts that happened after their run had gone on. */
  late: number;
  violations: string[];
  seconds: number;
}

/** Writes a suite's report where `npm run proof` looks for it: `.alta/proof/<suite>.json`, which git ignores. */
export function writeReport(suite: string, report: Report & Record<string, unknown>): void {
  saveFigures(suite, { ...circumstances(), ...report });
  const { from, run, of, injected, violations, seconds, seed } = report;
  process.stderr.write(
    `${suite}: seed ${String(seed)}, cases ${String(from)} to ${String(from + run)} of ${String(of)}, ${String(injected)} faults struck, ${String(violations.length)} violations, ${String(seconds)} s\n`,
  );
}
