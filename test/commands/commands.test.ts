import { expect, test } from '@jest/globals';
import type fc from 'fast-check';
import { newAccount, statusOf, type Model } from './model.ts';
import { obey } from './orders.ts';
import { keptPlans } from './plans.ts';
import { commandOf, play, type KeptCommand } from './play.ts';
import type { Real } from './real.ts';
import { runPlans } from './runs.ts';

/** The short form of `npm run test:commands`: one plan that is always the same, and those that failed once (`test/seeds/commands/`). */
const PLAN = { seed: 34, runs: 1, minutes: 1, most: 44, tries: 0 };

test('P-752 G1 to G9: what people and faults do, one after another, comes to what the model says', async () => {
  const { violations, runs, commands } = await runPlans(PLAN, () => undefined);
  expect(violations).toEqual([]);
  expect(runs).toBe(1);
  // What has to have happened for this to be a proof.
  expect(Object.keys(commands)).toEqual(
    expect.arrayContaining(['order', 'pay', 'kill', 'refund', 'cluster-down', 'agree', 'delete', 'settle']),
  );
}, 600_000);

const order = { kind: 'order', connected: true };
const pay = { kind: 'pay', account: 0, state: 'approved', right: true, notify: true };
const settle = { kind: 'settle' };
const played = async (commands: KeptCommand[]): Promise<string | null> => (await play(commands.map(commandOf))).wrong;

test('P-161 P-752: what was paid twice goes back once, though Mercado Pago does not answer', async () => {
  const fails = ['refuse', 'lost'].map((how) => ({ kind: 'mercado-pago-fails', operation: 'refund.create', how, count: 1 }));
  expect(await played([order, pay, settle, pay, ...fails, { kind: 'give-back', account: 0 }])).toBeNull();
}, 600_000);

test('P-162 P-752: an order that meets dead clusters waits for an operator, and is one store', async () => {
  const look = (step: string): KeptCommand => ({ kind: 'look', account: 0, step });
  const down = [0, 0].map((which) => ({ kind: 'cluster-down', which }));
  expect(await played([order, pay, look('upsert-client'), ...down, look('notify')])).toBeNull();
}, 600_000);

test('P-121 P-150 P-161: of two orders that an operator called off, one is made again and the other is paid back', async () => {
  const both = (kind: string, args: object): KeptCommand[] => [0, 1].map((account) => ({ kind, account, ...args }));
  const down = [0, 0].map((which) => ({ kind: 'cluster-down', which }));
  const { account: _, ...paid } = pay;
  // Who was decided about is not among those that the next decision can be about.
  const compensate = [0, 0].map((account) => ({ kind: 'resolve', account, action: 'compensate' }));
  const ends = ['retry', 'pay-back'].map((kind) => ({ kind, account: 0 }));
  const stopped = [...both('look', { step: 'upsert-client' }), ...down, ...both('look', { step: 'notify' })];
  const { wrong, commands } = await play([order, order, ...both('pay', paid), ...stopped, ...compensate, ...ends].map(commandOf));
  expect(wrong).toBeNull();
  expect(commands.map(({ kind }) => kind).slice(-4)).toEqual(['resolve', 'resolve', 'retry', 'pay-back']);
}, 600_000);

/** A store is changed past Alta, which hears of nothing. */
const spoil: fc.AsyncCommand<Model, Real> = {
  check: () => true,
  async run(_, { world, orders }) {
    const { accountId } = orders[0]!;
    const cluster = await world.clusters.get(String((await world.account(accountId))['backend_cluster_id']));
    const { error } = await cluster.client.from('clients').update({ is_active: false, name: 'Otra casa' }).eq('nv_account_id', accountId);
    expect(error).toBeNull();
  },
  toString: () => 'spoil',
};

test('a store that is not as the model says is named, by the model and by the oracle', async () => {
  const { wrong } = await play([...[order, pay, settle].map(commandOf), spoil], { patienceMs: 2_000 });
  expect(wrong).toMatch(/account 0 .*: open is false; the model says true/);
  expect(wrong).toMatch(/account 0 .*: storeName is "Otra casa"/);
  expect(wrong).toMatch(/G5 .*is closed while the account is provisioned/);
}, 600_000);

test('the model tells a refusal from an order', () => {
  const account = newAccount(0, true, 'Casa');
  expect(obey(account, { action: 'resume', cause: 'pause' })).toBe('refused');
  expect(obey(account, { action: 'suspend', cause: 'pause' })).toBe('done');
  expect(obey(account, { action: 'publish' })).toBe('refused');
  expect(obey(account, { action: 'delete' })).toBe('done');
  expect(obey(account, { action: 'suspend', cause: 'operator' })).toBe('refused');
  expect(obey(account, { action: 'restore' })).toBe('done');
  expect(statusOf(account)).toEqual(['suspended']);
  expect(obey(account, { action: 'resume', cause: 'pause' })).toBe('done');
  expect(statusOf(account)).toEqual(['provisioned']);
});

const kept = keptPlans();
if (kept.length > 0)
  test.each(kept)(
    'P-752: the plan %s, which failed once, comes out right',
    async (_, { commands }) => {
      expect((await play(commands.map(commandOf))).wrong).toBeNull();
    },
    600_000,
  );
