import { CancellationScope, isCancellation } from '@temporalio/workflow';
import { failureOf, type Failure } from './failure.ts';

export type Decision = 'retry' | 'skip' | 'compensate';

/** Thrown by `step` and `wave` when the run has to be undone. Whoever catches it calls `compensate`. */
export class SagaAborted extends Error {
  override readonly name = 'SagaAborted';
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** What a saga asks of the workflow that runs it. */
export interface SagaHost<Step extends string> {
  /** What a final failure of a step leads to; the host knows the error table, the policy and the pivot. */
  dispositionOf(step: Step, failure: Failure): 'park' | 'abort';
  /** Stops at a step and answers with an operator's decision. For an undo, `skip` gives it up and `compensate` is not offered. */
  park(step: Step, failure: Failure, undo: boolean): Promise<Decision>;
  /** Tells of progress. */
  changed(step: Step, state: 'running' | 'done' | 'skipped' | 'compensating' | 'compensated' | 'compensation_failed'): void;
}

interface Undo<Step> {
  step: Step;
  /** Undos of one wave are tried together before a failed one of them parks. */
  wave: number;
  /** Runs only when every undo before it succeeded (P-158: the assignment stays while a cleanup failed). */
  onlyWhenClean: boolean;
  act: () => Promise<unknown>;
}

/**
 * A saga that keeps laws 6 and 7:
 *
 * 1. An undo is registered before its step acts: a step that timed out may have happened.
 * 2. Undos run last first, in a scope that cannot be cancelled.
 * 3. A failed undo parks; it is never swallowed. The other undos of its wave are tried first.
 * 4. A step whose failure is final either aborts the saga (declared, permanent) or parks (everything else).
 * 5. When one of several parallel steps aborts, the others are cancelled and waited for before anything is undone.
 */
export class Saga<Step extends string> {
  readonly #host: SagaHost<Step>;
  readonly #undos: Undo<Step>[] = [];
  #wave = 0;

  constructor(host: SagaHost<Step>) {
    this.#host = host;
  }

  /** True once a step with an undo has begun: from here on a rejection has something to undo. */
  get hasUndos(): boolean {
    return this.#undos.length > 0;
  }

  /** Drops every undo: what was done stays done (the pivot). */
  commit(): void {
    this.#undos.length = 0;
  }

  /** Runs one step until it is done or skipped; `undefined` means skipped by an operator. Throws SagaAborted or CancelledFailure. */
  async step<T>(
    step: Step,
    act: () => Promise<T>,
    undo?: () => Promise<unknown>,
    options?: { onlyWhenClean?: boolean },
  ): Promise<T | undefined> {
    if (undo) this.#undos.push({ step, wave: this.#wave, onlyWhenClean: options?.onlyWhenClean ?? false, act: undo });
    for (;;) {
      this.#host.changed(step, 'running');
      try {
        const result = await act();
        this.#host.changed(step, 'done');
        return result;
      } catch (error) {
        if (error instanceof SagaAborted || isCancellation(error)) throw error;
        const failure = failureOf(error);
        if (this.#host.dispositionOf(step, failure) === 'abort') throw new SagaAborted(failure);
        const decision = await this.#host.park(step, failure, false);
        if (decision === 'compensate')
          throw new SagaAborted({
            code: 'COMPENSATED_BY_OPERATOR',
            message: `undone by an operator after ${failure.code}: ${failure.message}`,
          });
        if (decision === 'skip') {
          this.#host.changed(step, 'skipped');
          return undefined;
        }
      }
    }
  }

  /** Runs steps in parallel. The first failure cancels the others, waits for them, and is then thrown. */
  async wave(...steps: (() => Promise<unknown>)[]): Promise<void> {
    this.#wave += 1;
    const failures: unknown[] = [];
    const scope = new CancellationScope();
    await scope.run(async () => {
      await Promise.all(
        steps.map(async (run) => {
          try {
            await run();
          } catch (error) {
            failures.push(error);
            scope.cancel();
          }
        }),
      );
    });
    // A declared failure says more than the cancellations that it caused.
    if (failures.length > 0) throw failures.find((error) => error instanceof SagaAborted) ?? failures[0];
  }

  /** Undoes everything that was begun, last first. Returns the steps whose undo an operator gave up. */
  async compensate(): Promise<Step[]> {
    return CancellationScope.nonCancellable(async () => {
      const abandoned: Step[] = [];
      let failed: { undo: Undo<Step>; failure: Failure }[] = [];
      const settle = async (): Promise<void> => {
        for (const { undo, failure } of failed) if (!(await this.#insist(undo, failure))) abandoned.push(undo.step);
        failed = [];
      };
      for (const undo of this.#undos.splice(0).reverse()) {
        if (failed[0] !== undefined && failed[0].undo.wave !== undo.wave) await settle();
        if (undo.onlyWhenClean && abandoned.length > 0) {
          this.#host.changed(undo.step, 'compensation_failed');
          continue;
        }
        const failure = await this.#attempt(undo);
        if (failure) failed.push({ undo, failure });
      }
      await settle();
      return abandoned;
    });
  }

  async #attempt(undo: Undo<Step>): Promise<Failure | undefined> {
    this.#host.changed(undo.step, 'compensating');
    try {
      await undo.act();
      this.#host.changed(undo.step, 'compensated');
      return undefined;
    } catch (error) {
      this.#host.changed(undo.step, 'compensation_failed');
      return failureOf(error);
    }
  }

  /** Parks a failed undo until it succeeds (true) or an operator gives it up (false). */
  async #insist(undo: Undo<Step>, failure: Failure): Promise<boolean> {
    let last: Failure | undefined = failure;
    while (last) {
      if ((await this.#host.park(undo.step, last, true)) === 'skip') return false;
      last = await this.#attempt(undo);
    }
    return true;
  }
}
