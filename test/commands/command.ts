import fc from 'fast-check';
import type { Account, Model } from './model.ts';
import type { Real } from './real.ts';

/** A kind of command: what may be done to Alta, when, and what the model makes of it. */
export interface Definition<A extends object = Record<string, unknown>> {
  kind: string;
  /** What it is done with: plain data, so that a plan can be kept. */
  args: fc.Arbitrary<A>;
  /** Whether somebody would do it now, by what the model knows. */
  can(model: Model, args: A): boolean;
  /** Does it for real, and tells the model. */
  act(model: Model, real: Real, args: A): Promise<void> | void;
}

/** Lets definitions of different arguments stand in one list. */
export const define = <A extends object>(definition: Definition<A>): Definition => definition as unknown as Definition;

/** A command about one of the accounts that it can be about; which one is chosen by its number. */
export const aboutAccount = <A extends object>(
  kind: string,
  args: fc.Arbitrary<A>,
  can: (account: Account, args: A & { account: number }, model: Model) => boolean,
  act: (account: Account, real: Real, args: A & { account: number }, model: Model) => Promise<void> | void,
): Definition => {
  const those = (model: Model, given: A & { account: number }): Account[] => model.accounts.filter((one) => can(one, given, model));
  return define<A & { account: number }>({
    kind,
    args: fc.tuple(fc.nat({ max: 99 }), args).map(([account, more]) => ({ account, ...more })),
    can: (model, given) => those(model, given).length > 0,
    act: (model, real, given) => {
      const list = those(model, given);
      return act(list[given.account % list.length]!, real, given, model);
    },
  });
};

export const NOTHING = fc.constant({});

/** One command with its arguments, as fast-check runs it and as a plan keeps it. */
export class Command implements fc.AsyncCommand<Model, Real> {
  readonly kind: string;
  readonly #definition: Definition;
  readonly #args: Record<string, unknown>;

  constructor(definition: Definition, args: Record<string, unknown>) {
    this.kind = definition.kind;
    this.#definition = definition;
    this.#args = args;
  }

  check(model: Readonly<Model>): boolean {
    return this.#definition.can(model, this.#args);
  }

  async run(model: Model, real: Real): Promise<void> {
    real.played.push(this.toJSON());
    await this.#definition.act(model, real, this.#args);
  }

  toJSON(): object {
    return { kind: this.kind, ...this.#args };
  }

  toString(): string {
    return JSON.stringify(this);
  }
}
