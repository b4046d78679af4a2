import { OUTBOX_TARGETS } from '../../contract/outbox.ts';
import { accountWorkflowId } from '../../contract/ids.ts';
import { QUERY_ACCOUNT_STATE, type AccountState } from '../../contract/account.ts';
import { FINAL_JOB_STATES } from '../../contract/steps.ts';
import { waitUntil } from '../../local/wait.ts';
import { answerAgain } from './faults.ts';
import type { Model } from './model.ts';
import type { Real } from './real.ts';
import { inTime } from './upkeep.ts';

const who = { actor: 'ana', reason: 'the faults are over' };
/** Everything comes right in so long once the faults are over (G8); a worker that died in an account's task costs a minute of it, ms. */
const BOUND_MS = 300_000;
const LOOK_MS = 300;
/** Between two looks for what no event tells of, as its schedule has it, ms. */
const SWEEP_MS = 5_000;

/** Ends all faults: everything answers, and at least one process of each kind runs. */
export async function calm(model: Model, real: Real): Promise<void> {
  const { world, alta, processes } = real;
  for (const line of world.lines) await line.up();
  await answerAgain(world.simulator.control);
  for (const target of OUTBOX_TARGETS) if (model.paused) await alta.outbox.resume(target, who);
  for (const kind of ['worker', 'relay', 'api'] as const) {
    if (model.running[kind] > 0) continue;
    await processes.start(kind);
    model.running[kind] = 1;
  }
  model.clusters.fill('up');
  model.mercadoPago = 'up';
  model.paused = false;
}

const UNDER_WAY = `select
  (select count(*)::int from outbox where status in ('pending', 'processing', 'failed')) as outbox,
  (select count(*)::int from webhook_inbox where status = 'received') as inbox,
  (select count(*)::int from provisioning_jobs where status <> all($1)) as jobs,
  (select count(*)::int from refunds where status in ('asked', 'wanted', 'in_process')) as refunds`;

/** What is not at rest yet; empty when everything is. */
async function unrest(real: Real): Promise<string[]> {
  const [row] = await real.world.sql<Record<string, number>>(UNDER_WAY, [FINAL_JOB_STATES]);
  const counted = Object.entries(row ?? {}).flatMap(([what, count]) => (count > 0 ? [`${what}: ${String(count)}`] : []));
  const people = [...real.people.doing].map(([accountId, what]) => `${accountId}: ${what}`);
  return counted.length + people.length > 0 ? [...counted, ...people] : dirtyAccounts(real);
}

/** Accounts whose workflow still has something to write; one that is held keeps it until its release. */
async function dirtyAccounts({ world }: Real): Promise<string[]> {
  const rows = await world.sql<{ id: string }>(
    `select id from nv_accounts where status in ('provisioned', 'approved', 'live', 'suspended', 'cancelled') and held_since is null`,
  );
  const states = await Promise.all(
    rows.map(async ({ id }) => {
      const { dirty } = await world.temporal.workflow.getHandle(accountWorkflowId(id)).query<AccountState>(QUERY_ACCOUNT_STATE);
      return Object.keys(dirty).length === 0 ? [] : [`${id} has still to write ${Object.keys(dirty).join(', ')}`];
    }),
  );
  return states.flat();
}

/** What operators do as long as a list has something on it: it is what the lists ask for. */
async function duties(real: Real): Promise<void> {
  const { world, alta, people } = real;
  await world.sql(`update outbox set next_attempt_at = now() where status = 'pending' and next_attempt_at > now()`);
  await alta.outbox.retry({ allFailed: true }, who);
  for (const { accountId, code, parkedStep } of await alta.onboardings.list({ state: 'parked' })) {
    // Past the pivot: the store is kept, and closed as one whose money went back.
    const keep = code === 'PAYMENT_REVERSED' && parkedStep !== null;
    const how = keep ? ({ action: 'skip', step: parkedStep } as const) : ({ action: 'retry' } as const);
    await inTime(() => alta.onboardings.resolve(accountId, { ...how, ...who }));
  }
  for (const { paymentId, accountId } of await alta.refunds.list({ state: 'asked' }))
    if (accountId === null || !people.doing.has(accountId))
      await inTime(() => alta.refunds.decide(paymentId, { action: 'refund', ...who }));
  const { lists } = await alta.money.report({ inProgressSeconds: 0 });
  for (const { accountId, paymentId, refund, state } of lists.paidWithoutStore.items) {
    const over = (FINAL_JOB_STATES as readonly string[]).includes(state);
    if (accountId === null || paymentId === null || refund !== null || !over || people.doing.has(accountId)) continue;
    await inTime(() => alta.onboardings.retry(accountId, { paymentId, ...who }));
  }
}

/** What the schedules do, moved on to where all of it is due. */
async function sweeps(real: Real): Promise<void> {
  const { world } = real;
  await world.sql('update upkeep_marks set resume_at = null');
  await world.sql(`update provisioning_jobs set created_at = created_at - interval '5 minutes' where status = 'queued'`);
  for (const task of ['poll-payments', 'restart-lost', 'expire-reservations', 'refresh-credentials', 'apply-due-dates'] as const)
    await real.sweep(task);
}

/** Waits until everybody has what they asked for, and nothing is on its way; operators and schedules do their part. */
export async function rest(real: Real): Promise<void> {
  await real.world.simulator.control.idle();
  let swept = 0;
  let since = 0;
  let last: string[] = [];
  const look = async (): Promise<boolean> => {
    if (performance.now() - since > SWEEP_MS) {
      await sweeps(real);
      swept += 1;
      since = performance.now();
    }
    await duties(real);
    last = await unrest(real);
    return last.length === 0 && swept > 0;
  };
  try {
    await waitUntil('rest', look, { timeoutMs: BOUND_MS, everyMs: LOOK_MS });
  } catch (error) {
    throw new Error(`no rest came: ${last.join('; ')}`, { cause: error });
  }
}
