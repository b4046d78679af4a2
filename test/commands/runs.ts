import fc from 'fast-check';
import { commandOf, DEFINITIONS, play, type KeptCommand, type Played } from './play.ts';
import { keepPlan, plans, smallest } from './plans.ts';

export interface RunOptions {
  seed: number;
  /** Begins with the run of this path, as a failure names it. */
  path?: string;
  runs: number;
  /** No run begins after so many minutes. */
  minutes: number;
  /** Commands of a run at most, before those that make no sense are passed over. */
  most: number;
  /** Runs that a failing plan is made smaller by, before it is kept. */
  tries: number;
}

/** What the runs came to. */
export interface RunReport {
  seed: number;
  runs: number;
  /** Commands that were done, by kind. */
  commands: Record<string, number>;
  /** Kinds that were done at least once, of how many there are. */
  kinds: { done: number; of: number; never: string[] };
  settles: number;
  violations: string[];
  /** Where a failing plan is kept. */
  kept: string | null;
  seconds: number;
}

const count = (counts: Record<string, number>, kind: string): void => void (counts[kind] = (counts[kind] ?? 0) + 1);

/** Plays plans until one fails, they are used up, or the time is. */
export async function runPlans({ seed, path, runs, minutes, most, tries }: RunOptions, note: (text: string) => void): Promise<RunReport> {
  const began = performance.now();
  const end = began + minutes * 60_000;
  const all: Played[] = [];
  const property = fc.asyncProperty(plans(most), async (plan) => {
    if (performance.now() > end) return;
    const played = await play(plan);
    all.push(played);
    note(`run ${String(all.length)}: ${String(played.commands.length)} commands, ${played.wrong === null ? 'right' : played.wrong}`);
    if (played.wrong !== null) throw new Error(played.wrong);
  });
  // Without fast-check's bias towards the small: a run of three commands costs nearly as long as one of thirty.
  const how = { seed, numRuns: runs, endOnFailure: true, unbiased: true, ...(path === undefined ? {} : { path }) };
  const details = await fc.check(property, how);
  const commands: Record<string, number> = {};
  for (const { commands: done } of all) for (const { kind } of done) count(commands, kind);
  const never = DEFINITIONS.map(({ kind }) => kind).filter((kind) => commands[kind] === undefined);
  const failing = all.find(({ wrong }) => wrong !== null);
  const violations =
    failing === undefined ? [] : [`seed ${String(seed)}, path ${String(details.counterexamplePath)}: ${failing.wrong ?? ''}`];
  return {
    seed,
    runs: all.length,
    commands,
    kinds: { done: DEFINITIONS.length - never.length, of: DEFINITIONS.length, never },
    settles: (commands['settle'] ?? 0) + all.length,
    violations,
    kept: failing === undefined ? null : await keepSmallest(failing, tries, note),
    seconds: Math.round((performance.now() - began) / 1_000),
  };
}

/** Makes a failing plan as small as so many runs make it, and keeps it. */
async function keepSmallest(failing: Played, tries: number, note: (text: string) => void): Promise<string> {
  let found = failing;
  const fails = async (commands: KeptCommand[]): Promise<boolean> => {
    const played = await play(commands.map(commandOf));
    note(`with ${String(commands.length)} commands: ${played.wrong ?? 'right'}`);
    if (played.wrong !== null) found = played;
    return played.wrong !== null;
  };
  await smallest(failing.commands, fails, tries);
  return keepPlan(found);
}
