import { condition, log, setCurrentDetails, upsertSearchAttributes } from '@temporalio/workflow';
import { AltaError } from '../contract/errors.ts';
import type { OnboardingInput, OnboardingProgress, ParkedStep, ResolveCommand } from '../contract/onboarding.ts';
import { SEARCH_ATTRIBUTES, type RunState as VisibleState } from '../contract/search-attributes.ts';
import { STEPS, type StepName } from '../contract/steps.ts';
import type { Failure } from './failure.ts';
import type { Decision } from './saga.ts';

/** What may reach a run while it stands still. */
export interface News {
  /** Whether something came that has to be looked at. */
  came: () => boolean;
  /** Looks at it; `retry` when that answers the stop itself. Throws when the run has to be undone because of it. */
  read: () => Promise<'retry' | undefined>;
}

/** What the run says of itself to the Admin DB, so that the story is readable without Temporal. */
export interface JobReport {
  state: 'running' | 'waiting' | 'parked' | 'compensating';
  step?: StepName;
  code?: string;
  message?: string;
  deadline?: string;
}

/**
 * What one onboarding knows of itself: which steps run, are done or parked, and what an operator decided. It shows all of it
 * in the Web UI (search attributes, current details), in the `progress` query and, through `report`, in the job row.
 */
export class RunState {
  readonly #input: OnboardingInput;
  readonly #report: (report: JobReport) => void;
  readonly #parked: ParkedStep[] = [];
  readonly #decisions: Partial<Record<StepName, Decision>> = {};
  readonly #steps: Partial<Record<StepName, string>> = {};
  #state: VisibleState = 'Running';
  #waiting: { wake: boolean; abort: boolean } | undefined;
  clusterId: string | null = null;
  pastPivot = false;

  constructor(input: OnboardingInput, report: (report: JobReport) => void) {
    this.#input = input;
    this.#report = report;
  }

  get state(): VisibleState {
    return this.#state;
  }

  /** Steps that an operator left out. */
  get skipped(): StepName[] {
    return this.#in('skipped');
  }

  progress(): OnboardingProgress {
    return {
      state: this.#state,
      accountId: this.#input.accountId,
      jobId: this.#input.jobId,
      clusterId: this.clusterId,
      running: this.#in('running'),
      done: this.#in('done'),
      skipped: this.#in('skipped'),
      compensated: this.#in('compensated'),
      parked: this.#parked,
    };
  }

  changed(step: StepName, state: string): void {
    this.#steps[step] = state;
    this.#describe();
  }

  /** Sets the visible state. Costs one history event, so only real changes are written. */
  enter(state: VisibleState, step?: StepName): void {
    if (state !== this.#state || step !== undefined) {
      upsertSearchAttributes([
        { key: SEARCH_ATTRIBUTES.state, value: state },
        ...(step === undefined ? [] : [{ key: SEARCH_ATTRIBUTES.step, value: step }]),
      ]);
    }
    this.#state = state;
    this.#describe();
  }

  /**
   * Stops at a step until an operator decides. The deadline never decides: it only raises the alert again (decision 17). News are
   * looked at meanwhile, and may end the run.
   */
  async park(step: StepName, failure: Failure, undo: boolean, news?: News): Promise<Decision> {
    const before = this.#state === 'NeedsAttention' ? 'Running' : this.#state;
    const parked: ParkedStep = { step, undo, ...failure, since: new Date().toISOString(), deadline: this.#deadline() };
    this.#parked.push(parked);
    delete this.#decisions[step];
    try {
      for (;;) {
        this.enter('NeedsAttention', step);
        this.#report({ state: 'parked', step, code: failure.code, message: failure.message, deadline: parked.deadline });
        const woken = await condition(
          () => this.#decisions[step] !== undefined || news?.came() === true,
          this.#input.policy.parkDeadlineMs,
        );
        if (this.#decisions[step] !== undefined) break;
        if (woken) {
          if ((await news?.read()) === 'retry') return 'retry';
          continue;
        }
        parked.deadline = this.#deadline();
        log.warn('onboarding still needs attention', { step, code: failure.code, since: parked.since });
      }
      return this.#decisions[step];
    } finally {
      this.#parked.splice(this.#parked.indexOf(parked), 1);
      if (this.#parked.length === 0) {
        this.enter(before);
        this.#reportAgain(before);
      }
    }
  }

  /** Waits visibly for `ms`, or until an operator or news wake the run. Answers `abort` when the operator gives up. */
  async waitForCluster(ms: number, news: News): Promise<'again' | 'abort'> {
    const waiting = { wake: false, abort: false };
    this.#waiting = waiting;
    this.enter('WaitingForCluster', this.#state === 'WaitingForCluster' ? undefined : 'reserve-placement');
    await condition(() => waiting.wake || waiting.abort || news.came(), ms).finally(() => (this.#waiting = undefined));
    return waiting.abort ? 'abort' : 'again';
  }

  /** Tells the Admin DB that the run waits for a cluster. */
  reportWaiting(message: string): void {
    this.#report({ state: 'waiting', step: 'reserve-placement', code: 'NO_ELIGIBLE_CLUSTER', message });
  }

  /** Tells the Admin DB what the run goes on with after a stop. */
  #reportAgain(state: VisibleState): void {
    if (state === 'WaitingForCluster') this.reportWaiting('no cluster was eligible before the run was parked');
    else this.#report({ state: state === 'Compensating' ? 'compensating' : 'running' });
  }

  /** The steps that a command is meant for. Throws RESOLVE_REFUSED, with the reason, when it makes no sense now. */
  targetsOf(command: ResolveCommand): StepName[] {
    const refuse = (why: string): never => {
      throw new AltaError('RESOLVE_REFUSED', why);
    };
    if (this.#waiting && (command.step === undefined || command.step === 'reserve-placement')) {
      return command.action === 'skip' ? refuse('a store needs a cluster: reserve-placement cannot be skipped') : ['reserve-placement'];
    }
    const open = this.#parked.filter(({ step }) => this.#decisions[step] === undefined);
    const names = open.map(({ step }) => step).join(', ');
    const meant = command.step === undefined ? open : open.filter(({ step }) => step === command.step);
    if (open.length === 0) return refuse('nothing is parked');
    if (meant.length === 0) return refuse(`step: ${String(command.step)} is not parked; parked: ${names}`);
    if (meant.length > 1 && command.action === 'skip') return refuse(`step: name the one to skip; parked: ${names}`);
    for (const { step, undo } of meant) {
      if (undo && command.action === 'compensate') return refuse(`${step} is being undone already; retry the undo or skip it`);
      if (!undo && command.action === 'skip' && !this.#skippable(step))
        return refuse(`step: ${step} cannot be skipped, a store does not work without it`);
      if (!undo && command.action === 'compensate' && this.pastPivot)
        return refuse('the account is active: past the pivot nothing is undone; retry or skip');
    }
    return meant.map(({ step }) => step);
  }

  /** Lets an operator's decision take effect. */
  decide(command: ResolveCommand): StepName[] {
    const targets = this.targetsOf(command);
    if (this.#waiting) {
      if (command.action === 'compensate') this.#waiting.abort = true;
      else this.#waiting.wake = true;
    } else {
      for (const step of targets) this.#decisions[step] = command.action;
    }
    return targets;
  }

  /** Past the pivot the payment is only looked at: to skip it is to keep the store. */
  #skippable(step: StepName): boolean {
    return STEPS[step].skippable || (this.pastPivot && step === 'verify-payment');
  }

  #in(state: string): StepName[] {
    return (Object.keys(STEPS) as StepName[]).filter((step) => this.#steps[step] === state);
  }

  #deadline(): string {
    return new Date(Date.now() + this.#input.policy.parkDeadlineMs).toISOString();
  }

  #describe(): void {
    const lines = (Object.keys(STEPS) as StepName[])
      .filter((step) => this.#steps[step] !== undefined)
      .map((step) => `- ${step}: ${String(this.#steps[step])}`);
    const attention = this.#parked.map(
      ({ step, code, message, deadline }) => `**needs attention** at \`${step}\`: ${code}: ${message} (by ${deadline})`,
    );
    setCurrentDetails([`**${this.#state}**${this.clusterId ? ` on ${this.clusterId}` : ''}`, ...attention, ...lines].join('\n'));
  }
}
