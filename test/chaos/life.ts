import { randomUUID } from 'node:crypto';
import { isAltaError } from '../../contract/errors.ts';
import { pause } from '../../local/wait.ts';
import type { Asked } from '../support/account-changes.ts';
import type { Ground } from './ground.ts';
import { insist } from './orders.ts';
import type { PaidOrder } from './traffic.ts';

/** A change of an account that an operator ordered. */
export interface Given {
  accountId: string;
  commandId: string;
  action: string;
}

export interface Life {
  /** Commands that were answered. */
  readonly given: Given[];
  readonly tally: {
    /** Commands that got no answer and were given again under the same id. */
    repeated: number;
    /** Answers that nobody foresaw (INTERNAL), in their own words. */
    unforeseen: Record<string, number>;
    /** Commands that were refused, by code; none of these should be. */
    refused: Record<string, number>;
  };
  done: Promise<void>;
}

/** One after another; at the end the account is open again, on another plan. */
const COMMANDS: readonly Asked[] = [
  { action: 'change-plan', planKey: 'starter' },
  { action: 'suspend', cause: 'operator' },
  { action: 'change-plan', planKey: 'enterprise' },
  { action: 'resume', cause: 'operator' },
];
export const LAST_PLAN = 'enterprise';

const LOOK_EVERY_MS = 1_000;
/** No answer came, or none that anybody foresaw: nobody knows whether it was done, and it is given again under its id. */
const UNHEARD: ReadonlySet<string> = new Set(['TEMPORAL_UNAVAILABLE', 'ADMIN_DB_UNAVAILABLE', 'INTERNAL']);

const count = (counts: Record<string, number>, name: string): void => void (counts[name] = (counts[name] ?? 0) + 1);

/** Operators who change some of the stores as soon as these stand, each command under an id of its own. */
export function startLife(ground: Ground, orders: number, share: number, paid: readonly PaidOrder[], signal: AbortSignal): Life {
  const given: Given[] = [];
  const tally: Life['tally'] = { repeated: 0, unforeseen: {}, refused: {} };

  async function change(accountId: string): Promise<void> {
    for (const asked of COMMANDS) {
      const commandId = randomUUID();
      const command = { ...asked, actor: 'chaos', reason: 'a change under faults' };
      const act = async (): Promise<void> => {
        try {
          await ground.alta.accounts.command(accountId, command, commandId);
        } catch (error) {
          if (isAltaError(error) && error.code === 'INTERNAL') count(tally.unforeseen, error.message);
          if (!isAltaError(error) || UNHEARD.has(error.code)) throw error;
          count(tally.refused, error.code);
          return;
        }
        given.push({ accountId, commandId, action: asked.action });
      };
      await insist(act, signal, () => (tally.repeated += 1));
    }
  }

  async function run(): Promise<void> {
    if (share === 0) return;
    const changes: Promise<void>[] = [];
    const every = Math.max(1, Math.round(1 / share));
    for (let next = 0; next < orders && !signal.aborted;) {
      const order = paid[next];
      if (order === undefined) await pause(LOOK_EVERY_MS);
      else {
        changes.push(untilOpen(order.accountId).then(() => change(order.accountId)));
        next += every;
      }
    }
    await Promise.all(changes);
  }

  const untilOpen = (accountId: string): Promise<void> =>
    insist(async () => {
      const query = { name: 'chaos.status', text: 'select status from nv_accounts where id = $1', values: [accountId] };
      const [row] = await ground.db.query<{ status: string }>(query);
      if (row?.status !== 'provisioned') throw new Error(`the account is ${String(row?.status)}`);
    }, signal);

  const done = run();
  done.catch(() => undefined);
  return { given, tally, done };
}
