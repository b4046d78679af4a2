import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import { ASSET_BUCKET } from '../adapters/cluster/index.ts';
import { clientIdOf } from '../adapters/ids.ts';
import type { AccountState } from '../contract/account.ts';
import { accountWorkflowId, onboardingWorkflowId, refundWorkflowId, taskQueue } from '../contract/ids.ts';
import type { LedgerEntry } from '../local/mercadopago/types.ts';
import type { VerifiedAccount } from '../adapters/admin-db/index.ts';
import { verify, verifyTwice, type VerifyOptions, type Violation } from '../client/operations/verify/index.ts';
import { changeAccount } from './support/account-changes.ts';
import { eventually } from './support/eventually.ts';
import { runAlta } from './support/alta-cli.ts';
import { installFaults, type Faults } from './support/faults.ts';
import { liveOrder } from './support/live-order.ts';
import { inspect, judgeLedger, judgeMails } from './support/oracle.ts';
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
async function broken(options?: VerifyOptions): Promise<Violation[]> {
  const { violations, unseen, sources } = await inspect(world, options);
  expect(unseen).toEqual([]);
  expect(sources).toEqual(['temporal', 'histories', 'mercado-pago'].map((source) => expect.objectContaining({ source, code: null })));
  return violations.filter(({ accountId }) => mine.has(accountId));
}
const lawsOf = async (accountId: string | null, options?: VerifyOptions): Promise<string[]> =>
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

test('G5: content that was seeded again is told with a version that the client row never gets, and is no breach', async () => {
  const { accountId } = await live();
  await changeAccount(world.db, { type: 'account.updated', accountId, fields: ['content'] });
  const { version } = await world.account(accountId);
  const { applied } = await eventually(async () => {
    const state = await world.temporal.workflow.getHandle(accountWorkflowId(accountId)).query<AccountState>('state');
    return state.applied.content === Number(version) ? state : undefined;
  }, 'seeded content');
  expect(applied.client).toBeLessThan(Number(version));
  expect(await lawsOf(accountId)).toEqual([]);
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

test('G1 G3: an owner without an auth user, and what an undone onboarding left of users and pictures', async () => {
  const { accountId } = await live();
  const { backend_cluster_id: at } = await world.account(accountId);
  const { auth, storage } = (await world.deps.clusters.get(String(at))).client;
  const [owner] = (await world.store(accountId))!.users as { id: string }[];
  expect((await auth.admin.deleteUser(owner!.id)).error).toBeNull();
  expect(await lawsOf(accountId)).toEqual(['G1 has an owner without an auth user']);

  const { data } = await auth.admin.createUser({ email: `${randomUUID()}@example.com`, app_metadata: { tenant_id: undone.accountId } });
  const picture = `${clientIdOf(undone.accountId)}/logo.png`;
  expect((await storage.from(ASSET_BUCKET).upload(picture, Buffer.from('x'), { contentType: 'image/png' })).error).toBeNull();
  const left = (await broken()).filter((violation) => violation.accountId === undone.accountId && violation.law === 'G3');
  expect(left.map(({ row }) => row).sort()).toEqual([
    `cluster ${String(at)}, auth user ${data.user!.id}`,
    `cluster ${String(at)}, pictures of account ${undone.accountId}`,
  ]);
  for (const { what } of left) expect(what).toMatch(/^is left of an onboarding that ended as compensated; the account is /);
  await auth.admin.deleteUser(data.user!.id);
  await storage.from(ASSET_BUCKET).remove([picture]);
});

test('G2 G5: a job whose run is gone, a run whose job ended, a store that nobody keeps', async () => {
  const { accountId } = await live();
  faults.at('cluster.seed-content', { mode: 'fail-before', code: 'WRITE_NOT_CONFIRMED' });
  const parked = await placed();
  await world.job(parked.accountId, 'parked');
  faults.clear();
  await world.handle(parked.accountId).terminate('gone');
  await world.temporal.workflow.getHandle(accountWorkflowId(accountId)).terminate('gone');
  expect(await lawsOf(parked.accountId)).toContain('G2 is not open, and its job is parked');
  expect(await lawsOf(accountId)).toEqual(['G5 is not open: nobody keeps the store of an account that is provisioned']);
  // A run that nobody works on: its queue has no worker.
  const run = await world.temporal.workflow.start('account', {
    workflowId: onboardingWorkflowId(accountId),
    taskQueue: taskQueue('provisioning', world.config.ALTA_QUEUE_PREFIX),
    workflowIdReusePolicy: 'ALLOW_DUPLICATE',
    startDelay: '1 hour',
    args: [],
  });
  expect(await lawsOf(accountId)).toContain('G2 is open, and its job ended as completed');
  await run.terminate('seen');
});

test('G7: a token in a history, in the name of a signal and under the seal of a payload', async () => {
  const { accountId } = await live();
  const token = 'APP_USR-0123456789abcdef';
  const keeper = world.temporal.workflow.getHandle(accountWorkflowId(accountId));
  await keeper.signal(`named-${token}`);
  await keeper.signal('account-event', { note: token });
  const found = await eventually(async () => {
    const all = (await broken()).filter((violation) => violation.accountId === accountId && violation.law === 'G7');
    return all[0]?.what.includes(',') === true && /event \d+, \d+/.test(all[0].what) ? all : undefined;
  }, 'both signals in the history');
  expect(found).toHaveLength(1);
  expect(found[0]!.row).toMatch(new RegExp(`^history of account/${accountId}, run `));
  expect(JSON.stringify(found)).not.toContain(token);
  expect((await verify(world.deps)).sources.map(({ source }) => source)).toEqual(['temporal', 'mercado-pago']);
});

test('G8: a job that is at work, and of which nothing was heard for too long', async () => {
  const { accountId } = await live();
  await world.sql('alter table provisioning_jobs disable trigger all');
  await world.sql(`update provisioning_jobs set status = 'running', updated_at = now() - interval '1 day' where account_id = $1`, [
    accountId,
  ]);
  await world.sql('alter table provisioning_jobs enable trigger all');
  expect(await lawsOf(accountId)).toContainEqual(expect.stringMatching(/^G8 is running, and nothing was heard of it since/));
});

test('G1 G4: what Mercado Pago has and Alta never heard of, and a refund that is not there', async () => {
  const { accountId, preferenceId } = await live();
  const { paymentId } = await world.simulator.control.pay(preferenceId, { notify: false });
  const late = { lateSeconds: -1 };
  const mine = async (): Promise<string[]> => (await lawsOf(accountId, late)).filter((told) => told.includes('Mercado Pago'));
  expect(await mine()).toEqual(['G1 is approved at Mercado Pago; Alta never read it']);
  // The payment is late only once it is as old as an event may be.
  expect(await lawsOf(accountId)).toEqual([]);
  const [first] = await world.sql<{ payment_id: string }>('select payment_id from payments where account_id = $1', [accountId]);
  await world.simulator.control.setStatus(first!.payment_id, 'refunded', { notify: false });
  expect(await mine()).toContain('G4 is refunded at Mercado Pago; Alta knows it as approved');
  await world.sql(
    `insert into refunds (ask_key, payment_id, account_id, status, amount, currency, asked_by, ask_reason, decided_by, decision_reason, decided_at, ended_at, mp_refund_id)
     select 'planted/' || payment_id, payment_id, account_id, 'approved', amount, currency, 'ana', 'x', 'ana', 'x', now(), now(), '1' from payments where payment_id = $1`,
    [first!.payment_id],
  );
  expect(await mine()).toContain('G4 is said to be paid back; Mercado Pago has no such refund');
  await world.simulator.control.setStatus(paymentId, 'cancelled', { notify: false });
  await world.sql('delete from refunds where payment_id = $1', [first!.payment_id]);
});

test('G4: a refund that was decided, and nobody sends it', async () => {
  const [payment] = await world.sql<{ payment_id: string }>('select payment_id from payments where account_id = $1', [undone.accountId]);
  await world.sql(
    `update refunds set status = 'wanted', decided_by = 'ana', decision_reason = 'x', decided_at = now() where payment_id = $1 and status = 'asked'`,
    [payment!.payment_id],
  );
  await world.temporal.workflow.getHandle(refundWorkflowId(payment!.payment_id)).terminate('gone');
  expect(await lawsOf(undone.accountId)).toContainEqual(expect.stringMatching(/^G4 is wanted, and its run refund\/\d+ is not open/));
});

test('Temporal or Mercado Pago away: said so, and the rest is looked at', async () => {
  faults.at('temporal.list-runs', { mode: 'fail-before', code: 'TEMPORAL_UNAVAILABLE' });
  faults.at('mercadopago.search-payments', { mode: 'fail-before', code: 'MP_UNAVAILABLE' });
  const { sources, accounts } = await verify(world.deps);
  faults.clear();
  expect(sources.map(({ source, code, complete }) => [source, code, complete])).toEqual([
    ['temporal', 'TEMPORAL_UNAVAILABLE', false],
    ['mercado-pago', 'MP_UNAVAILABLE', false],
  ]);
  expect(accounts).toBeGreaterThan(1);
});

test('G1 G4 G5: the ledgers of the simulator and of the mail catcher', () => {
  const accountId = randomUUID();
  const account = { accountId, status: 'live', jobId: 'job', paid: true };
  const effect = (what: string, id: string, amount: number, reference: string): LedgerEntry => ({
    kind: 'effect',
    seq: 0,
    at: '',
    what,
    id,
    amount,
    reference,
  });
  const paid = effect('payment.created', '1', 10, accountId);
  const back = (id: string, amount: number): LedgerEntry => effect('refund.approved', id, amount, '1');
  const laws = (...entries: LedgerEntry[]): string[] => judgeLedger(entries, [account]).map(({ law, what }) => `${law} ${what}`);
  expect(laws(paid)).toEqual([]);
  // A refund that was in process is told of again when it ends.
  expect(laws(paid, back('7', 4), back('7', 4))).toEqual([]);
  expect(laws()).toEqual(['G1 has a store, and no payment of it was ever approved']);
  expect(laws(paid, back('7', 6), back('8', 6))).toEqual(['G4 was given back 2 times', 'G4 1200 cents of 1000 went back']);
  expect(laws(paid, back('7', 10), effect('payment.refunded', '1', 10, accountId))).toEqual([
    'G4 has an open store, and all its money went back',
  ]);
  const mail = (id: string): { source: string } => ({ source: `From: a\r\nMessage-ID: <${id}@alta.example.com>\r\n\r\nx` });
  const letters = (...ids: string[]): string[] => judgeMails(ids.map(mail), [account]).map(({ law, row, what }) => `${law} ${row} ${what}`);
  expect(letters('store-ready.job', 'store-ready.job', 'notice.a')).toEqual([]);
  expect(letters('store-ready.other')).toEqual(['G1 mail store-ready.other welcomes somebody whose run made no store']);
  expect(letters('notice.a', 'notice.a')).toEqual(['G5 mail notice.a went out 2 times']);
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
