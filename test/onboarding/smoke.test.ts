import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createClient } from '@supabase/supabase-js';
import { eventually } from '../support/eventually.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';
import { loadSnapshot } from '../../adapters/admin-db/index.ts';
import { compareMoney, moneyText } from '../../contract/money.ts';
import { projectClient } from '../../contract/projection.ts';
import { STEP_NAMES } from '../../contract/steps.ts';

/** The smoke test of the requirements, step by step, on one paid order. */
let world: World;
let order: PlacedOrder;

beforeAll(async () => {
  world = await startWorld();
  order = await world.checkout({ addons: [{ key: 'extra-products', quantity: 2 }] });
}, 120_000);
afterAll(() => world.close());

test('P-701 P-100: the checkout API answers its health and its schema', async () => {
  expect((await fetch(`${world.url}/healthz`)).status).toBe(200);
  const schema = (await (await fetch(`${world.url}/openapi.json`)).json()) as { paths: Record<string, unknown> };
  expect(Object.keys(schema.paths)).toContain('/onboarding/checkout');
});

test('P-702 P-703 P-101: business data and plan are on the account before payment, which is a draft', async () => {
  expect(await world.account(order.accountId)).toMatchObject({
    status: 'draft',
    business_name: order.checkout.businessName,
    legal_name: order.checkout.legalName,
    country: 'AR',
    plan_key: 'growth',
  });
});

test('P-704 P-018: a connected account holds its token sealed only', async () => {
  const row = await world.account(order.accountId);
  expect(row['mp_connected']).toBe(true);
  expect(row['mp_access_token_encrypted']).toMatch(/^v1\.t1\./);
  expect(JSON.stringify(row)).not.toContain(order.merchantToken);
});

test('P-705 P-100: the preference carries the account as reference and the price of the plan', async () => {
  const [preference] = await world.simulator.control.preferences();
  expect(preference).toMatchObject({ id: order.preferenceId, external_reference: order.accountId });
  expect(preference!.items[0]!.unit_price).toBe(Number(order.amount));
  expect(order.initPoint).toContain(order.preferenceId);
});

test('P-706 to P-708 P-103 P-108 P-109 P-114 P-133: an approved payment becomes a completed job', async () => {
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  expect(await world.account(order.accountId)).toMatchObject({ status: 'provisioned' });
  const [slug] = await world.sql<{ status: string; account_id: string }>('select * from slug_reservations where slug = $1', [order.slug]);
  expect(slug).toMatchObject({ status: 'claimed', account_id: order.accountId });
});

test('P-709 P-731 P-061 P-124: the account holds a registered cluster, and its slot is confirmed', async () => {
  const { backend_cluster_id: clusterId } = await world.account(order.accountId);
  expect(world.clusterIds).toContain(clusterId);
  const [placement] = await world.sql<{ status: string; cluster_id: string }>('select * from placements where account_id = $1', [
    order.accountId,
  ]);
  expect(placement).toMatchObject({ status: 'confirmed', cluster_id: clusterId });
});

test('P-710 to P-712 P-715 P-733 P-076 P-125: the client row holds the contract', async () => {
  const store = await world.store(order.accountId);
  expect(store!.client).toMatchObject({
    nv_account_id: order.accountId,
    slug: order.slug,
    name: order.checkout.businessName,
    plan: 'growth',
    plan_key: 'growth',
    billing_period: 'monthly',
    locale: 'es-AR',
    timezone: 'America/Argentina/Buenos_Aires',
    publication_status: 'published',
    is_active: true,
    connection_type: 'mercadopago',
  });
  const [plan] = await world.sql<{ fee: string }>(`select trim_scale(monthly_fee)::text as fee from plans where plan_key = 'growth'`);
  expect(Number(store!.client.monthly_fee)).toBe(Number(plan!.fee));
});

test('P-713 P-714 P-734 P-739 P-064 P-070 P-127: the merchant token reached the cluster, and only that one', async () => {
  const { backend_cluster_id: clusterId } = await world.account(order.accountId);
  const cluster = await world.clusters.get(String(clusterId));
  const { data } = await cluster.client
    .from('clients')
    .select('mp_access_token, mp_public_key')
    .eq('nv_account_id', order.accountId)
    .single();
  expect(data?.['mp_access_token']).toBe(order.merchantToken);
  expect(data?.['mp_public_key']).toMatch(/^APP_USR-public-/);
});

test('P-079 P-048 P-123: entitlements are the plan and its add-ons', async () => {
  const store = await world.store(order.accountId);
  const [plan] = await world.sql<{ entitlements: { limits: { products: number } } }>(
    `select entitlements from plans where plan_key = 'growth'`,
  );
  const entitlements = store!.client.entitlements as { limits: { products: number } };
  expect(entitlements.limits.products).toBeGreaterThan(plan!.entitlements.limits.products);
});

test('P-716 P-717 P-129 P-130 P-135: the owner gets one mail, sets a password with its link and signs in; the role is admin', async () => {
  const mails = await eventually(() => {
    const found = world.mail.messages().filter(({ to }) => to.includes(order.checkout.email));
    return found.length > 0 ? found : undefined;
  }, 'the mail');
  expect(mails).toHaveLength(1);
  const link = decodeMail(mails[0]!.source).match(/https?:\/\/\S*token=\S+/)![0];
  const { backend_cluster_id: clusterId } = await world.account(order.accountId);
  const { url, publishableKey } = await world.clusters.get(String(clusterId));
  const session = sessionOf(await fetch(link, { redirect: 'manual' }));
  const owner = createClient(url, publishableKey, { auth: { persistSession: false, autoRefreshToken: false } });
  await owner.auth.setSession(session);
  const password = 'una-clave-de-prueba-1';
  expect((await owner.auth.updateUser({ password })).error).toBeNull();
  const signedIn = await createClient(url, publishableKey, {
    auth: { persistSession: false, autoRefreshToken: false },
  }).auth.signInWithPassword({
    email: order.checkout.email,
    password,
  });
  expect(signedIn.error).toBeNull();
  const store = await world.store(order.accountId);
  expect(store!.users).toMatchObject([{ id: signedIn.data.user!.id, role: 'admin' }]);
});

test('P-718 P-137 P-511: the store resolves by its slug, and a visitor reads the seeded pages', async () => {
  const found = (await (await fetch(`${world.url}/stores/${order.slug}`)).json()) as {
    accountId: string;
    url: string;
    publishableKey: string;
  };
  expect(found.accountId).toBe(order.accountId);
  const visitor = createClient(found.url, found.publishableKey, { auth: { persistSession: false, autoRefreshToken: false } });
  const { client } = (await world.store(order.accountId))!;
  const pages = await visitor.from('pages').select('slug').eq('client_id', client.id);
  expect(pages.error).toBeNull();
  expect(pages.data!.map(({ slug }) => slug as string).sort()).toEqual(['about', 'contact', 'home', 'privacy', 'terms']);
});

test('P-038: a visitor cannot read the credentials', async () => {
  const { backend_cluster_id: clusterId } = await world.account(order.accountId);
  const { url, publishableKey } = await world.clusters.get(String(clusterId));
  const visitor = createClient(url, publishableKey, { auth: { persistSession: false, autoRefreshToken: false } });
  const { data, error } = await visitor.from('clients').select('mp_access_token').eq('nv_account_id', order.accountId);
  expect(data).toBeNull();
  expect(error?.code).toBe('42501');
});

test('P-131 P-132: content and catalogue are there, counted', async () => {
  const store = await world.store(order.accountId);
  expect(store!.counts).toMatchObject({ pages: 5, settings: 3, shipping: 2, palettes: 3, products: 2 });
});

test('P-012 P-013 P-116 P-117: the ledger tells every step of the run, done once, in order of the waves', async () => {
  const steps = await world.sql<{ step: string; status: string; attempt: number }>(
    'select s.* from provisioning_job_steps s join provisioning_jobs j on j.id = s.job_id where j.account_id = $1 order by s.started_at',
    [order.accountId],
  );
  expect(steps.map(({ step }) => step).sort()).toEqual([...STEP_NAMES].sort());
  expect(steps.filter(({ status }) => status !== 'done')).toEqual([]);
  const at = (step: string): number => steps.findIndex((row) => row.step === step);
  expect(at('verify-payment')).toBe(0);
  expect(at('upsert-client')).toBeGreaterThan(at('claim-slug'));
  expect(at('activate')).toBeGreaterThan(at('sync-entitlements'));
});

test('P-120: the run is findable by its account, and its query tells where it is', async () => {
  const found = await eventually(async () => {
    for await (const run of world.temporal.workflow.list({ query: `AltaAccountId = "${order.accountId}" and WorkflowType = "onboarding"` }))
      return run;
    return undefined;
  }, 'the run in visibility');
  expect(found.workflowId).toBe(`onboarding/${order.accountId}`);
  const progress = await world.progress(order.accountId);
  expect(progress).toMatchObject({ state: 'Completed', parked: [], skipped: [], compensated: [] });
  expect(progress.done.sort()).toEqual([...STEP_NAMES].sort());
});

test('P-015 P-133: one outbox row and one audit row tell of the birth', async () => {
  expect(await world.sql('select 1 from outbox where event_key = $1', [`account.created/${order.accountId}`])).toHaveLength(1);
  expect(
    await world.sql(`select 1 from lifecycle_events where account_id = $1 and to_value = 'provisioned'`, [order.accountId]),
  ).toHaveLength(1);
});

test('P-080: account.created alone brings a deleted client row back as onboarding wrote it', async () => {
  const before = await world.store(order.accountId);
  const { backend_cluster_id: clusterId } = await world.account(order.accountId);
  const cluster = await world.clusters.get(String(clusterId));
  await world.quiet(order.accountId);
  const account = world.temporal.workflow.getHandle(`account/${order.accountId}`);
  await cluster.client.from('clients').delete().eq('nv_account_id', order.accountId).select();
  await world.sql('update nv_accounts set version = version + 1 where id = $1', [order.accountId]);
  const { version } = await world.account(order.accountId);
  await account.signal('account-event', {
    eventKey: 'again',
    type: 'account.created',
    version: Number(version),
    aspects: ['client', 'entitlements', 'mp_credentials'],
  });
  const after = await eventually(async () => {
    const store = await world.store(order.accountId);
    return store?.client.entitlements ? store : undefined;
  }, 'the row');
  const contractual = ({ client }: NonNullable<typeof before>) => {
    const { slug, name, plan_key, monthly_fee, billing_period, country, locale, timezone, template_key, entitlements } = client;
    return { slug, name, plan_key, monthly_fee, billing_period, country, locale, timezone, template_key, entitlements };
  };
  expect(contractual(after)).toEqual(contractual(before!));
});

test('P-065 P-066 P-060: every contractual column equals the projection of the account as it is now', async () => {
  const store = await world.store(order.accountId);
  const { monthly_fee: fee, ...expected } = projectClient(await loadSnapshot(world.db, order.accountId));
  expect(store!.client).toMatchObject(expected);
  expect(compareMoney(moneyText(store!.client['monthly_fee'] as number | string), fee)).toBe(0);
});

test('P-087: a client is found by its account, so a change of slug does not stop the next sync', async () => {
  const slug = `${order.slug.slice(0, 30)}-nuevo`;
  await world.sql('update nv_accounts set slug = $2 where id = $1', [order.accountId, slug]);
  const { version } = await world.account(order.accountId);
  const account = world.temporal.workflow.getHandle(`account/${order.accountId}`);
  await account.signal('account-event', {
    eventKey: 'slug-then-entitlements',
    type: 'account.updated',
    version: Number(version),
    aspects: ['entitlements', 'client'],
  });
  const store = await eventually(async () => {
    const now = await world.store(order.accountId);
    return now?.client.slug === slug && now.client['entitlements_version'] === Number(version) ? now : undefined;
  }, 'the new slug and the entitlements of that version');
  expect(store.client['nv_account_id']).toBe(order.accountId);
  expect(await world.stores(order.accountId)).toHaveLength(1);
});

/** Undoes quoted-printable, which mail servers wrap long lines with. */
function decodeMail(source: string): string {
  return source.replace(/=\r?\n/g, '').replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The session that a recovery link redirects with. */
function sessionOf(response: Response): { access_token: string; refresh_token: string } {
  const fragment = new URLSearchParams(new URL(response.headers.get('location')!).hash.slice(1));
  return { access_token: fragment.get('access_token')!, refresh_token: fragment.get('refresh_token')! };
}
