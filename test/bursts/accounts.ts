import { changeAccount } from '../support/account-changes.ts';
import { inTurns } from '../support/in-turns.ts';
import { arrived, witness, type Write } from '../support/witness.ts';
import { onGround, openStores, violationsOf } from './ground.ts';

const ACCOUNTS = 1_000;
const CHANGES = 100;
const WRITERS = 8;
/** A machine that does less than so many events a second is not waited for. */
const SLOWEST = 20;

export interface AccountsBurst {
  accounts: number;
  events: number;
  applies: number;
  /** Until the last event was committed, and until every store was at its newest version, ms. */
  committedMs: number;
  ms: number;
  eventsPerSecond: number;
  violations: number;
}

/** 1,000 accounts, 100 changes each, through outbox and relay: every event is delivered, and every store is at its newest version. */
export const burstOfAccounts = (note: (text: string) => void, changes = CHANGES): Promise<AccountsBurst> =>
  onGround(note, {}, async (ground) => {
    const { deps } = ground;
    const seen = await witness(ground.stack);
    try {
      const change = async (accountId: string): Promise<Pick<Write, 'accountId' | 'version'>> => {
        const { version } = await changeAccount(deps.db, { type: 'account.updated', accountId, fields: ['phone'] });
        return { accountId, version };
      };
      const accounts = await openStores(ground, ACCOUNTS);
      await seen.forget();
      note(`${String(ACCOUNTS)} stores stand; ${String(changes)} changes of each`);
      const began = performance.now();
      const rounds = Array.from({ length: changes }, () => accounts).flat();
      const commits = await inTurns(WRITERS, rounds, change);
      const committedMs = performance.now() - began;
      note(`${String(commits.length)} events committed in ${String(Math.round(committedMs / 1_000))} s`);
      const timeoutMs = (commits.length / SLOWEST) * 1_000;
      const writes = await arrived(seen, commits, timeoutMs);
      await ground.emptyOutbox(timeoutMs);
      const ms = performance.now() - began;
      return {
        accounts: ACCOUNTS,
        events: commits.length,
        applies: writes.length,
        committedMs,
        ms,
        eventsPerSecond: (commits.length * 1_000) / ms,
        violations: (await violationsOf(ground)).length,
      };
    } finally {
      await seen.close();
    }
  });
