import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import type { VerifiedAccount } from '../adapters/admin-db/index.ts';
import { verify, verifyTwice, type Violation } from '../client/operations/verify/index.ts';
import { runAlta } from './support/alta-cli.ts';
import { installFaults, type Faults } from './support/faults.ts';
import { liveOrder } from './support/live-order.ts';
import { startWorld, type PlacedOrder, type World } from './support/world.ts';

/** The oracle: silent about a sound installation, and each law, broken on purpose in the real stores, is named with its row. */
let world: World;
let faults: Faults;
let undone: PlacedOrder;
const mine = new Set<string | null>([null]);

async function placed(): Promise<PlacedOrder> {
  const made = await world.checkout();
  mine.add(made.accountId);
  await world.pay(made);
  return made;
}
async function live(): Promise<PlacedOrder> {
  const made = await liveOrder(world);
  mine.add(made.accountId);
  return made;
}

beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
  await live();
  faults.at('cluster.seed-content', { mode: 'fail-after', code: 'CLUSTER_REJECTED' });
  undone = await placed();
  await world.job(undone.accountId, 'compensated');
  faults.clear();
}, 120_000);
afterAll(async () => {
  faults.remove();
  await world.close();
});

/** What is broken of this world's own accounts: the clusters are shared with other worlds, whose stores are strangers here. */
async function broken(options?: { lateSeconds: number }): Promise<Violation[]> {
  const { violations, unseen } = await verify(world.deps, options);
  expect(unseen).toEqual([]);
  return violations.filter(({ accountId }) => mine.has(accountId));
}
const lawsOf = async (accountId: string | null, options?: { lateSeconds: number }): Promise<string[]> =>
  (await broken(options)).filter((violation) => violation.accountId === accountId).map(({ law, what }) => `${law} ${what}`);
const tenantOf = async (accountId: string) => {
  const { backend_cluster_id: id } = await world.account(accountId);
  return (await world.deps.clusters.get(String(id))).client.from('clients');
};
/** Breaks a client row past Alta. */
async function spoil(accountId: string, values: object): Promise<void> {
  const { error } = await (await tenantOf(accountId)).update(values).eq('nv_account_id', accountId);
  expect(error).toBeNull();
}

test('a store, an undone onboarding whose money nobody decided on, and commands: only the money is told of', async () => {
  expect((await broken()).map(({ law, accountId }) => [law, accountId])).toEqual([['G1', undone.accountId]]);
  expect(await lawsOf(undone.accountId)).toEqual(['G1 was paid, and there is no store (compensated)']);
  const counted = await verify(world.deps);
  expect(counted).toMatchObject({ accounts: 2 });
  expect(counted.tenants).toBeGreaterThanOrEqual(1);
});

test('G5: a store that is open while its account is not, and one that is behind what was told', async () => {
  const { accountId } = await live();
  await spoil(accountId, { is_active: false });
  expect(await lawsOf(accountId)).toEqual([expect.stringMatching(/^G5 is closed while the account is provisioned/)]);
  await world.sql(
    `insert into outbox (target, event_key, event_type, account_id, payload, status, completed_at)
     values ('account', $1, 'account.updated', $2, '{"version": 900}', 'completed', now())`,
    [`planted/${accountId}`, accountId],
  );
  expect(await lawsOf(accountId)).toContainEqual(expect.stringMatching(/^G5 is at version \d+; version 900 was told/));
});

test('G6: a store ahead of its account', async () => {
  const { accountId } = await live();
  await spoil(accountId, { sync_version: 10_000 });
  expect(await lawsOf(accountId)).toEqual([expect.stringMatching(/^G6 is at version 10000, ahead of/)]);
});

test('G1: a second store, a missing one and one without an owner', async () => {
  const { accountId } = await live();
  const { backend_cluster_id: home } = await world.account(accountId);
  const other = home === 'north' ? 'south' : 'north';
  await world.sql('update nv_accounts set backend_cluster_id = $2 where id = $1', [accountId, other]);
  expect((await lawsOf(accountId)).sort()).toEqual([
    expect.stringMatching(/^G1 is a second store: the account lives on/),
    expect.stringMatching(/^G1 is missing: the account is provisioned/),
  ]);
  const alone = await live();
  const { backend_cluster_id: at } = await world.account(alone.accountId);
  const { client } = (await world.store(alone.accountId))!;
  const { error } = await (await world.deps.clusters.get(String(at))).client.from('users').delete().eq('client_id', client.id);
  expect(error).toBeNull();
  expect(await lawsOf(alone.accountId)).toEqual(['G1 has no owner who could sign in']);
});

test('G3: what an undone onboarding left, and a store of nobody', async () => {
  const left = await live();
  await world.sql(`update nv_accounts set status = 'paid', backend_cluster_id = null where id = $1`, [left.accountId]);
  expect(await lawsOf(left.accountId)).toContainEqual(expect.stringMatching(/^G3 is left of an onboarding that ended as completed/));

  const stranger = randomUUID();
  mine.add(stranger);
  const cluster = await world.deps.clusters.get('north');
  const { error } = await cluster.client.from('clients').insert({
    id: randomUUID(),
    nv_account_id: stranger,
    slug: `s-${stranger}`,
    name: 'x',
    email_admin: 'x@example.com',
    plan: 'x',
    plan_key: 'x',
    monthly_fee: 1,
    country: 'AR',
    locale: 'es-AR',
    timezone: 'America/Argentina/Buenos_Aires',
  });
  expect(error).toBeNull();
  expect(await lawsOf(stranger)).toEqual(['G3 belongs to no account that was ever paid for']);
  await cluster.client.from('clients').delete().eq('nv_account_id', stranger);
  mine.delete(stranger);
});

test('G4: money that went back more than it came, and an open store whose money went back', async () => {
  const { accountId } = await live();
  await world.sql(`update payments set status = 'refunded', amount_refunded = amount + 1 where account_id = $1`, [accountId]);
  expect((await lawsOf(accountId)).sort()).toEqual([
    expect.stringMatching(/^G4 got its money back, and its store is open/),
    expect.stringMatching(/^G4 more money went back than came/),
  ]);
});

test('G2, G5, G7, G9: a silent end, a dead letter, a forgotten event, a secret in a row, a command without audit', async () => {
  const { accountId } = await live();
  await world.sql(
    `insert into outbox (target, event_key, event_type, account_id, payload, status, error_code, created_at)
     values ('account', $1 || '/dead', 'x', $1::uuid, '{}', 'failed', 'INTERNAL', now()),
            ('account', $1 || '/old', 'x', $1::uuid, '{"token": "APP_USR-0123456789abcdef"}', 'pending', null, now() - interval '1 day')`,
    [accountId],
  );
  await world.sql(`update outbox set next_attempt_at = now() + interval '1 day' where event_key = $1`, [`${accountId}/old`]);
  await world.sql(`update provisioning_jobs set error_code = null where account_id = $1`, [undone.accountId]);
  await world.sql(
    `insert into account_commands (id, account_id, action, digest, actor, reason, answer) values ($2, $1, 'hold', 'x', 'ana', 'x', '{}')`,
    [accountId, randomUUID()],
  );
  expect((await lawsOf(accountId)).sort()).toEqual([
    expect.stringMatching(/^G5 a dead letter that nobody retried or discarded: INTERNAL/),
    expect.stringMatching(/^G5 on its way since/),
    'G7 holds what looks like a secret',
    'G9 a command without its row in the audit',
  ]);
  expect(await lawsOf(undone.accountId)).toContain('G2 ended as compensated without a code');
});

test('a cluster that gives no answer is told of, and nothing is said of what stands there', async () => {
  const { accountId } = await live();
  faults.at('cluster.list-tenants', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
  const { unseen, violations } = await verify(world.deps);
  faults.clear();
  expect(unseen.map(({ code }) => code)).toContain('CLUSTER_UNREACHABLE');
  expect(violations.filter((violation) => violation.accountId === accountId)).toEqual([]);
});

test('what is mended between two looks is not told of', async () => {
  const { accountId } = await live();
  const { is_active: before } = (await world.store(accountId))!.client as { is_active: boolean };
  await spoil(accountId, { is_active: !before });
  const { violations } = await verifyTwice(world.deps, () => spoil(accountId, { is_active: before }));
  expect(violations.filter((violation) => violation.accountId === accountId)).toEqual([]);
});

test('alta verify names a broken row and ends with 1', async () => {
  const { accountId } = await live();
  await spoil(accountId, { is_active: false });
  const { code, out } = await runAlta(world.env, 'verify', '--settle', '0', '--json');
  expect(code).toBe(1);
  const { violations } = JSON.parse(out) as { violations: Violation[]; accounts: VerifiedAccount[] };
  expect(violations).toContainEqual(expect.objectContaining({ law: 'G5', accountId }));
});
