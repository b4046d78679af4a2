import fc from 'fast-check';
import { Command, type Definition } from './command.ts';
import { CONSENTS } from './consents.ts';
import { FAULTS } from './faults.ts';
import { newModel, type Model } from './model.ts';
import { PAYMENTS } from './payments.ts';
import { openReal, type Real } from './real.ts';
import { settleAtEnd, SETTLE, type Patience } from './settle.ts';
import { STORES } from './stores.ts';
import { UPKEEP } from './upkeep.ts';

export const DEFINITIONS: readonly Definition[] = [...PAYMENTS, ...STORES, ...CONSENTS, ...FAULTS, ...UPKEEP, SETTLE];

/** A command as a plan keeps it. */
export interface KeptCommand {
  kind: string;
  [argument: string]: unknown;
}

/** How a run of commands ended. */
export interface Played {
  /** The commands that were really done, in their order. */
  commands: KeptCommand[];
  /** What was wrong; null when nothing was. */
  wrong: string | null;
}

/** A command that was kept. Throws for a kind that there is no more. */
export function commandOf({ kind, ...args }: KeptCommand): Command {
  const definition = DEFINITIONS.find((one) => one.kind === kind);
  if (definition === undefined) throw new Error(`no command is of the kind ${JSON.stringify(kind)}`);
  return new Command(definition, args);
}

/** Does the commands that make sense, one after another, to an Alta of its own, and comes to rest at the end. */
export async function play(commands: Iterable<fc.AsyncCommand<Model, Real>>, patience?: Patience): Promise<Played> {
  const real = await openReal();
  const model = newModel(real.world.lines.length);
  let wrong: string | null = null;
  try {
    await fc.asyncModelRun(() => ({ model, real }), commands);
    await settleAtEnd(model, real, patience);
  } catch (error) {
    wrong = error instanceof Error ? error.message : String(error);
  } finally {
    await real.close();
  }
  return { commands: real.played as KeptCommand[], wrong };
}
