import fc from 'fast-check';
import { keepSeed, keptSeeds } from '../support/seeds.ts';
import { Command, type Definition } from './command.ts';
import type { Model } from './model.ts';
import { commandOf, DEFINITIONS, type KeptCommand, type Played } from './play.ts';
import type { Real } from './real.ts';

/** The folder of the seeds. */
const FOLDER = 'commands';
/** So many times as often as the others: without orders that are paid there is nothing to do anything with, and some make sense only seldom. */
const OFTEN: Readonly<Record<string, number>> = {
  order: 3,
  pay: 6,
  'end-pending': 2,
  'give-back': 3,
  look: 3,
  agree: 3,
  refresh: 2,
  revoke: 2,
  'lose-grant': 3,
  deauthorize: 3,
  'month-is-paid': 3,
  'pay-back': 3,
  retry: 3,
  'call-off': 2,
  start: 2,
  'cluster-back': 2,
  settle: 2,
};

export interface KeptPlan {
  commands: KeptCommand[];
  /** What it found, for people. */
  found: string;
}

const commandsOf = (definition: Definition): fc.Arbitrary<Command>[] =>
  Array.from({ length: OFTEN[definition.kind] ?? 1 }, () => definition.args.map((args) => new Command(definition, args)));

/** How every plan begins: with two paid orders and one that is not, so that the first commands meet something. */
const FIRST: readonly KeptCommand[] = [
  ...[true, true, false].map((connected) => ({ kind: 'order', connected })),
  ...[0, 1].map((account) => ({ kind: 'pay', account, state: 'approved', right: true, notify: true })),
];

/** Plans of at most so many commands; those that make no sense when their turn comes are passed over. In two halves, so that few are short. */
export function plans(most: number): fc.Arbitrary<Iterable<fc.AsyncCommand<Model, Real>>> {
  const half = fc.commands<Model, Real, false>(DEFINITIONS.flatMap(commandsOf), { maxCommands: Math.ceil(most / 2), size: 'max' });
  return fc.tuple(half, half).map(([before, after]) => [...FIRST.map(commandOf), ...before, ...after]);
}

/** Takes parts out of a failing plan as long as it fails, halves first; each try costs as long as a run, so there are few. */
export async function smallest(
  failing: readonly KeptCommand[],
  fails: (commands: KeptCommand[]) => Promise<boolean>,
  tries: number,
): Promise<KeptCommand[]> {
  let least = [...failing];
  let left = tries;
  for (let size = Math.ceil(least.length / 2); size >= 1 && left > 0; size = Math.floor(size / 2)) {
    for (let at = 0; at < least.length && left > 0;) {
      const fewer = least.toSpliced(at, size);
      left -= 1;
      if (fewer.length > 0 && (await fails(fewer))) least = fewer;
      else at += size;
    }
  }
  return least;
}

/** Keeps a failing plan in `test/seeds/commands/`; gives the file. */
export function keepPlan({ commands, wrong }: Played): string {
  const plan: KeptPlan = { commands, found: (wrong ?? '').slice(0, 2_000) };
  return keepSeed(FOLDER, '', commands, plan);
}

/** Every plan that was kept, by the name of its file. */
export const keptPlans = (): [name: string, plan: KeptPlan][] => keptSeeds(FOLDER).map(([name, plan]) => [name, plan as KeptPlan]);
