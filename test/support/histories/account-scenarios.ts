import type { WorkflowHandle } from '@temporalio/client';
import { randomUUID } from 'node:crypto';
import {
  accountCommandSchema,
  UPDATE_ACCOUNT_COMMAND,
  type AccountCommand,
  type CommandAnswer,
} from '../../../contract/account-commands.ts';
import { SIGNAL_ACCOUNT_EVENT, type AccountEvent, type AccountState } from '../../../contract/account.ts';
import { ACCOUNT_WORKFLOW, accountWorkflowId, taskQueue } from '../../../contract/ids.ts';
import { eventually } from '../eventually.ts';
import { runWorkers } from '../workers.ts';
import type { Scenario } from './onboarding-scenarios.ts';
import type { HistoryPath } from './paths.ts';
import type { Stage } from './stage.ts';

type AccountPath = Extract<HistoryPath, `account.${string}`>;

/** More signals than an account's run takes. */
const SIGNALS_PER_RUN = 1_000;
/** Signals that are sent at the same time. */
const AT_ONCE = 50;

/** The account of a live store, with nothing to do. */
async function live({ world, paid, until }: Stage): Promise<{ accountId: string; handle: WorkflowHandle }> {
  const order = await paid();
  await until(order, 'completed');
  await world.quiet(order.accountId);
  return { accountId: order.accountId, handle: world.temporal.workflow.getHandle(accountWorkflowId(order.accountId)) };
}

const stateOf = (handle: WorkflowHandle): Promise<AccountState> => handle.query<AccountState>('state');

/** Raises the account's version, as any change of it does, and gives the event that tells of it. */
async function changed({ world }: Stage, accountId: string, eventKey: string): Promise<AccountEvent> {
  const [row] = await world.sql<{ version: string }>('update nv_accounts set version = version + 1 where id = $1 returning version', [
    accountId,
  ]);
  return { eventKey, type: 'account.changed', version: Number(row!.version), aspects: ['client', 'entitlements'] };
}

const give = (handle: WorkflowHandle, command: object): Promise<CommandAnswer> =>
  handle.executeUpdate<CommandAnswer, [AccountCommand]>(UPDATE_ACCOUNT_COMMAND, {
    args: [accountCommandSchema.parse({ ...command, actor: 'ana', reason: 'as agreed' })],
    updateId: randomUUID(),
  });

interface Chain {
  first: WorkflowHandle;
  second: WorkflowHandle;
}

const chains = new WeakMap<Stage, Promise<Chain>>();

/** The one chain of a stage: both of its runs are kept. */
function chain(stage: Stage): Promise<Chain> {
  const known = chains.get(stage) ?? playChain(stage);
  chains.set(stage, known);
  return known;
}

/** A chain of two runs: the first gets all its signals before a worker looks at it, and hands its state on. */
async function playChain(stage: Stage): Promise<Chain> {
  const { world } = stage;
  const { accountId } = await live(stage);
  const event = await changed(stage, accountId, 'key-0');
  const config = { ...world.config, ALTA_QUEUE_PREFIX: `c${randomUUID().slice(0, 8)}-` };
  const workflowId = accountWorkflowId(randomUUID());
  const { signaledRunId } = await world.temporal.workflow.signalWithStart(ACCOUNT_WORKFLOW, {
    workflowId,
    taskQueue: taskQueue('accounts', config.ALTA_QUEUE_PREFIX),
    args: [accountId],
    signal: SIGNAL_ACCOUNT_EVENT,
    signalArgs: [event],
  });
  const latest = world.temporal.workflow.getHandle(workflowId);
  const send = (index: number): Promise<void> => latest.signal(SIGNAL_ACCOUNT_EVENT, { ...event, eventKey: `key-${index}`, aspects: [] });
  for (let from = 1; from < SIGNALS_PER_RUN; from += AT_ONCE) {
    const count = Math.min(AT_ONCE, SIGNALS_PER_RUN - from);
    await Promise.all(Array.from({ length: count }, (_, offset) => send(from + offset)));
  }
  const workers = await runWorkers({ ...world.deps, config }, world.native);
  try {
    await eventually(async () => {
      const { applied, dirty } = await stateOf(latest);
      return applied.client === event.version && Object.keys(dirty).length === 0;
    }, 'a second run that applied what the first was told');
  } finally {
    await workers.stop();
  }
  const { runId } = await latest.describe();
  return {
    first: world.temporal.workflow.getHandle(workflowId, signaledRunId),
    second: world.temporal.workflow.getHandle(workflowId, runId),
  };
}

/** A run of its own for a live account that continues as new after so few events. */
async function shortLived(stage: Stage): Promise<Chain> {
  const { world, faults } = stage;
  const { accountId } = await live(stage);
  const first = await world.temporal.workflow.start(ACCOUNT_WORKFLOW, {
    workflowId: accountWorkflowId(randomUUID()),
    taskQueue: taskQueue('accounts', world.config.ALTA_QUEUE_PREFIX),
    args: [accountId, undefined, { events: 15 }],
  });
  const latest = world.temporal.workflow.getHandle(first.workflowId);
  faults.at('cluster.upsert-client', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  const event = await changed(stage, accountId, 'while-it-fails');
  await latest.signal(SIGNAL_ACCOUNT_EVENT, event);
  await eventually(async () => (await latest.describe()).runId !== first.firstExecutionRunId, 'another run', 120_000);
  faults.clear();
  await eventually(async () => (await stateOf(latest)).applied.client === event.version, 'an apply');
  const { runId } = await latest.describe();
  return {
    first: world.temporal.workflow.getHandle(first.workflowId, first.firstExecutionRunId),
    second: world.temporal.workflow.getHandle(first.workflowId, runId),
  };
}

export const ACCOUNT_SCENARIOS: Record<AccountPath, Scenario> = {
  'account.created-applied': async (stage) => (await live(stage)).handle,
  'account.apply-failing': async (stage) => {
    const { accountId, handle } = await live(stage);
    stage.faults.at('cluster.upsert-client', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const event = await changed(stage, accountId, 'while-it-fails');
    await handle.signal(SIGNAL_ACCOUNT_EVENT, event);
    await eventually(async () => ((await stateOf(handle)).failing?.attempts ?? 0) >= 2, 'two failed applies');
    stage.faults.clear();
    await handle.signal(SIGNAL_ACCOUNT_EVENT, { ...event, eventKey: 'mended' });
    await eventually(async () => (await stateOf(handle)).applied.client === event.version, 'an apply');
    return handle;
  },
  'account.bad-message': async (stage) => {
    const { accountId, handle } = await live(stage);
    const event = await changed(stage, accountId, 'good');
    await handle.signal(SIGNAL_ACCOUNT_EVENT, { nonsense: true });
    await handle.signal(SIGNAL_ACCOUNT_EVENT, event);
    await handle.signal(SIGNAL_ACCOUNT_EVENT, event);
    await eventually(async () => {
      const { applied, bad } = await stateOf(handle);
      return bad.count === 1 && applied.client === event.version;
    }, 'an apply after a bad message');
    return handle;
  },
  'account.continue-as-new': async (stage) => (await chain(stage)).first,
  'account.continued': async (stage) => (await chain(stage)).second,
  'account.message-parked': async (stage) => {
    const { accountId, handle } = await live(stage);
    await handle.signal(SIGNAL_ACCOUNT_EVENT, { nonsense: true });
    const event = await changed(stage, accountId, 'good');
    await handle.signal(SIGNAL_ACCOUNT_EVENT, event);
    await eventually(async () => (await stateOf(handle)).applied.client === event.version, 'an apply after a parked message');
    return handle;
  },
  'account.ahead-parked': async (stage) => {
    const { accountId, handle } = await live(stage);
    const event = await changed(stage, accountId, 'ahead');
    await handle.signal(SIGNAL_ACCOUNT_EVENT, { ...event, version: event.version + 100 });
    await eventually(async () => (await stateOf(handle)).bad.count === 1, 'a parked event');
    return handle;
  },
  'account.told-meanwhile': async (stage) => {
    const { accountId, handle } = await live(stage);
    let newer: AccountEvent | undefined;
    stage.faults.before('cluster.upsert-client', async () => {
      newer = await changed(stage, accountId, 'meanwhile');
      await handle.signal(SIGNAL_ACCOUNT_EVENT, newer);
    });
    await handle.signal(SIGNAL_ACCOUNT_EVENT, await changed(stage, accountId, 'first'));
    await eventually(async () => newer !== undefined && (await stateOf(handle)).applied.client === newer.version, 'the second apply');
    return handle;
  },
  'account.failing-mended': async (stage) => {
    const { accountId, handle } = await live(stage);
    stage.faults.at('cluster.upsert-client', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const event = await changed(stage, accountId, 'while-it-fails');
    await handle.signal(SIGNAL_ACCOUNT_EVENT, event);
    await eventually(async () => ((await stateOf(handle)).failing?.attempts ?? 0) >= 2, 'two failed applies');
    stage.faults.clear();
    await handle.signal(SIGNAL_ACCOUNT_EVENT, { ...event, eventKey: 'mended' });
    await eventually(async () => (await stateOf(handle)).applied.client === event.version, 'an apply');
    return handle;
  },
  'account.limit-reached': async (stage) => (await shortLived(stage)).first,
  'account.limit-continued': async (stage) => (await shortLived(stage)).second,
  'account.due-settled': async (stage) => {
    const { accountId, handle } = await live(stage);
    await give(handle, { action: 'set-due-dates', paidUntil: new Date(Date.now() + 1_500).toISOString() });
    await eventually(async () => (await stateOf(handle)).due?.step === 'suspend', 'a reminder that the timer brought');
    await give(handle, { action: 'set-due-dates', paidUntil: new Date(Date.now() - 20 * 86_400_000).toISOString() });
    await eventually(async () => (await stage.world.store(accountId))?.client.is_active === false, 'a closed store');
    await stage.world.quiet(accountId);
    return handle;
  },
  'account.due-failed': async (stage) => {
    const { handle } = await live(stage);
    stage.faults.at('admin-db.remind-owner', { mode: 'fail-before', code: 'INTERNAL' });
    await give(handle, { action: 'set-due-dates', paidUntil: new Date(Date.now() - 1_000).toISOString() });
    await eventually(async () => ((await stateOf(handle)).due?.lookAt ?? 0) > Date.now() + 60_000, 'a date that is looked at again');
    return handle;
  },
  'account.command-shown': async (stage) => {
    const { handle } = await live(stage);
    await give(handle, { action: 'suspend', cause: 'pause' });
    await give(handle, { action: 'resume', cause: 'pause' });
    return handle;
  },
  'account.command-refused': async (stage) => {
    const { handle } = await live(stage);
    await give(handle, { action: 'restore' }).catch(() => undefined);
    return handle;
  },
  'account.command-waiting': async (stage) => {
    const { handle } = await live(stage);
    stage.faults.at('cluster.upsert-client', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const { version } = await give(handle, { action: 'suspend', cause: 'pause' });
    stage.faults.clear();
    await eventually(async () => (await stateOf(handle)).applied.client === version, 'an apply');
    return handle;
  },
  'account.command-published': async (stage) => {
    const { accountId, handle } = await live(stage);
    await give(handle, { action: 'publish' });
    await stage.world.quiet(accountId);
    return handle;
  },
  'account.command-reseeded': async (stage) => {
    const { handle } = await live(stage);
    await give(handle, { action: 'reseed' });
    return handle;
  },
  'account.command-held': async (stage) => {
    const { handle } = await live(stage);
    await give(handle, { action: 'hold' });
    await give(handle, { action: 'change-plan', planKey: 'starter' });
    await give(handle, { action: 'release' });
    return handle;
  },
  'account.command-deleted': async (stage) => {
    const { handle } = await live(stage);
    // The place of an archive is told: none of this machine.
    stage.world.config.ALTA_ARCHIVES = { kind: 'cluster', clusterId: 'south', bucket: 'archives' };
    await give(handle, { action: 'delete' });
    await give(handle, { action: 'restore' });
    await give(handle, { action: 'delete' });
    return handle;
  },
  'account.delete-export-failed': async (stage) => {
    const { handle } = await live(stage);
    stage.faults.at('cluster.export-tables', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    await give(handle, { action: 'delete' }).catch(() => undefined);
    stage.faults.clear();
    return handle;
  },
};
