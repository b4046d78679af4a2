import { randomUUID } from 'node:crypto';
import { createAdminDb, type AdminDb } from '../../adapters/admin-db/index.ts';
import type { Store } from '../../adapters/cluster/index.ts';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { UPDATE_ACCOUNT_COMMAND, type CommandAnswer } from '../../contract/account-commands.ts';
import { SIGNAL_ACCOUNT_EVENT } from '../../contract/account.ts';
import { accountWorkflowId } from '../../contract/ids.ts';
import { runAlta } from '../support/alta-cli.ts';
import type { Asked } from '../support/account-changes.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { liveOrder } from '../support/live-order.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

let world: World;
let faults: Faults;
let operatorDb: AdminDb;
let alta: AltaClient;
let order: PlacedOrder;

const who = { actor: 'ana', reason: 'as agreed' };
const give = (command: Asked, commandId?: string): Promise<CommandAnswer> =>
  alta.accounts.command(order.accountId, { ...command, ...who }, commandId);
const store = async (): Promise<Store> => (await world.store(order.accountId))!;
const run = () => world.temporal.workflow.getHandle(accountWorkflowId(order.accountId));

const live = (): Promise<PlacedOrder> => liveOrder(world);

beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
  // As an operator's command line: with an operator's rights.
  operatorDb = createAdminDb(world.database.url, { role: 'operator' });
  alta = createAltaClient({ db: operatorDb, temporal: world.temporal, config: world.config });
  order = await live();
}, 120_000);
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await operatorDb.close();
  await world.close();
});

test('P-214 P-303 P-304 P-305 P-751: a paused store is closed when the answer comes, and open again when it is resumed', async () => {
  const paused = await give({ action: 'suspend', cause: 'pause' });
  expect(paused).toMatchObject({ status: 'suspended', reasons: ['pause'], store: 'shown', waitsFor: null });
  expect((await store()).client).toMatchObject({ is_active: false, sync_version: paused.version });
  const [told] = await world.sql<{ payload: object }>('select payload from outbox where event_key = $1', [
    `account.suspended/${order.accountId}/${String(paused.version)}`,
  ]);
  expect(told?.payload).toEqual({
    type: 'account.suspended',
    accountId: order.accountId,
    version: paused.version,
    reason: 'pause',
    requestedAt: expect.any(String) as string,
  });
  expect(await give({ action: 'resume', cause: 'pause' })).toMatchObject({ status: 'provisioned', reasons: [], store: 'shown' });
  expect((await store()).client).toMatchObject({ is_active: true, publication_status: 'published' });
  // The events that were written along with it reach the account as well, and change nothing more.
  await eventually(async () => {
    const open = await world.sql(`select 1 from outbox where account_id = $1 and status <> 'completed'`, [order.accountId]);
    return open.length === 0;
  }, 'the outbox');
});

test('P-303 P-305: a cancelled store is closed and is not resumed; restored it is open', async () => {
  expect(await give({ action: 'cancel' })).toMatchObject({ status: 'cancelled', store: 'shown' });
  expect((await store()).client.is_active).toBe(false);
  await expect(give({ action: 'resume' })).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
  expect(await give({ action: 'restore' })).toMatchObject({ status: 'provisioned', store: 'shown' });
  expect((await store()).client.is_active).toBe(true);
});

test('P-306 P-311: plan, period and add-ons reach the store with the answer; a store over its limits is told, not harmed', async () => {
  expect(await give({ action: 'change-plan', planKey: 'enterprise', billingPeriod: 'annual' })).toMatchObject({
    store: 'shown',
    overLimits: [],
  });
  expect((await store()).client).toMatchObject({ plan: 'enterprise', plan_key: 'enterprise', billing_period: 'annual' });
  await give({ action: 'add-addon', addonKey: 'extra-staff', quantity: 3 });
  expect((await store()).client.entitlements).toMatchObject({ limits: { staff: 53 } });
  await give({ action: 'remove-addon', addonKey: 'extra-staff' });
  expect((await store()).client.entitlements).toMatchObject({ limits: { staff: 50 } });

  await world.sql(`update plans set entitlements = '{"limits": {"products": 1, "staff": 1}, "features": []}' where plan_key = 'starter'`);
  const { counts } = await store();
  const down = { action: 'change-plan', planKey: 'starter' } as const;
  world.config.ALTA_DOWNGRADE_POLICY = 'refuse';
  await expect(give(down)).rejects.toMatchObject({ code: 'OVER_LIMITS', message: expect.stringContaining('products') as string });
  world.config.ALTA_DOWNGRADE_POLICY = 'keep';
  expect(await give(down)).toMatchObject({ store: 'shown', overLimits: [{ limit: 'products', used: 2, allowed: 1 }] });
  expect((await store()).counts).toEqual(counts);
});

test('P-048 P-123: an override reaches the store with the answer, follows the downgrade policy, and goes when it is cleared', async () => {
  const before = (await store()).client.entitlements;
  const limit = { kind: 'limit', key: 'products' } as const;
  expect(await give({ action: 'set-override', ...limit, value: 77, expiresAt: '2099-01-01T00:00:00Z' })).toMatchObject({
    store: 'shown',
    overLimits: [],
  });
  await give({ action: 'set-override', kind: 'feature', key: 'beta-blog', value: 1 });
  expect((await store()).client.entitlements).toMatchObject({
    limits: { products: 77 },
    features: expect.arrayContaining(['beta-blog']) as string[],
  });
  world.config.ALTA_DOWNGRADE_POLICY = 'refuse';
  await expect(give({ action: 'set-override', ...limit, value: 0 })).rejects.toMatchObject({ code: 'OVER_LIMITS' });
  world.config.ALTA_DOWNGRADE_POLICY = 'keep';
  expect((await store()).client.entitlements).toMatchObject({ limits: { products: 77 } });
  await give({ action: 'clear-override', ...limit });
  expect(await give({ action: 'clear-override', kind: 'feature', key: 'beta-blog' })).toMatchObject({ store: 'shown' });
  expect((await store()).client.entitlements).toEqual(before);
});

test('P-180 P-087: entitlements are computed anew on demand, from the plan as it is now', async () => {
  await world.sql(`update plans set entitlements = '{"limits": {"products": 7}, "features": ["checkout"]}' where plan_key = 'starter'`);
  expect(await give({ action: 'sync-entitlements' })).toMatchObject({ store: 'shown' });
  expect((await store()).client.entitlements).toEqual({ limits: { products: 7 }, features: ['checkout'] });
});

test('P-181: seeds that run again add only what is missing; what the merchant changed or made stays, and so does a neighbour', async () => {
  const neighbour = await live();
  const { client } = await world.clusters.get(String((await world.account(order.accountId)).backend_cluster_id));
  const { client: next } = await world.clusters.get(String((await world.account(neighbour.accountId)).backend_cluster_id));
  const id = (await store()).client.id;
  const content = async (from = client, of = id): Promise<Record<string, unknown>[][]> =>
    Promise.all(
      ['pages', 'store_settings', 'shipping_methods', 'palettes'].map(async (table) => {
        const { data, error } = await from.from(table).select('*').eq('client_id', of).order('id');
        expect(error).toBeNull();
        return data as Record<string, unknown>[];
      }),
    );
  const beside = (await world.store(neighbour.accountId))!.client.id;
  const others = await content(next, beside);
  const [before] = await content();
  const ours = <T>({ error, data }: { error: unknown; data: T }): T => {
    expect(error).toBeNull();
    return data;
  };
  ours(await client.from('pages').update({ title: 'Mi casa', body: 'Mi historia' }).eq('client_id', id).eq('slug', 'about'));
  ours(await client.from('pages').delete().eq('client_id', id).in('slug', ['contact', 'terms']));
  // A page of the merchant's own stands where a seeded one was.
  ours(await client.from('pages').insert({ client_id: id, slug: 'terms', title: 'Mis condiciones', body: 'Las mías', position: 9 }));
  ours(await client.from('shipping_methods').delete().eq('client_id', id).eq('seed_key', 'shipping/pickup'));
  const left = (await content()).map((rows) => new Map(rows.map((row) => [row['id'], row])));

  expect(await give({ action: 'reseed' })).toMatchObject({ store: 'shown', status: 'provisioned' });
  const after = await content();
  for (const [table, rows] of left.entries())
    for (const [key, row] of rows) expect(after[table]!.find((one) => one['id'] === key)).toEqual(row);
  const added = after.flatMap((rows, table) => rows.filter((row) => !left[table]!.has(row['id'])).map((row) => row['seed_key']));
  expect(added.sort()).toEqual(['page/contact', 'shipping/pickup']);
  expect(after[0]!.length).toBe(before!.length);
  expect(await content(next, beside)).toEqual(others);
  // Again: nothing is missing.
  await give({ action: 'reseed' });
  expect(await content()).toEqual(after);
});

test('P-308 P-309: settings and fields reach the store; a new slug resolves, and the old one no more', async () => {
  const slug = `${order.slug.slice(0, 30)}-bis`;
  await give({ action: 'change-settings', settings: { headline: 'Hola', show_stock: true } });
  expect(await give({ action: 'change-account', fields: { slug, businessName: 'Casa Nueva', phone: null } })).toMatchObject({
    store: 'shown',
  });
  const now = await store();
  expect(now.home_settings).toMatchObject({ headline: 'Hola', show_stock: true });
  expect(now.client).toMatchObject({ slug, name: 'Casa Nueva', phone: null });
  const status = async (name: string): Promise<number> => (await fetch(`${world.url}/stores/${name}`)).status;
  expect([await status(slug), await status(order.slug)]).toEqual([200, 404]);
  await expect(give({ action: 'change-account', fields: { slug: 'xn--tienda' } })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('P-215 P-307: a deleted store resolves no more and holds no credentials; restored it has them again', async () => {
  const { mp_fingerprint: before } = await store();
  expect(await give({ action: 'delete' })).toMatchObject({ status: 'deleted', store: 'shown' });
  const gone = await store();
  expect(gone.client).toMatchObject({ is_active: false, deleted_at: expect.any(String) as string });
  expect(gone.mp_fingerprint).toBeNull();
  const { slug } = await world.account(order.accountId);
  expect((await fetch(`${world.url}/stores/${String(slug)}`)).status).toBe(404);
  await expect(give({ action: 'change-plan', planKey: 'growth' })).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
  expect(await give({ action: 'restore' })).toMatchObject({ status: 'provisioned', store: 'shown' });
  expect(await store()).toMatchObject({ client: { is_active: true, deleted_at: null }, mp_fingerprint: before });
  expect((await fetch(`${world.url}/stores/${String(slug)}`)).status).toBe(200);
});

test('P-314 O-15 O-34: an approval is refused while the cluster has no token; a store that is approved is published, then live', async () => {
  const { accountId } = await live();
  const approve = (): Promise<CommandAnswer> => alta.accounts.command(accountId, { action: 'publish', ...who });
  const status = async (): Promise<unknown> => (await world.account(accountId)).status;
  const { client } = await world.clusters.get(String((await world.account(accountId)).backend_cluster_id));
  const set = async (fields: object): Promise<void> => {
    const { error } = await client.from('clients').update(fields).eq('nv_account_id', accountId);
    expect(error).toBeNull();
  };
  const { data } = await client.from('clients').select('mp_access_token').eq('nv_account_id', accountId).single();
  await set({ mp_access_token: null });
  await expect(approve()).rejects.toMatchObject({ code: 'MP_NOT_CONFIGURED' });
  expect(await status()).toBe('provisioned');
  await set({ ...data, publication_status: 'draft' });
  // The cluster is away: neither side shows what the other does not.
  faults.at('cluster.publish-client', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  expect(await approve()).toMatchObject({ status: 'approved', store: 'waiting', waitsFor: 'CLUSTER_UNAUTHORIZED' });
  expect([await status(), (await world.store(accountId))!.client.publication_status]).toEqual(['approved', 'draft']);
  faults.clear();
  await eventually(async () => (await status()) === 'live', 'the account is live');
  expect((await world.store(accountId))!.client).toMatchObject({ is_active: true, publication_status: 'published' });
  await expect(approve()).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
  // Another store, whose cluster is there: the answer comes when both sides have it, and a repeat is answered the same.
  const other = await live();
  const commandId = randomUUID();
  const ask = (): Promise<CommandAnswer> => alta.accounts.command(other.accountId, { action: 'publish', ...who }, commandId);
  const answer = await ask();
  expect(answer).toMatchObject({ status: 'live', store: 'shown', waitsFor: null });
  expect((await world.account(other.accountId)).status).toBe('live');
  expect(await ask()).toEqual(answer);
  const audit = await world.sql<{ event_type: string; to_value: string }>(
    `select event_type, to_value from lifecycle_events where account_id = $1 and to_value in ('approved', 'live') order by created_at`,
    [other.accountId],
  );
  expect(audit).toEqual([
    { event_type: 'command.publish', to_value: 'approved' },
    { event_type: 'status.changed', to_value: 'live' },
  ]);
});

describe('the id of a command', () => {
  const audited = async (): Promise<number> =>
    (await world.sql(`select 1 from lifecycle_events where account_id = $1 and event_type = 'command.suspend'`, [order.accountId])).length;

  test('P-170: given again, at once or after its run was lost, it is done once and answered the same', async () => {
    const before = await audited();
    const commandId = randomUUID();
    const command = { action: 'suspend', cause: 'operator' } as const;
    const [first, ...copies] = await Promise.all(Array.from({ length: 5 }, () => give(command, commandId)));
    for (const copy of copies) expect(copy).toEqual(first);
    await run().terminate('as if lost');
    // Another command brings another run, which was never given this one; the Admin DB was.
    await give({ action: 'sync-entitlements' });
    expect(await give(command, commandId)).toEqual(first);
    expect(await audited()).toBe(before + 1);
    await expect(give({ action: 'resume', cause: 'operator' }, commandId)).rejects.toMatchObject({ code: 'CONFLICT' });
    await give({ action: 'resume', cause: 'operator' });
  });

  test('what is no command, or has no UUID, is refused and leaves nothing behind, whoever sends it', async () => {
    const handle = run();
    const before = (await handle.describe()).historyLength;
    const send = (command: unknown, updateId: string): Promise<unknown> =>
      handle.executeUpdate(UPDATE_ACCOUNT_COMMAND, { args: [command], updateId }).catch((error: { cause?: unknown }) => error.cause);
    expect(await send({ action: 'suspend', ...who, token: 'APP_USR-secret' }, randomUUID())).toMatchObject({ type: 'INPUT_INVALID' });
    expect(await send({ action: 'suspend', ...who }, 'not-a-uuid')).toMatchObject({ type: 'INPUT_INVALID' });
    const { events } = await handle.fetchHistory();
    expect(JSON.stringify(events)).not.toContain('APP_USR-secret');
    expect((events ?? []).filter((event) => event.workflowExecutionUpdateAcceptedEventAttributes != null).length).toBeGreaterThan(0);
    expect(before).toBeGreaterThan(0);
    await expect(give({ action: 'suspend' }, 'NOT-A-UUID')).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('an account that is not there, or has no store yet, takes no command and gets no workflow', async () => {
    await expect(alta.accounts.command(randomUUID(), { action: 'hold', ...who })).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
    const draft = await world.checkout();
    await expect(alta.accounts.command(draft.accountId, { action: 'hold', ...who })).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
    await expect(world.temporal.workflow.getHandle(accountWorkflowId(draft.accountId)).describe()).rejects.toThrow(/not found/i);
  });
});

test('P-200: a cluster that is away: the command stands, the answer names what the store waits for, and it is shown once the cluster is back', async () => {
  faults.at('cluster.upsert-client', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  const answer = await give({ action: 'suspend', cause: 'past_due' });
  expect(answer).toMatchObject({ status: 'suspended', store: 'waiting', waitsFor: 'CLUSTER_UNAUTHORIZED' });
  faults.clear();
  await eventually(async () => (await store()).client['sync_version'] === answer.version, 'the store');
  expect((await store()).client.is_active).toBe(false);
  await give({ action: 'resume', cause: 'past_due' });
});

describe('hold and release', () => {
  test('nothing is written to a held store, also when its run was lost; the release brings everything that was told meanwhile', async () => {
    expect(await give({ action: 'hold' })).toMatchObject({ held: true, store: 'shown' });
    const before = (await store()).client.sync_version;
    expect(await give({ action: 'suspend', cause: 'operator' })).toMatchObject({ status: 'suspended', store: 'waiting', waitsFor: 'held' });
    await run().terminate('as if lost');
    // The run that takes its place learns from the Admin DB that the account is held.
    const changed = await give({ action: 'change-account', fields: { businessName: 'Casa Tercera' } });
    expect(changed).toMatchObject({ held: true, store: 'waiting', waitsFor: 'held' });
    await run().signal(SIGNAL_ACCOUNT_EVENT, { eventKey: 'x', type: 'account.updated', version: changed.version, aspects: ['client'] });
    expect((await store()).client.sync_version).toBe(before);
    expect((await alta.accounts.show(order.accountId)).workflow).toMatchObject({ held: true, dirty: { client: changed.version } });
    expect(await give({ action: 'release' })).toMatchObject({ held: false, store: 'shown' });
    expect((await store()).client).toMatchObject({ is_active: false, name: 'Casa Tercera' });
    await give({ action: 'resume', cause: 'operator' });
  });
});

describe('alta accounts', () => {
  const cli = (...args: string[]) => runAlta(world.env, 'accounts', ...args);
  const why = ['--reason', 'as agreed', '--actor', 'ana'];

  test('each command does what it says and tells it; show tells the story without an address', async () => {
    const { slug } = await world.account(order.accountId);
    const target = String(slug);
    const commandId = randomUUID();
    const paused = await cli('suspend', target, '--cause', 'past_due', '--command-id', commandId, ...why);
    expect(paused).toMatchObject({ code: 0, err: '' });
    expect(paused.out).toMatch(/suspend: the account is suspended \(past_due\)[\s\S]*shows it/);
    expect(await cli('suspend', target, '--cause', 'past_due', '--command-id', commandId, ...why)).toEqual(paused);
    expect((await cli('resume', target, '--cause', 'past_due', ...why)).out).toContain('the account is provisioned');
    const commands: string[][] = [
      ['change-plan', target, 'growth', '--period', 'monthly'],
      ['add-addon', target, 'extra-staff', '--quantity', '2', '--until', '2099-01-01T00:00:00Z'],
      ['change-settings', target, 'headline=Hola = otra vez', 'show_stock=false', 'announcement='],
      ['change', target, 'businessName=Casa Cuarta', 'legalName='],
      ['set-override', target, 'limit', 'products', '500', '--until', '2099-01-01T00:00:00Z'],
      ['clear-override', target, 'limit', 'products'],
      ['sync-entitlements', target],
      ['reseed', target],
      ['publish', target],
      ['hold', target],
      ['release', target],
    ];
    for (const command of commands) {
      const outcome = await cli(...command, ...why, '--json');
      expect({ command, ...outcome, out: '' }).toEqual({ command, code: 0, err: '', out: '' });
      expect(JSON.parse(outcome.out)).toMatchObject({ store: 'shown' });
    }
    const now = await store();
    expect(now.client).toMatchObject({ name: 'Casa Cuarta', legal_name: null, plan_key: 'growth', is_active: true });
    expect(now.home_settings).toMatchObject({ headline: 'Hola = otra vez', show_stock: false });
    const shown = await cli('show', target);
    expect(shown.out).toMatch(/2 extra-staff until 2099-01-01[\s\S]*nothing to do[\s\S]*ana: hold: as agreed/);
    expect(shown.out).not.toContain('@example.com');
    expect(JSON.parse((await cli('show', order.accountId, '--json')).out)).toMatchObject({
      account: { status: 'live', reasons: [] },
    });
  });

  test('a refusal says when it is possible, and a wrong command what is wrong', async () => {
    const refused = await cli('resume', order.accountId, ...why, '--json');
    expect(refused.code).toBe(1);
    expect(JSON.parse(refused.err)).toMatchObject({ code: 'COMMAND_REFUSED', message: expect.stringContaining('suspended') as string });
    const wrong = await cli('change-settings', order.accountId, 'colour=red', ...why, '--json');
    expect({ code: wrong.code, ...(JSON.parse(wrong.err) as object) }).toMatchObject({ code: 'INPUT_INVALID' });
    expect((await cli('suspend', order.accountId)).code).toBe(2);
  });
});
