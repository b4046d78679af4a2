import { randomUUID } from 'node:crypto';
import {
  createAdminDb,
  expireEntitlements,
  goLive,
  loadSnapshot,
  recordArchive,
  runAccountCommand,
  saveMpCredentials,
  type AdminDb,
} from '../../adapters/admin-db/index.ts';
import { accountCommandSchema, type AccountCommand, type CommandRecord } from '../../contract/account-commands.ts';
import { ACCOUNT_ACTIONS, type AccountAction } from '../../contract/account-machine.ts';
import { setClock } from '../../adapters/clock.ts';
import { projectEntitlements } from '../../contract/projection.ts';
import { addCluster, draftAccount, rows, testVault } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

let db: AdminDb;
let worker: AdminDb;
let close: () => Promise<void>;
let accountId: string;
beforeAll(async () => {
  const fresh = await openFreshDb();
  ({ db, close } = fresh);
  // With the worker's own rights.
  worker = createAdminDb(fresh.url, { role: 'worker' });
  await addCluster(db, 'north');
});
afterAll(async () => {
  await worker.close();
  await close();
});
beforeEach(async () => {
  accountId = await account();
});

async function account(status = 'live'): Promise<string> {
  const made = await draftAccount(db, { addons: [{ key: 'coupons' }] });
  await rows(db, `update nv_accounts set status = $2, backend_cluster_id = 'north' where id = $1`, [made.accountId, status]);
  return made.accountId;
}

const who = { actor: 'ana', reason: 'as agreed' };
/** One command an action. */
const COMMANDS: Record<AccountAction, object> = {
  suspend: { cause: 'operator' },
  resume: {},
  cancel: {},
  delete: {},
  restore: {},
  publish: {},
  'change-plan': { planKey: 'starter', billingPeriod: 'annual' },
  'add-addon': { addonKey: 'extra-staff', quantity: 3 },
  'remove-addon': { addonKey: 'coupons' },
  'set-override': { kind: 'limit', key: 'products', value: 9 },
  'clear-override': { kind: 'limit', key: 'products' },
  'sync-entitlements': {},
  reseed: {},
  'change-settings': { settings: { headline: 'Hola' } },
  'change-account': { fields: { phone: '11 5555 0000', legalName: null } },
  'set-due-dates': { paidUntil: '2027-01-31T00:00:00Z' },
  hold: {},
  release: {},
};
const commandOf = (action: AccountAction, more: object = {}): AccountCommand =>
  accountCommandSchema.parse({ action, ...who, ...COMMANDS[action], ...more });
const alone = (command: AccountCommand, commandId: string = randomUUID(), more: object = {}): Promise<CommandRecord> =>
  runAccountCommand(worker, { accountId, commandId, command, used: null, sells: true, downgrade: 'keep', retentionDays: 30, ...more });
/** What an export leaves in the Admin DB. */
const archive = (commandId: string, location = `file:///archives/${randomUUID()}/store.json`): Promise<void> =>
  recordArchive(worker, { accountId, commandId, location, sha256: 'a'.repeat(64), bytes: 10, counts: { clients: 1 } });
/** As the account's workflow gives it: a deletion after its export. */
const run = async (command: AccountCommand, commandId: string = randomUUID(), more: object = {}): Promise<CommandRecord> => {
  if (command.action === 'delete') await archive(commandId);
  return alone(command, commandId, more);
};
/** Gives the account Mercado Pago credentials, as its seller's consent does. */
const connect = (): Promise<unknown> =>
  saveMpCredentials(db, testVault, accountId, {
    accessToken: 'APP_USR-1',
    refreshToken: null,
    publicKey: 'k',
    expiresAt: null,
    mpUserId: '1',
  });
/** Brings the account where an action is possible. */
async function prepare(action: AccountAction): Promise<void> {
  if (action === 'resume') await run(commandOf('suspend', { cause: 'pause' }));
  if (action === 'restore') await run(commandOf('delete'));
  if (action === 'publish') {
    await rows(db, `update nv_accounts set status = 'provisioned' where id = $1`, [accountId]);
    await connect();
  }
  if (action === 'clear-override') await run(commandOf('set-override'));
  if (action === 'release') await run(commandOf('hold'));
}

/** Everything that a command may change. */
const everything = async (): Promise<unknown> =>
  rows(
    db,
    `select to_jsonb(a) as account, (select jsonb_agg(to_jsonb(x) order by x.addon_key) from account_addons x where x.account_id = a.id) as addons,
       (select to_jsonb(x) from account_settings x where x.account_id = a.id) as settings,
       (select jsonb_agg(to_jsonb(x) order by x.kind, x.key) from entitlement_overrides x where x.account_id = a.id) as overrides,
       (select to_jsonb(x) from subscriptions x where x.account_id = a.id) as subscription,
       (select jsonb_agg(to_jsonb(x) order by x.reason) from account_suspensions x where x.account_id = a.id) as suspensions,
       (select jsonb_agg(to_jsonb(x) order by x.slug) from slug_reservations x where x.account_id = a.id) as slugs,
       (select count(*) from lifecycle_events x where x.account_id = a.id) as audit,
       (select count(*) from outbox x where x.account_id = a.id and x.target = 'account') as told
     from nv_accounts a where a.id = $1`,
    [accountId],
  );
const versionOf = async (): Promise<number> =>
  (await rows<{ v: number }>(db, 'select version::int as v from nv_accounts where id = $1', [accountId]))[0]!.v;
const told = (): Promise<{ type: string; v: number }[]> =>
  rows(
    db,
    `select event_type as type, (payload ->> 'version')::int as v from outbox where account_id = $1 and target = 'account' order by created_at, event_key`,
    [accountId],
  );

const EVENTS: Record<AccountAction, string[]> = {
  suspend: ['account.suspended'],
  resume: ['account.updated'],
  cancel: ['account.suspended'],
  delete: ['account.deleted'],
  restore: ['account.updated', 'entitlements.synced', 'mp_credentials.synced'],
  publish: ['account.updated'],
  'change-plan': ['plan.changed'],
  'add-addon': ['entitlements.synced'],
  'remove-addon': ['entitlements.synced'],
  'set-override': ['entitlements.synced'],
  'clear-override': ['entitlements.synced'],
  'sync-entitlements': ['entitlements.synced'],
  reseed: ['account.updated'],
  'change-settings': ['settings.synced'],
  'change-account': ['account.updated'],
  'set-due-dates': ['account.updated'],
  hold: [],
  release: [],
};

describe.each(ACCOUNT_ACTIONS)('%s', (action) => {
  test('P-200 P-210 P-302 P-015: the account, one audit row and its events at the new version are one transaction; a repeat changes nothing', async () => {
    await prepare(action);
    const [before, toldBefore] = [await versionOf(), (await told()).length];
    const audit = (): Promise<unknown[]> =>
      rows(db, `select 1 from lifecycle_events where account_id = $1 and event_type = $2`, [accountId, `command.${action}`]);
    const commandId = randomUUID();
    const record = await run(commandOf(action), commandId);
    expect(record.version).toBeGreaterThan(before);
    expect(record.version).toBe(await versionOf());
    expect((await told()).slice(toldBefore).sort((a, b) => (a.type < b.type ? -1 : 1))).toEqual(
      EVENTS[action].map((type) => ({ type, v: record.version })),
    );
    expect(await audit()).toHaveLength(1);
    const after = await everything();
    expect(await run(commandOf(action), commandId)).toEqual(record);
    expect(await everything()).toEqual(after);
  });

  test('P-302: what cannot be recorded did not happen', async () => {
    await prepare(action);
    const before = await everything();
    await db.pool.query(`create function refuse_command() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
      create trigger refuse_command before insert on account_commands for each row execute function refuse_command()`);
    try {
      await expect(run(commandOf(action))).rejects.toMatchObject({ code: 'ADMIN_DB_REJECTED' });
    } finally {
      await db.pool.query('drop trigger refuse_command on account_commands; drop function refuse_command()');
    }
    expect(await everything()).toEqual(before);
  });
});

test('thirty copies of one command at once happen once', async () => {
  const commandId = randomUUID();
  const command = commandOf('add-addon');
  const records = await Promise.all(Array.from({ length: 30 }, () => run(command, commandId)));
  for (const record of records) expect(record).toEqual(records[0]);
  expect(await told()).toHaveLength(1);
});

test('an id that named another command is refused', async () => {
  const commandId = randomUUID();
  await run(commandOf('hold'), commandId);
  await expect(run(commandOf('release'), commandId)).rejects.toMatchObject({ code: 'CONFLICT' });
});

test('P-305 O-27: a store that is stopped for two reasons runs again when both are gone; a cancelled one is not resumed', async () => {
  await run(commandOf('suspend', { cause: 'pause' }));
  await run(commandOf('suspend', { cause: 'past_due' }));
  expect(await run(commandOf('resume', { cause: 'pause' }))).toMatchObject({ status: 'suspended', reasons: ['past_due'] });
  expect(await run(commandOf('resume', { cause: 'past_due' }))).toMatchObject({ status: 'live', reasons: [] });
  await run(commandOf('cancel'));
  await expect(run(commandOf('resume'))).rejects.toMatchObject({
    code: 'COMMAND_REFUSED',
    message: expect.stringContaining('cancelled') as string,
  });
  expect(await run(commandOf('restore'))).toMatchObject({ status: 'live' });
});

test('P-314 O-34: a store is approved when Admin DB and cluster hold its credentials, is live once, and a refusal changes nothing', async () => {
  const status = async (): Promise<unknown> =>
    (await rows<{ status: string }>(db, 'select status from nv_accounts where id = $1', [accountId]))[0]!.status;
  await rows(db, `update nv_accounts set status = 'provisioned' where id = $1`, [accountId]);
  const before = await everything();
  await expect(run(commandOf('publish'))).rejects.toMatchObject({ code: 'MP_NOT_CONFIGURED' });
  expect(await everything()).toEqual(before);
  await connect();
  for (const sells of [false, null])
    await expect(run(commandOf('publish'), randomUUID(), { sells })).rejects.toMatchObject({ code: 'MP_NOT_CONFIGURED' });
  expect(await status()).toBe('provisioned');
  expect(await goLive(worker, accountId)).toBe(false);
  expect(await run(commandOf('publish'))).toMatchObject({ status: 'approved', aspects: ['client'] });
  // Until the cluster shows it, an approval may be given again.
  const again = await run(commandOf('publish'));
  expect(again.status).toBe('approved');
  expect(await Promise.all([goLive(worker, accountId), goLive(worker, accountId)])).toEqual(expect.arrayContaining([true, false]));
  expect(await status()).toBe('live');
  expect((await told()).at(-1)).toEqual({ type: 'account.updated', v: again.version + 1 });
  await expect(run(commandOf('publish'))).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
});

test('P-314: what is suspended before the cluster showed it goes back to approved, and live from there', async () => {
  await prepare('publish');
  await run(commandOf('publish'));
  await run(commandOf('suspend', { cause: 'pause' }));
  expect(await goLive(worker, accountId)).toBe(false);
  expect(await run(commandOf('resume', { cause: 'pause' }))).toMatchObject({ status: 'approved' });
  expect(await goLive(worker, accountId)).toBe(true);
});

test('an account without a store takes no command', async () => {
  accountId = (await draftAccount(db)).accountId;
  await expect(run(commandOf('suspend'))).rejects.toMatchObject({
    code: 'COMMAND_REFUSED',
    message: expect.stringContaining('draft') as string,
  });
});

test('P-309: another slug is claimed first; the old one stays the account’s own for a while; one that is taken changes nothing', async () => {
  const old = (await rows<{ slug: string }>(db, 'select slug from nv_accounts where id = $1', [accountId]))[0]!.slug;
  await rows(db, `update slug_reservations set status = 'claimed', expires_at = null where slug = $1`, [old]);
  const slug = `nueva-${randomUUID().slice(0, 8)}`;
  await run(commandOf('change-account', { fields: { slug } }));
  const claims = (): Promise<unknown[]> =>
    rows(db, 'select slug, status from slug_reservations where account_id = $1 order by status', [accountId]);
  expect(await claims()).toEqual([
    { slug, status: 'claimed' },
    { slug: old, status: 'reserved' },
  ]);
  const [mine, before] = [accountId, await everything()];
  accountId = await account();
  await expect(run(commandOf('change-account', { fields: { slug: old } }))).rejects.toMatchObject({ code: 'SLUG_TAKEN' });
  accountId = mine;
  expect(await everything()).toEqual(before);
  await run(commandOf('change-account', { fields: { slug: old } }));
  expect(await claims()).toEqual([
    { slug: old, status: 'claimed' },
    { slug, status: 'reserved' },
  ]);
});

test('another store’s domain is a conflict, and an unknown plan or add-on is named', async () => {
  const domain = `d-${randomUUID().slice(0, 8)}.example.com`;
  await run(commandOf('change-account', { fields: { customDomain: domain } }));
  accountId = await account();
  await expect(run(commandOf('change-account', { fields: { customDomain: domain } }))).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(run(commandOf('change-plan', { planKey: 'nothing' }))).rejects.toMatchObject({ code: 'PLAN_NOT_FOUND' });
  await expect(run(commandOf('add-addon', { addonKey: 'nothing' }))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(run(commandOf('remove-addon', { addonKey: 'extra-staff' }))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
});

test('P-306: a downgrade over the limits goes through and says so, or is refused, by policy; what was over before is no new fault', async () => {
  const down = commandOf('change-plan', { planKey: 'starter' });
  const used = { products: 150, staff: 1 };
  const before = await everything();
  await expect(run(down, randomUUID(), { used, downgrade: 'refuse' })).rejects.toMatchObject({
    code: 'OVER_LIMITS',
    message: 'change-plan: the store has 150 products and might have 100',
  });
  expect(await everything()).toEqual(before);
  expect(await run(down, randomUUID(), { used })).toMatchObject({ overLimits: [{ limit: 'products', used: 150, allowed: 100 }] });
  expect(await run(commandOf('remove-addon'), randomUUID(), { used, downgrade: 'refuse' })).toMatchObject({
    overLimits: [{ limit: 'products' }],
  });
  expect(await run(commandOf('change-plan', { planKey: 'enterprise' }), randomUUID(), { used, downgrade: 'refuse' })).toMatchObject({
    overLimits: [],
  });
});

test('P-015 P-123: an override counts until it is cleared or ends, is replaced as a whole, and the audit says what counted before', async () => {
  const limit = { kind: 'limit', key: 'products' };
  const allowed = async (): Promise<number | undefined> => projectEntitlements(await loadSnapshot(db, accountId)).limits['products'];
  const plan = await allowed();
  await run(commandOf('set-override', { ...limit, value: 3, expiresAt: '2099-01-01T00:00:00Z' }));
  expect(await allowed()).toBe(3);
  await run(commandOf('set-override', { ...limit, value: 4 }));
  expect(await allowed()).toBe(4);
  await run(commandOf('clear-override', limit));
  expect(await allowed()).toBe(plan);
  await expect(run(commandOf('clear-override', limit))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(run(commandOf('set-override', { ...limit, value: 5, expiresAt: '2020-01-01T00:00:00Z' }))).rejects.toMatchObject({
    code: 'INPUT_INVALID',
  });
  expect(await allowed()).toBe(plan);
  await run(commandOf('set-override', { kind: 'feature', key: 'blog', value: 1, expiresAt: '2099-01-01T00:00:00Z' }));
  // Its time comes: the sweep ends it, with its own audit row, and it may be set again.
  await rows(db, `update entitlement_overrides set expires_at = now() - interval '1 second' where account_id = $1 and kind = 'feature'`, [
    accountId,
  ]);
  await expect(run(commandOf('clear-override', { kind: 'feature', key: 'blog' }))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expireEntitlements(worker);
  await run(commandOf('set-override', { kind: 'feature', key: 'blog', value: 0 }));
  expect(projectEntitlements(await loadSnapshot(db, accountId)).features).not.toContain('blog');
  expect(
    await rows(
      db,
      `select event_type as type, from_value as was, to_value as now, actor from lifecycle_events where account_id = $1 order by created_at, id`,
      [accountId],
    ),
  ).toEqual([
    { type: 'command.set-override', was: null, now: 'limit products 3 until 2099-01-01T00:00:00Z', actor: 'ana' },
    { type: 'command.set-override', was: 'limit products 3 until 2099-01-01T00:00:00Z', now: 'limit products 4', actor: 'ana' },
    { type: 'command.clear-override', was: 'limit products 4', now: null, actor: 'ana' },
    { type: 'command.set-override', was: null, now: 'feature blog 1 until 2099-01-01T00:00:00Z', actor: 'ana' },
    { type: 'entitlements.expired', was: 'feature blog', now: null, actor: 'alta' },
    { type: 'command.set-override', was: null, now: 'feature blog 0', actor: 'ana' },
  ]);
});

test('an override of a limit that no plan or add-on has is refused by name, and changes nothing', async () => {
  const before = await everything();
  await expect(run(commandOf('set-override', { kind: 'limit', key: 'prodcuts', value: 3 }))).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    message: 'key: no plan or add-on has a limit "prodcuts"; there are products, staff, storage_mb',
  });
  expect(await everything()).toEqual(before);
});

test('P-756: a text with NUL, which no column takes, is refused as bad input, and changes nothing', async () => {
  const before = await everything();
  const name = commandOf('change-account', { fields: { businessName: 'Casa\u0000Luna' } });
  await expect(run(name)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  await expect(run(commandOf('hold', { reason: 'a\u0000b' }))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(await everything()).toEqual(before);
});

test('a feature is given or taken, a limit is a count, and both have names', () => {
  for (const wrong of [
    { kind: 'feature', key: 'blog', value: 2 },
    { kind: 'limit', key: 'products', value: -1 },
    { kind: 'limit', key: 'products', value: 1.5 },
    { kind: 'limit', key: '', value: 1 },
    { kind: 'other', key: 'products', value: 1 },
  ])
    expect(accountCommandSchema.safeParse({ action: 'set-override', ...who, ...wrong }).success).toBe(false);
});

test('P-306: an override that leaves a store over its limits follows the policy, and so does the end of one', async () => {
  const used = { products: 10 };
  const lower = commandOf('set-override', { kind: 'limit', key: 'products', value: 3 });
  const before = await everything();
  await expect(run(lower, randomUUID(), { used, downgrade: 'refuse' })).rejects.toMatchObject({ code: 'OVER_LIMITS' });
  expect(await everything()).toEqual(before);
  expect((await run(lower, randomUUID(), { used })).overLimits).toEqual([{ limit: 'products', used: 10, allowed: 3 }]);
  await run(commandOf('set-override', { kind: 'limit', key: 'products', value: 1_000_000 }));
  const clear = commandOf('clear-override', { kind: 'limit', key: 'products' });
  await expect(run(clear, randomUUID(), { used: { products: 999_999 }, downgrade: 'refuse' })).rejects.toMatchObject({
    code: 'OVER_LIMITS',
  });
});

test('P-207: neither the audit nor the record of a command holds a value of the account', async () => {
  const fields = { email: 'nueva@example.com', phone: '11 5555 9999', fiscalId: '20-11111111-1' };
  await run(commandOf('change-account', { fields }));
  await run(commandOf('change-settings', { settings: { contact_email: 'hola@example.com' } }));
  const kept = await rows(
    db,
    `select to_jsonb(e)::text from lifecycle_events e where account_id = $1 union all select to_jsonb(c)::text from account_commands c where account_id = $1
     union all select payload::text from outbox where account_id = $1`,
    [accountId],
  );
  for (const value of [...Object.values(fields), 'hola@example.com']) expect(JSON.stringify(kept)).not.toContain(value);
});

describe('P-307: a deletion', () => {
  test('without an archive that was just made for its very command does not happen', async () => {
    const before = await everything();
    const commandId = randomUUID();
    await archive(randomUUID());
    await rows(
      db,
      `insert into store_archives (account_id, for_command, location, sha256, bytes, counts, made_at)
       values ($1, $2, $3, repeat('b', 64), 1, '{}', now() - interval '61 minutes')`,
      [accountId, commandId, `file:///old/${commandId}`],
    );
    await expect(alone(commandOf('delete'), commandId)).rejects.toMatchObject({ code: 'EXPORT_FAILED' });
    const [mine, other] = [accountId, await account()];
    accountId = other;
    await archive(commandId);
    accountId = mine;
    await expect(alone(commandOf('delete'), commandId)).rejects.toMatchObject({ code: 'EXPORT_FAILED' });
    expect(await everything()).toEqual(before);
    await archive(commandId, `file:///kept/${commandId}`);
    expect(await alone(commandOf('delete'), commandId)).toMatchObject({ status: 'deleted', archive: `file:///kept/${commandId}` });
  });

  test('is taken back within the retention; later it is told when that ended and where the archive is', async () => {
    const { archive: location } = await run(commandOf('delete'));
    const [{ at }] = (await rows<{ at: string }>(db, 'select deleted_at as at from nv_accounts where id = $1', [accountId])) as [
      { at: string },
    ];
    const ends = Date.parse(at) + 7 * 86_400_000;
    const before = await everything();
    try {
      setClock(() => ends);
      await expect(run(commandOf('restore'), randomUUID(), { retentionDays: 7 })).rejects.toMatchObject({
        code: 'COMMAND_REFUSED',
        message: `restore: the retention of the deleted store ended at ${new Date(ends).toISOString()}; its archive is ${String(location)}`,
      });
      expect(await everything()).toEqual(before);
      setClock(() => ends - 1);
      expect(await run(commandOf('restore'), randomUUID(), { retentionDays: 7 })).toMatchObject({ status: 'live' });
      // What was only cancelled has no such end.
      setClock(() => ends + 400 * 86_400_000);
      await run(commandOf('cancel'));
      expect(await run(commandOf('restore'), randomUUID(), { retentionDays: 7 })).toMatchObject({ status: 'live' });
    } finally {
      setClock(undefined);
    }
  });

  test('what was kept is on record for good', async () => {
    await run(commandOf('delete'));
    await expect(rows(db, 'delete from store_archives')).rejects.toThrow();
    await expect(rows(db, `update store_archives set location = 'elsewhere'`)).rejects.toThrow();
  });
});
