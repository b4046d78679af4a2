import { errorRow, isAltaError } from '../../contract/errors.ts';
import { pause } from '../../local/wait.ts';

const AGAIN_MS = 250;

/** Customers, sellers and operators, who do one thing after another about each account, and are not put off by a fault. */
export interface People {
  /** Each act about an account begins when the one before it has ended. A failure is told at the next rest. */
  inTurn(accountId: string, what: string, act: () => Promise<unknown>): void;
  /** What somebody is still at, by account id. */
  readonly doing: ReadonlyMap<string, string>;
  /** Acts that did not end as the model says. */
  readonly wrong: readonly string[];
  /** Says that the run is over: nobody waits for anything any more. */
  readonly over: AbortSignal;
  /** Does what a person tries again: as long as the answer says that it may come right by itself. */
  insist<T>(act: () => Promise<T>): Promise<T>;
}

/** `over` ends what is still tried. */
export function createPeople(over: AbortSignal): People {
  const turns = new Map<string, Promise<void>>();
  const doing = new Map<string, string>();
  const wrong: string[] = [];
  return {
    doing,
    wrong,
    over,
    inTurn: (accountId, what, act) => {
      const before = turns.get(accountId) ?? Promise.resolve();
      const turn: Promise<void> = before.then(async () => {
        doing.set(accountId, what);
        try {
          await act();
        } catch (error) {
          if (!over.aborted) wrong.push(`account ${accountId}, ${what}: ${String(error)}`);
        }
        if (turns.get(accountId) === turn) doing.delete(accountId);
      });
      turns.set(accountId, turn);
      if (!doing.has(accountId)) doing.set(accountId, what);
    },
    insist: async (act) => {
      for (;;) {
        try {
          return await act();
        } catch (error) {
          if (over.aborted || !isAltaError(error) || !(errorRow(error.code).retryable || error.code === 'MP_NOT_CONFIGURED')) throw error;
          await pause(AGAIN_MS);
        }
      }
    },
  };
}
