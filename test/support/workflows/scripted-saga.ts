import {
  ActivityCancellationType,
  condition,
  defineQuery,
  defineSignal,
  isCancellation,
  proxyActivities,
  setHandler,
} from '@temporalio/workflow';
import { errorRow } from '../../../contract/errors.ts';
import { Saga, SagaAborted, type Decision } from '../../../workflows/saga.ts';

/** Waves of step names; the test's activities decide what each act and undo does. */
export interface Script {
  waves: string[][];
  /** Steps whose undo waits for a clean undo of everything before it. */
  onlyWhenClean?: string[];
  /** Drop the undos after this many waves (the pivot). */
  commitAfter?: number;
}

export interface ScriptedActs {
  act(step: string): Promise<void>;
  undo(step: string): Promise<void>;
}

export interface ScriptEnd {
  end: 'done' | 'compensated';
  code?: string;
  abandoned: string[];
}

export const decide = defineSignal<[{ step: string; decision: Decision }]>('decide');
export const parked = defineQuery<string[]>('parked');

const { act } = proxyActivities<ScriptedActs>({
  startToCloseTimeout: '20 seconds',
  heartbeatTimeout: '2 seconds',
  retry: { initialInterval: 1, maximumAttempts: 2 },
  cancellationType: ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
});
const { undo } = proxyActivities<ScriptedActs>({ startToCloseTimeout: '20 seconds', retry: { initialInterval: 1, maximumAttempts: 2 } });

/** Runs the product's saga runner over a script. */
export async function scriptedSaga(script: Script): Promise<ScriptEnd> {
  const stops: string[] = [];
  const decisions: Record<string, Decision> = {};
  setHandler(decide, ({ step, decision }) => void (decisions[step] = decision));
  setHandler(parked, () => stops);
  const saga = new Saga<string>({
    dispositionOf: (_step, { code }) => (errorRow(code).retryable || errorRow(code).onExhausted === 'park' ? 'park' : 'abort'),
    async park(step, _failure, undone) {
      const name = undone ? `undo ${step}` : step;
      stops.push(name);
      try {
        await condition(() => decisions[name] !== undefined);
        return decisions[name]!;
      } finally {
        delete decisions[name];
        stops.splice(stops.indexOf(name), 1);
      }
    },
    changed: () => undefined,
  });
  const back = async (code: string): Promise<ScriptEnd> => ({ end: 'compensated', code, abandoned: await saga.compensate() });
  try {
    for (const [index, wave] of script.waves.entries()) {
      await saga.wave(
        ...wave.map(
          (step) => () =>
            saga.step(
              step,
              () => act(step),
              () => undo(step),
              { onlyWhenClean: script.onlyWhenClean?.includes(step) ?? false },
            ),
        ),
      );
      if (script.commitAfter === index + 1) saga.commit();
    }
    return { end: 'done', abandoned: [] };
  } catch (error) {
    if (error instanceof SagaAborted) return back(error.failure.code);
    if (isCancellation(error)) return back('CANCELLED');
    throw error;
  }
}
