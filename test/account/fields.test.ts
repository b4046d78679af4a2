import { loadSnapshot, saveMpCredentials, type Tx } from '../../adapters/admin-db/index.ts';
import { fingerprintOf, type Store } from '../../adapters/cluster/index.ts';
import type { AccountChange, AccountField } from '../../contract/account-events.ts';
import { CLIENT_CONTRACT, projectClient, projectEntitlements, type ClientRow } from '../../contract/projection.ts';
import { SETTING_KEYS, type SettingKey } from '../../contract/settings.ts';
import { QUERY_ACCOUNT_STATE, type AccountState } from '../../contract/account.ts';
import { accountWorkflowId } from '../../contract/ids.ts';
import type { ExpiryResult } from '../../contract/upkeep.ts';
import { changeAccount } from '../support/account-changes.ts';
import { eventually } from '../support/eventually.ts';
import { runTask } from '../support/upkeep.ts';
import { liveOrder } from '../support/live-order.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** Every contractual field, from a change in the Admin DB through outbox, relay and account workflow to a read of the cluster. */
let world: World;
let order: PlacedOrder;
let neighbour: { accountId: string; store: Store };

beforeAll(async () => {
  world = await startWorld();
  const live = (): Promise<PlacedOrder> => liveOrder(world);
  order = await live();
  const { accountId } = await live();
  neighbour = { accountId, store: (await world.store(accountId))! };
}, 120_000);
afterAll(() => world.close());

type Told = AccountChange extends infer C ? (C extends unknown ? Omit<C, 'accountId'> : never) : never;

/** Writes the Admin DB and tells of it in one transaction, waits until the cluster has that version, and gives the store. */
async function move(
  told: Told,
  write: (tx: Tx) => Promise<unknown>,
  aspect: 'sync' | 'entitlements' | 'mp_credentials' = 'sync',
): Promise<Store> {
  const { version } = await changeAccount(world.db, { ...told, accountId: order.accountId }, write);
  return arrived(`${aspect}_version`, version);
}

const arrived = (column: string, version: number): Promise<Store> =>
  eventually(
    async () => {
      const store = await world.store(order.accountId);
      return Number(store?.client[column]) >= version ? store! : undefined;
    },
    `${column} ${String(version)}`,
  );

const sql =
  (text: string, ...values: unknown[]) =>
  (tx: Tx): Promise<unknown[]> =>
    tx.query({ name: `test.${text.slice(0, 50)}`, text, values: [order.accountId, ...values] });
const account = (column: string, value: unknown) => sql(`update nv_accounts set ${column} = $2 where id = $1`, value);
const updated = (field: AccountField): Told => ({ type: 'account.updated', fields: [field] });
const plan = (planKey: string): Told => ({ type: 'plan.changed', planKey, previousPlanKey: 'growth', billingPeriod: null });

interface Move {
  told: Told;
  write: (tx: Tx) => Promise<unknown>;
}
/** A field that `account.updated` tells by its own name and that the Admin DB keeps under that name too. */
const plain = (field: AccountField, value: string, column: string = field): Move => ({
  told: updated(field),
  write: account(column, value),
});

/** How each column of the contract that may change is changed. A column that is added to the contract has to be added here. */
const MOVES: Partial<Record<keyof ClientRow, Move>> = {
  slug: plain('slug', `otra-${Date.now().toString(36)}`),
  name: plain('name', 'Otro Nombre', 'business_name'),
  email_admin: plain('email', 'otra@example.com', 'email'),
  plan: { told: updated('plan'), write: account('plan_key', 'enterprise') },
  plan_key: { told: plan('starter'), write: account('plan_key', 'starter') },
  monthly_fee: { told: plan('growth'), write: account('plan_key', 'growth') },
  billing_period: {
    told: { type: 'plan.changed', planKey: 'growth', previousPlanKey: 'growth', billingPeriod: 'annual' },
    write: sql(`update subscriptions set billing_period = 'annual' where account_id = $1`),
  },
  is_active: {
    told: { type: 'account.suspended', reason: 'pause', requestedAt: '2026-11-25T03:00:00Z' },
    write: account('status', 'suspended'),
  },
  country: plain('country', 'BR'),
  locale: plain('country', 'CL'),
  timezone: plain('country', 'MX'),
  phone: plain('phone', '11 5555 0199'),
  phone_full: plain('phone_full', '+54 11 5555 0199'),
  billing_email: plain('billing_email', 'cuentas@example.com'),
  persona_type: plain('persona_type', 'natural'),
  legal_name: plain('legal_name', 'Otra Razón SA'),
  fiscal_id: plain('fiscal_id', '20-00000000-1'),
  fiscal_id_type: plain('fiscal_id_type', 'CUIL'),
  fiscal_category: plain('fiscal_category', 'monotributo'),
  fiscal_address: plain('fiscal_address', 'Avenida Siempreviva 742'),
  subdivision_code: plain('subdivision_code', 'AR-B'),
  custom_domain: plain('custom_domain', `otra-${Date.now().toString(36)}.example.com`),
};

test('P-060: every column of the contract that an event may change is walked here', () => {
  const mutable = CLIENT_CONTRACT.filter(({ told }) => told.length > 0).map(({ column }) => column);
  expect(Object.keys(MOVES).sort()).toEqual(mutable.sort());
});

test.each(CLIENT_CONTRACT.filter(({ told }) => told.length > 0).map(({ id, column }) => [id, column] as const))(
  'P-066 P-212 P-742 %s: a change of what %s comes from reaches the cluster',
  async (_id, column) => {
    const before = (await world.store(order.accountId))!.client[column];
    const { told, write } = MOVES[column]!;
    const { client } = await move(told, write);
    const wanted = projectClient(await loadSnapshot(world.db, order.accountId))[column];
    const plainly = (value: unknown): unknown => (column === 'monthly_fee' ? Number(value) : value);
    expect(plainly(client[column])).toEqual(plainly(wanted));
    expect(plainly(client[column])).not.toEqual(plainly(before));
  },
);

test('P-212: an explicit null clears every field that may be empty', async () => {
  const nullable = ['phone', 'phone_full', 'billing_email', 'legal_name', 'fiscal_id', 'custom_domain'] as const;
  const { client } = await move(
    { type: 'account.updated', fields: [...nullable] },
    sql(`update nv_accounts set ${nullable.map((column) => `${column} = null`).join(', ')} where id = $1`),
  );
  for (const column of nullable) expect({ [column]: client[column] }).toEqual({ [column]: null });
});

test('P-305: a store that runs again is open, and a publication of its own stands', async () => {
  const { client } = await move(updated('is_active'), account('status', 'provisioned'));
  expect(client).toMatchObject({ is_active: true, publication_status: 'published' });
});

describe('entitlements', () => {
  const entitlements = async (told: Told, write: (tx: Tx) => Promise<unknown>): Promise<unknown> => {
    const { client } = await move(told, write, 'entitlements');
    expect(client.entitlements).toEqual(projectEntitlements(await loadSnapshot(world.db, order.accountId)));
    return client.entitlements;
  };
  const synced = (cause: 'addon_added' | 'override'): Told => ({ type: 'entitlements.synced', cause });

  test('P-048 P-213 P-216 P-311: plan, add-on and override each reach the cluster as the one function computes them', async () => {
    expect(await entitlements(plan('starter'), account('plan_key', 'starter'))).toMatchObject({ limits: { products: 100, staff: 1 } });
    const add = `insert into account_addons (account_id, addon_key, quantity, entitlements, expires_at)
      select $1, addon_key, 2, entitlements, now() + interval '1 hour' from addons where addon_key = 'extra-products'`;
    expect(await entitlements(synced('addon_added'), sql(add))).toMatchObject({ limits: { products: 1_100 } });
    const override = `insert into entitlement_overrides (account_id, kind, key, value, actor, reason, expires_at)
      values ($1, 'feature', 'api', 1, 'ana', 'a trial', now() + interval '1 hour')`;
    expect(await entitlements(synced('override'), sql(override))).toMatchObject({ features: ['api', 'checkout'] });
  });

  test('P-311: what runs out is taken off by the next sweep, once, with an audit row and an event; the store follows', async () => {
    await world.sql(`update account_addons set expires_at = now() where account_id = $1`, [order.accountId]);
    await world.sql(`update entitlement_overrides set expires_at = now() where account_id = $1`, [order.accountId]);
    expect(await runTask<ExpiryResult>(world, 'expire-reservations')).toMatchObject({ held: null, entitlements: 1 });
    await eventually(async () => {
      const store = await world.store(order.accountId);
      return (store?.client.entitlements as { limits: { products: number } }).limits.products === 100;
    }, 'the entitlements without them');
    const store = await world.store(order.accountId);
    expect(store!.client.entitlements).toEqual({ limits: { products: 100, staff: 1, storage_mb: 512 }, features: ['checkout'] });
    const audit = await world.sql(`select from_value from lifecycle_events where account_id = $1 and event_type = 'entitlements.expired'`, [
      order.accountId,
    ]);
    expect(audit).toEqual([{ from_value: 'extra-products, feature api' }]);
    expect(await runTask<ExpiryResult>(world, 'expire-reservations')).toMatchObject({ entitlements: 0 });
  });
});

describe('settings', () => {
  const VALUES: Record<SettingKey, [first: unknown, then: unknown]> = {
    palette: ['night', 'ocean'],
    headline: ['Uno', 'Dos'],
    announcement: ['Abrimos el lunes', 'Abrimos el martes'],
    contact_phone: ['11 5555 0111', '11 5555 0222'],
    contact_email: ['uno@example.com', 'dos@example.com'],
    instagram: ['casa.luna', 'casa_luna'],
    show_stock: [true, false],
  };
  const save = `insert into account_settings as s (account_id, settings) values ($1, $2)
    on conflict (account_id) do update set settings = s.settings || excluded.settings`;
  const settings = async (key: SettingKey, value: unknown): Promise<Record<string, unknown>> => {
    const { eventKey } = await changeAccount(
      world.db,
      { type: 'settings.synced', accountId: order.accountId, keys: [key] },
      sql(save, JSON.stringify({ [key]: value })),
    );
    return eventually(async () => {
      const now = (await world.store(order.accountId))!.home_settings ?? {};
      return (now[key] ?? null) === value ? now : undefined;
    }, eventKey);
  };

  test.each(SETTING_KEYS)(
    'P-217 P-308: setting %s reaches the cluster, again with another value, and goes when it is taken away',
    async (key) => {
      const [first, then] = VALUES[key];
      expect(await settings(key, first)).toMatchObject({ [key]: first, layout: expect.anything() as unknown });
      expect(await settings(key, then)).toMatchObject({ [key]: then });
      expect(await settings(key, null)).not.toHaveProperty(key);
      expect((await world.store(order.accountId))!.counts.home_settings).toBe(1);
    },
  );
});

test('P-045 P-046 P-072 P-218: new credentials reach the cluster; revoked ones leave it', async () => {
  const credentials = {
    accessToken: 'APP_USR-newer',
    refreshToken: null,
    publicKey: 'APP_USR-public-newer',
    expiresAt: null,
    mpUserId: '1',
  };
  const version = await saveMpCredentials(world.db, world.vault, order.accountId, credentials);
  expect((await arrived('mp_credentials_version', version)).mp_fingerprint).toBe(fingerprintOf(credentials));
  const revoked = await move(
    { type: 'mp_credentials.synced', action: 'revoke' },
    sql('update nv_accounts set mp_connected = false, mp_access_token_encrypted = null, mp_public_key = null where id = $1'),
    'mp_credentials',
  );
  expect(revoked.mp_fingerprint).toBeNull();
});

test('P-215 P-307: a deletion reaches the cluster; what is told of the account later does not open it again', async () => {
  const { client } = await move({ type: 'account.deleted', deletedAt: '2026-11-25T03:00:00Z' }, account('status', 'deleted'));
  expect(client).toMatchObject({ is_active: false, deleted_at: expect.any(String) as string });
  const later = await move(updated('phone'), account('phone', '11 0000'));
  expect(later.client).toMatchObject({ is_active: false, deleted_at: client.deleted_at });
});

test('P-223: what is told of an account that has no store yet waits until its onboarding has made one', async () => {
  const draft = await world.checkout();
  const change: AccountChange = { type: 'account.updated', accountId: draft.accountId, fields: ['phone'] };
  const { version } = await changeAccount(world.db, change, (tx) =>
    tx.query({ name: 'test.phone-of-draft', text: `update nv_accounts set phone = '11 7777' where id = $1`, values: [draft.accountId] }),
  );
  const state = (): Promise<AccountState | undefined> =>
    world.temporal.workflow
      .getHandle(accountWorkflowId(draft.accountId))
      .query<AccountState>(QUERY_ACCOUNT_STATE)
      .catch(() => undefined);
  await eventually(async () => (await state())?.failing?.code === 'CLUSTER_UNKNOWN', 'the event waits');
  expect((await state())?.dirty).toEqual({ client: version });
  await world.pay(draft);
  await world.job(draft.accountId, 'completed');
  await eventually(async () => Object.keys((await state())?.dirty ?? { open: 1 }).length === 0, 'the event is applied');
  expect((await world.store(draft.accountId))!.client).toMatchObject({ nv_account_id: draft.accountId, phone: '11 7777' });
});

test('P-223 P-743 P-744: nothing of all this touched another store', async () => {
  expect(await world.store(neighbour.accountId)).toEqual(neighbour.store);
});
