import { randomUUID } from 'node:crypto';
import {
  changeStatus,
  findOrder,
  findTenant,
  listLifecycleEvents,
  loadAssets,
  loadMpCredentials,
  loadOrder,
  loadPlan,
  loadSnapshot,
  openDraft,
  saveMpCredentials,
  saveOnboarding,
  type AdminDb,
} from '../../adapters/admin-db/index.ts';
import { projectClient, projectEntitlements } from '../../contract/projection.ts';
import { addCluster, draftAccount, paidAccount, rows, testVault } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';
import { PIXEL_PNG, sampleCheckout } from '../support/samples.ts';

let db: AdminDb;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openFreshDb({ max: 20 }));
  await addCluster(db, 'east');
});
afterAll(() => close());

const versionOf = async (accountId: string): Promise<number> => (await loadSnapshot(db, accountId)).version;

describe('checkout data', () => {
  test('P-100 P-101 P-002: the checkout is on the account, as a draft, with the price of its plan and period', async () => {
    const checkout = sampleCheckout({
      billingPeriod: 'annual',
      planKey: 'growth',
      addons: [{ key: 'extra-staff', quantity: 2 }],
      templateKey: 'modern',
      paletteKey: 'ocean',
    });
    const accountId = await db.tx('test.checkout', async (tx) => {
      const draft = await openDraft(tx, checkout, await loadPlan(tx, 'growth'));
      await saveOnboarding(tx, draft.accountId, checkout);
      return draft.accountId;
    });
    const snapshot = await loadSnapshot(db, accountId);
    const { logo, catalog, addons, ...plain } = checkout;
    expect(snapshot).toMatchObject({
      ...plain,
      id: accountId,
      status: 'draft',
      monthlyFee: '35000',
      currency: 'ARS',
      backendClusterId: null,
      mpConnected: false,
    });
    expect(snapshot.addons).toEqual([{ key: addons[0]!.key, quantity: 2, effect: { limits: { staff: 1 }, features: [] } }]);
    expect(await loadOrder(db, accountId)).toMatchObject({ amount: '350000', currency: 'ARS', status: 'draft', slug: checkout.slug });
    const assets = await loadAssets(db, accountId);
    expect(assets.catalog).toEqual(catalog);
    expect(assets.logo?.bytes.toString('base64')).toBe(logo?.base64);
    expect(projectClient(snapshot)).toMatchObject({
      nv_account_id: accountId,
      billing_period: 'annual',
      monthly_fee: '35000',
      template_key: 'modern',
      is_active: false,
    });
  });

  test('P-123 P-079 P-008: an add-on at payment time is in the entitlements, and a change of the catalogue takes nothing away', async () => {
    const { accountId } = await draftAccount(db, { planKey: 'starter', addons: [{ key: 'extra-staff', quantity: 3 }, { key: 'coupons' }] });
    const bought = { limits: { products: 100, staff: 4, storage_mb: 512 }, features: ['checkout', 'coupons'] };
    expect(projectEntitlements(await loadSnapshot(db, accountId))).toEqual(bought);
    await db.pool.query('update addons set entitlements = \'{"limits": {}, "features": []}\' where addon_key = \'extra-staff\'');
    expect(projectEntitlements(await loadSnapshot(db, accountId))).toEqual(bought);
    await db.pool.query('update addons set entitlements = \'{"limits": {"staff": 1}, "features": []}\' where addon_key = \'extra-staff\'');
  });

  test('P-100: a checkout sent again replaces the draft whole: plan, price, add-ons, logo', async () => {
    const { accountId } = await draftAccount(db, { addons: [{ key: 'coupons' }] });
    const again = sampleCheckout({ accountId, planKey: 'starter', addons: [], logo: null, catalog: [] });
    await db.tx('test.checkout', async (tx) => {
      expect(await openDraft(tx, again, await loadPlan(tx, 'starter'))).toEqual({ accountId });
      await saveOnboarding(tx, accountId, again);
    });
    expect(await loadSnapshot(db, accountId)).toMatchObject({ slug: again.slug, planKey: 'starter', addons: [], billingPeriod: 'monthly' });
    expect(await loadOrder(db, accountId)).toMatchObject({ amount: '15000' });
    expect(await loadAssets(db, accountId)).toEqual({ logo: null, catalog: [] });
    expect(await rows(db, 'select 1 from nv_onboarding where account_id = $1', [accountId])).toHaveLength(1);
  });

  test('P-100: an account past its draft cannot be written by a checkout, and an unknown one is not opened', async () => {
    const { accountId } = await paidAccount(db);
    const plan = await loadPlan(db, 'growth');
    await expect(openDraft(db, sampleCheckout({ accountId }), plan)).rejects.toMatchObject({ code: 'ACCOUNT_STATE_INVALID' });
    await expect(openDraft(db, sampleCheckout({ accountId: randomUUID() }), plan)).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
  });

  test('P-007 P-008: an unknown plan or add-on is refused by name and leaves no account', async () => {
    await expect(loadPlan(db, 'gold')).rejects.toMatchObject({
      code: 'PLAN_NOT_FOUND',
      message: expect.stringContaining('gold') as string,
    });
    const checkout = sampleCheckout({ addons: [{ key: 'teleport' }] });
    const opened = db.tx('test.checkout', async (tx) => openDraft(tx, checkout, await loadPlan(tx, 'growth')));
    await expect(opened).rejects.toMatchObject({ code: 'INPUT_INVALID', message: expect.stringContaining('teleport') as string });
    expect(await rows(db, 'select 1 from nv_accounts where slug = $1', [checkout.slug])).toEqual([]);
  });

  test('P-122: a plan that has gone shows as missing in the snapshot', async () => {
    const { accountId } = await draftAccount(db);
    await db.pool.query("update nv_accounts set plan_key = 'retired' where id = $1", [accountId]);
    const snapshot = await loadSnapshot(db, accountId);
    expect(snapshot).toMatchObject({ monthlyFee: null, currency: null, planEntitlements: null });
    expect(() => projectEntitlements(snapshot)).toThrow(/no plan "retired"/);
  });

  test('P-006: an account without builder data, subscription or assets has defaults', async () => {
    const accountId = (
      await rows<{ id: string }>(
        db,
        `insert into nv_accounts (slug, email, business_name, plan_key, country, order_amount, order_currency)
      values ('bare', 'bare@example.com', 'Bare', 'starter', 'AR', 1, 'ARS') returning id`,
      )
    )[0]!.id;
    expect(await loadSnapshot(db, accountId)).toMatchObject({
      billingPeriod: 'monthly',
      templateKey: 'classic',
      paletteKey: 'sand',
      addons: [],
    });
    expect(await loadAssets(db, accountId)).toEqual({ logo: null, catalog: [] });
    await expect(loadSnapshot(db, randomUUID())).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
    expect(await findOrder(db, randomUUID())).toBeNull();
  });
});

describe('the version', () => {
  const changes: [string, (accountId: string) => Promise<unknown>][] = [
    ['a status', (accountId) => changeStatus(db, accountId, { from: ['draft'], to: 'paid', actor: 'test', reason: 'x' })],
    [
      'credentials',
      (accountId) =>
        saveMpCredentials(db, testVault, accountId, {
          accessToken: 'a',
          refreshToken: null,
          publicKey: 'p',
          expiresAt: null,
          mpUserId: '1',
        }),
    ],
    ['any column, by hand', (accountId) => db.pool.query("update nv_accounts set phone = '1' where id = $1", [accountId])],
    ['the cluster', (accountId) => db.pool.query("update nv_accounts set backend_cluster_id = 'east' where id = $1", [accountId])],
    ['an add-on', (accountId) => db.pool.query("insert into account_addons values ($1, 'coupons', 1, '{}')", [accountId])],
    [
      'the billing period',
      (accountId) => db.pool.query("update subscriptions set billing_period = 'annual' where account_id = $1", [accountId]),
    ],
    ['the template', (accountId) => db.pool.query("update nv_onboarding set template_key = 'modern' where account_id = $1", [accountId])],
    ['the logo', (accountId) => db.pool.query('delete from onboarding_assets where account_id = $1', [accountId])],
  ];
  test.each(changes)('P-015: %s changed raises the version by one', async (_, change) => {
    const { accountId } = await draftAccount(db, { logo: { contentType: 'image/png', base64: PIXEL_PNG } });
    const before = await versionOf(accountId);
    await change(accountId);
    expect(await versionOf(accountId)).toBe(before + 1);
  });

  test('a write that changes nothing raises nothing, and nobody can set the version back', async () => {
    const { accountId } = await draftAccount(db);
    const before = await versionOf(accountId);
    await db.pool.query('update nv_accounts set phone = phone where id = $1', [accountId]);
    expect(await versionOf(accountId)).toBe(before);
    await db.pool.query('update nv_accounts set version = 1 where id = $1', [accountId]);
    expect(await versionOf(accountId)).toBe(before + 1);
  });

  test('thirty changes at once raise it thirty times', async () => {
    const { accountId } = await draftAccount(db);
    const before = await versionOf(accountId);
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        db.pool.query('update nv_accounts set phone = $2 where id = $1', [accountId, `+54 ${index}`]),
      ),
    );
    expect(await versionOf(accountId)).toBe(before + 30);
  });
});

describe('status', () => {
  test('P-108 P-015: the change is compare-and-set, answers the new version and adds exactly one audit row', async () => {
    const { accountId } = await draftAccount(db);
    const before = await versionOf(accountId);
    const change = { from: ['draft'], to: 'paid', actor: 'alta', reason: 'payment 1 approved' };
    const results = await Promise.all(Array.from({ length: 8 }, () => changeStatus(db, accountId, change)));
    expect(results.filter((version) => version !== null)).toEqual([before + 1]);
    expect(await listLifecycleEvents(db, accountId)).toEqual([
      { type: 'status.changed', from: 'draft', to: 'paid', actor: 'alta', reason: 'payment 1 approved', at: expect.any(String) as string },
    ]);
  });

  test('P-108: a later state is never moved back', async () => {
    const { accountId } = await paidAccount(db);
    await db.pool.query("update nv_accounts set backend_cluster_id = 'east', status = 'provisioned' where id = $1", [accountId]);
    expect(await changeStatus(db, accountId, { from: ['draft'], to: 'paid', actor: 'alta', reason: 'replay' })).toBeNull();
    expect((await loadSnapshot(db, accountId)).status).toBe('provisioned');
  });
});

describe('credentials', () => {
  test('P-018 P-101 P-704: tokens are sealed at rest, open to themselves, and no dump or audit shows them', async () => {
    const { accountId } = await draftAccount(db);
    const secret = { accessToken: `APP_USR-${randomUUID()}`, refreshToken: `TG-${randomUUID()}` };
    await saveMpCredentials(db, testVault, accountId, {
      ...secret,
      publicKey: 'APP_USR-pub',
      expiresAt: new Date('2027-05-01T00:00:00Z'),
      mpUserId: '42',
    });
    expect(await loadMpCredentials(db, testVault, accountId)).toMatchObject({ accessToken: secret.accessToken, publicKey: 'APP_USR-pub' });
    expect(await loadSnapshot(db, accountId)).toMatchObject({ mpConnected: true, mpTokenPresent: true });
    const [dump] = await rows<{ all: string }>(
      db,
      `select (select jsonb_agg(to_jsonb(a))::text from nv_accounts a) || (select jsonb_agg(to_jsonb(l))::text from lifecycle_events l) as all`,
    );
    for (const text of Object.values(secret)) expect(dump?.all).not.toContain(text);
    expect(JSON.stringify(await loadSnapshot(db, accountId))).not.toContain('v1.t1.');
  });

  test('P-018: a sealed token copied into another account does not open there', async () => {
    const [from, to] = [await draftAccount(db), await draftAccount(db)];
    for (const { accountId } of [from, to])
      await saveMpCredentials(db, testVault, accountId, {
        accessToken: accountId,
        refreshToken: null,
        publicKey: 'p',
        expiresAt: null,
        mpUserId: '1',
      });
    await db.pool.query(
      'update nv_accounts t set mp_access_token_encrypted = f.mp_access_token_encrypted from nv_accounts f where t.id = $1 and f.id = $2',
      [to.accountId, from.accountId],
    );
    await expect(loadMpCredentials(db, testVault, to.accountId)).rejects.toMatchObject({ code: 'VAULT_TAMPERED' });
  });

  test('P-128 P-741: not connected is null; connected without a token is a named error', async () => {
    const { accountId } = await draftAccount(db);
    expect(await loadMpCredentials(db, testVault, accountId)).toBeNull();
    await db.pool.query('update nv_accounts set mp_connected = true where id = $1', [accountId]);
    await expect(loadMpCredentials(db, testVault, accountId)).rejects.toMatchObject({ code: 'MP_TOKEN_MISSING' });
    expect(await loadSnapshot(db, accountId)).toMatchObject({ mpConnected: true, mpTokenPresent: false });
    await expect(
      saveMpCredentials(db, testVault, randomUUID(), {
        accessToken: 'a',
        refreshToken: null,
        publicKey: 'p',
        expiresAt: null,
        mpUserId: '1',
      }),
    ).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
  });
});

describe('routing', () => {
  test('P-511 P-718: an open store is found by slug and by domain, a draft is not', async () => {
    const { accountId, slug } = await paidAccount(db, { customDomain: 'mates.example.com' });
    expect(await findTenant(db, slug)).toBeNull();
    await db.pool.query("update nv_accounts set backend_cluster_id = 'east', status = 'provisioned' where id = $1", [accountId]);
    for (const name of [slug, slug.toUpperCase(), 'mates.example.com'])
      expect(await findTenant(db, name)).toMatchObject({ accountId, clusterId: 'east', slug, status: 'provisioned' });
    await expect(openDraft(db, sampleCheckout({ customDomain: 'mates.example.com' }), await loadPlan(db, 'growth'))).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    expect(await findTenant(db, 'nobody')).toBeNull();
  });
});
