import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import type { Store } from '../../../adapters/cluster/index.ts';
import type { CommandAnswer } from '../../../contract/account-commands.ts';
import { accountWorkflowId } from '../../../contract/ids.ts';
import type { AccountState } from '../../../contract/account.ts';
import type { Asked } from '../../support/account-changes.ts';
import { eventually } from '../../support/eventually.ts';
import { flowOf, type Flow, type Subject } from '../flow.ts';
import type { Stage } from '../stage.ts';
import { openOrder, type Ordered } from './onboarding.ts';

export interface Live extends Ordered {
  /** What is written next, unlike everything before. */
  turn: number;
}

export async function openLive(stage: Stage): Promise<Live> {
  const subject = await openOrder(stage);
  await stage.world.pay(subject.order);
  await stage.job(subject.id, 'completed');
  await stage.world.quiet(subject.id);
  return { ...subject, turn: 0 };
}

/** Gives a command until it is answered, under one id, as an operator's tool does. */
export function give(stage: Stage, { id }: Subject, command: Asked): Promise<CommandAnswer> {
  const commandId = randomUUID();
  return stage.insist(id, () => stage.alta.accounts.command(id, { ...command, actor: 'ana', reason: 'as agreed' }, commandId));
}

/** Waits until nothing is on its way to a store, and nothing is left to apply. */
export async function quiet({ world }: Stage, accountId: string): Promise<Store> {
  const open = `select 1 from outbox where account_id = $1 and status in ('pending', 'processing')`;
  const handle = world.temporal.workflow.getHandle(accountWorkflowId(accountId));
  await eventually(async () => (await world.sql(open, [accountId])).length === 0, `an outbox without ${accountId}`, 240_000);
  await eventually(
    async () => Object.keys((await handle.query<AccountState>('state')).dirty).length === 0,
    `a quiet ${accountId}`,
    240_000,
  );
  return (await world.store(accountId))!;
}

/** Every command was done once: it has one row in the audit. */
async function doneOnce({ world }: Stage, accountId: string): Promise<void> {
  const [row] = await world.sql<{ commands: number; audited: number }>(
    `select (select count(*) from account_commands where account_id = $1)::int as commands,
       (select count(*) from lifecycle_events where account_id = $1 and event_type like 'command.%')::int as audited`,
    [accountId],
  );
  assert.equal(row!.audited, row!.commands);
}

interface LifeOptions {
  name: string;
  run(stage: Stage, subject: Live, n: number): Promise<unknown>;
  check(store: Store, subject: Live, n: number): void;
  reusable?: boolean;
}

/** Commands to a live account; each case writes something else, so that a stale write shows. */
const life = ({ name, run, check, reusable = true }: LifeOptions): Flow =>
  flowOf<Live>({
    name,
    open: openLive,
    async run(stage, subject) {
      subject.turn += 1;
      await run(stage, subject, subject.turn);
      await quiet(stage, subject.id);
    },
    async check(stage, subject) {
      check(await quiet(stage, subject.id), subject, subject.turn);
      await doneOnce(stage, subject.id);
    },
    reusable: () => reusable,
  });

const PLANS = ['growth', 'starter', 'enterprise'] as const;

export const changes = life({
  name: 'account changes',
  async run(stage, subject, n) {
    await give(stage, subject, { action: 'change-plan', planKey: PLANS[n % PLANS.length]! });
    await give(stage, subject, { action: 'change-settings', settings: { headline: `Hola ${String(n)}` } });
    await give(stage, subject, { action: 'change-account', fields: { businessName: `Casa ${String(n)}` } });
    await give(stage, subject, { action: 'add-addon', addonKey: 'extra-staff', quantity: 1 + (n % 9) });
  },
  check(store, _subject, n) {
    assert.equal(store.client.plan_key, PLANS[n % PLANS.length]);
    assert.equal((store.home_settings as { headline?: string }).headline, `Hola ${String(n)}`);
    assert.equal(store.client.name, `Casa ${String(n)}`);
  },
});

/** Closed and open again; what the account is told meanwhile reaches the store once it is let go. */
export const standing = life({
  name: 'account standing',
  async run(stage, subject, n) {
    // The turn before left it paused.
    if (n % 2 === 0) await give(stage, subject, { action: 'resume', cause: 'pause' });
    await give(stage, subject, { action: 'suspend', cause: 'operator' });
    await give(stage, subject, { action: 'resume', cause: 'operator' });
    await give(stage, subject, { action: 'hold' });
    await give(stage, subject, { action: 'change-account', fields: { businessName: `Nido ${String(n)}` } });
    await give(stage, subject, { action: 'release' });
    await give(stage, subject, { action: 'reseed' });
    if (n % 2 === 0) return;
    await give(stage, subject, { action: 'suspend', cause: 'pause' });
  },
  check(store, _subject, n) {
    assert.equal(store.client.is_active, n % 2 === 0);
    assert.equal(store.client.name, `Nido ${String(n)}`);
  },
});

const inDays = (days: number): string => new Date(Date.now() + days * 86_400_000).toISOString();

/** A date that has passed closes the store; one that is to come opens it again. */
export const dueDates = life({
  name: 'due dates',
  async run(stage, subject, n) {
    const { world } = stage;
    await give(stage, subject, { action: 'set-due-dates', paidUntil: inDays(-30 - n) });
    const status = async (): Promise<unknown> => (await world.account(subject.id))['status'];
    await eventually(async () => (await status()) === 'suspended', 'a store that is closed for not being paid', 240_000);
    await give(stage, subject, { action: 'set-due-dates', paidUntil: inDays(30 + n) });
    await eventually(async () => (await status()) === 'provisioned', 'a store that is paid again', 240_000);
  },
  check(store) {
    assert.equal(store.client.is_active, true);
  },
});

/** A deletion keeps the store first; restored, it is whole. */
export const deletion = life({
  name: 'deletion',
  async run(stage, subject) {
    await give(stage, subject, { action: 'delete' });
    const archives = await stage.world.sql('select 1 from store_archives where account_id = $1', [subject.id]);
    assert.ok(archives.length >= subject.turn, 'a store was deleted without a copy');
    assert.equal((await quiet(stage, subject.id)).mp_fingerprint, null);
    await give(stage, subject, { action: 'restore' });
  },
  check(store) {
    assert.equal(store.client.is_active, true);
    assert.equal(store.client.deleted_at, null);
    assert.notEqual(store.mp_fingerprint, null);
    assert.equal(store.counts.pages, 5);
  },
});

export const publication = life({
  name: 'publication',
  run: (stage, subject) => give(stage, subject, { action: 'publish' }),
  check(store) {
    assert.equal(store.client.publication_status, 'published');
  },
  reusable: false,
});
