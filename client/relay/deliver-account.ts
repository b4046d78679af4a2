import { accountRun } from '../../adapters/temporal/index.ts';
import { SIGNAL_ACCOUNT_EVENT, type AccountEvent } from '../../contract/account.ts';
import { aspectsOf } from '../../contract/account-events.ts';
import { AltaError } from '../../contract/errors.ts';
import { ACCOUNT_WORKFLOW } from '../../contract/ids.ts';
import { outboxPayloadSchema } from '../../contract/outbox.ts';
import { callTemporal } from '../temporal.ts';
import type { Deliver } from './deps.ts';

/** The newest signal under way to each account. */
const turns = new Map<string, Promise<unknown>>();

/**
 * Signals one account one at a time. The server fails every task of a workflow during which a hundred signals came, so a burst that is
 * sent all at once keeps its account from getting anywhere until it is over; one at a time costs a burst nothing else.
 */
async function inTurn<T>(accountId: string, act: () => Promise<T>): Promise<T> {
  const mine = (turns.get(accountId) ?? Promise.resolve()).then(act);
  const ended = mine.then(
    () => undefined,
    () => undefined,
  );
  turns.set(accountId, ended);
  try {
    return await mine;
  } finally {
    if (turns.get(accountId) === ended) turns.delete(accountId);
  }
}

/**
 * Hands an event to the workflow of its account with signal-with-start (P-222). The event's key travels along: a second
 * delivery of the same row, after a lost lease, is a key that the workflow knows.
 */
export const deliverAccount: Deliver = async ({ temporal, config }, row) => {
  const parsed = outboxPayloadSchema.safeParse(row.payload);
  if (!parsed.success || !('version' in parsed.data)) {
    throw new AltaError('INPUT_INVALID', `outbox ${row.eventKey}: not an event of an account`);
  }
  const payload = parsed.data;
  const event: AccountEvent = {
    eventKey: row.eventKey,
    type: payload.type,
    version: payload.version,
    // What became of a payment is nothing that the store shows.
    aspects: payload.type === 'payment.changed' ? [] : aspectsOf(payload),
  };
  const send = (): Promise<unknown> =>
    temporal.workflow.signalWithStart(ACCOUNT_WORKFLOW, {
      ...accountRun(payload.accountId, config.ALTA_QUEUE_PREFIX),
      signal: SIGNAL_ACCOUNT_EVENT,
      signalArgs: [event],
    });
  await inTurn(payload.accountId, () => callTemporal(temporal, 'temporal.signal-account', send));
  return {};
};
