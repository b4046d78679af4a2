import { createHash, randomUUID } from 'node:crypto';
import { WorkflowNotFoundError, type Client } from '@temporalio/client';
import { askByOperator, decideWithoutRun, lockPayment, showRefunds, type AdminDb, type RefundRow } from '../../adapters/admin-db/index.ts';
import type { Config } from '../../adapters/config.ts';
import { AltaError } from '../../contract/errors.ts';
import { refundWorkflowId } from '../../contract/ids.ts';
import { OPEN_REFUND_STATES, refundCommandSchema, UPDATE_DECIDE, type RefundCommand, type RefundProgress } from '../../contract/refund.ts';
import { callTemporal } from '../temporal.ts';
import { updateRefusalOf } from './update-refusal.ts';

export interface RefundAsk {
  actor: string;
  reason: string;
}

/** The update waits until the decision is on record, ms. */
const DECIDE_TIMEOUT_MS = 30_000;

/**
 * Asks for the money of a payment to be given back, such as one that was paid twice. It opens the question, which `decideRefund`
 * answers; nothing is sent before. Asking again gives the open question. Errors: INPUT_INVALID, NOT_FOUND, RESOLVE_REFUSED.
 */
export async function askRefund(
  { db, config }: { db: AdminDb; config: Pick<Config, 'MP_COLLECTOR_ID' | 'MP_LIVE_MODE'> },
  paymentId: string,
  ask: RefundAsk,
): Promise<RefundRow> {
  const [actor, reason] = [ask.actor.trim(), ask.reason.trim()];
  if (!/^\d{1,20}$/.test(paymentId)) throw new AltaError('INPUT_INVALID', 'payment: its id has 1 to 20 digits');
  if (actor === '' || reason === '') throw new AltaError('INPUT_INVALID', 'actor, reason: say who asks, and why');
  const { MP_COLLECTOR_ID: collectorId, MP_LIVE_MODE: liveMode } = config;
  return db.tx('admin-db.operator-asks-refund', async (tx) => {
    await lockPayment(tx, paymentId);
    return askByOperator(tx, { paymentId, actor, reason, collectorId, liveMode, fact: randomUUID() });
  });
}

/**
 * Sends an operator's decision to the refund of a payment (a payment id or the id of an intent). The run writes it into the Admin DB
 * before it takes effect; the same command about the same question decides once. Where no run is open (its start was discarded, it was
 * terminated) the decision is written here, and the relay starts a run for money that is to go back.
 * Errors: INPUT_INVALID, NOT_FOUND, RESOLVE_REFUSED (with the run's reason), TEMPORAL_UNAVAILABLE.
 */
export async function decideRefund(db: AdminDb, temporal: Client, target: string, raw: RefundCommand): Promise<RefundProgress> {
  const parsed = refundCommandSchema.safeParse(raw);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    throw new AltaError('INPUT_INVALID', `${issue?.path.join('.') ?? 'command'}: ${issue?.message ?? 'is not valid'}`);
  }
  const command = parsed.data;
  const [row] = await showRefunds(db, target);
  const { refundId, paymentId, state, tries } = row!;
  if (!OPEN_REFUND_STATES.has(state)) throw new AltaError('RESOLVE_REFUSED', `nothing is asked: the refund is ${state}`);
  // One answer to one stop: the same intent is asked about again only after another try.
  const name = createHash('sha256')
    .update(JSON.stringify([refundId, state, tries, command.action]))
    .digest('hex');
  try {
    return await callTemporal(
      temporal,
      'temporal.decide-refund',
      () =>
        temporal.workflow.getHandle(refundWorkflowId(paymentId)).executeUpdate<RefundProgress, [RefundCommand]>(UPDATE_DECIDE, {
          args: [command],
          updateId: `decide/${name.slice(0, 32)}`,
        }),
      DECIDE_TIMEOUT_MS,
    );
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw updateRefusalOf(error);
  }
  const decided = await db.tx('admin-db.decide-without-run', (tx) => decideWithoutRun(tx, refundId, command, randomUUID()));
  return { refundId, state: decided.state, code: decided.code, message: decided.message, paymentId, question: false };
}
