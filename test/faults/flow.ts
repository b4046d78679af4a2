import type { Stage } from './stage.ts';

/** Whom a case is about: the name that faults know it by, usually its account. */
export interface Subject {
  id: string;
}

/** A business flow that is put under faults: what is done, and what must hold afterwards whatever failed on the way. */
export interface Flow<S extends Subject = Subject> {
  name: string;
  /** Makes a subject, before any fault. */
  open(stage: Stage): Promise<S>;
  /** Trouble that belongs to the flow, such as the failure that an undo comes from. */
  trouble?(stage: Stage, subject: S): void;
  /** Does what customers and operators do, and waits until Alta is done with it. */
  run(stage: Stage, subject: S): Promise<void>;
  /** Throws when something is not as it has to be. Called again after late acts (`zombie`, `echo`) have happened. */
  check(stage: Stage, subject: S): Promise<void>;
  /** Whether a subject that came out right may be used by the next case; not, unless this says so. */
  reusable?(stage: Stage, subject: S): boolean | Promise<boolean>;
  /** Boundaries that are passed for nobody in particular, so that such a case has the stage for itself. */
  unattributed?: readonly string[];
}

/** Lets flows of different subjects stand in one list. */
export const flowOf = <S extends Subject>(flow: Flow<S>): Flow => flow;

/** The same flow with one more trouble, which takes it along another way. */
export const troubled = (flow: Flow, what: string, trouble: NonNullable<Flow['trouble']>): Flow => ({
  ...flow,
  name: `${flow.name}, ${what}`,
  trouble(stage, subject) {
    flow.trouble?.(stage, subject);
    trouble(stage, subject);
  },
});

/** The answer to a start of a run is lost: it is asked for again, and the run is found. */
export const startedTwice = (flow: Flow, start: string): Flow =>
  troubled(flow, `the answer of ${start} lost`, ({ faults }, { id }) =>
    faults.at(start, { mode: 'fail-after', code: 'TEMPORAL_UNAVAILABLE', times: 1, of: id }),
  );
