import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { loadCluster, registerCluster, saveMpCredentials } from '../adapters/admin-db/index.ts';
import { createLogger } from '../adapters/log.ts';
import { accountWorkflowId, onboardingWorkflowId } from '../contract/ids.ts';
import { eventually } from './support/eventually.ts';
import { installFaults, type Faults } from './support/faults.ts';
import { payloadsOf, wholeHistory } from './support/histories/files.ts';
import { openedText } from './support/histories/opened.ts';
import { canary, findLeaks, tableHaystacks, type Canary, type Haystack } from './support/leaks.ts';
import { startTalkativeCluster, type Manner, type TalkativeCluster } from './support/talkative-cluster.ts';
import { startWorld, type PlacedOrder, type World } from './support/world.ts';

/**
 * Law 9: secrets travel by reference. Random canaries are put wherever a secret is, an onboarding runs, and everything that is
 * written down anywhere is searched for them in every usual encoding. They have no known shape, so that no scrubber can hide a leak.
 */
const random = (): string => randomBytes(33).toString('base64');
const VAULT_KEY = randomBytes(32);
const PLATFORM = { accessToken: random(), clientSecret: random(), webhookSecret: random() };
const MERCHANT = { accessToken: random(), refreshToken: random() };
const TALKATIVE_KEY = random();

let world: World;
let faults: Faults;
let order: PlacedOrder;
let talkative: TalkativeCluster;
const canaries: Canary[] = [];
const logged: string[] = [];
const answered: string[] = [];

beforeAll(async () => {
  world = await startWorld({
    mercadoPago: PLATFORM,
    env: { ALTA_VAULT_KEYS: `t1:${VAULT_KEY.toString('base64')}` },
    log: createLogger('test', 'trace', { write: (line) => void logged.push(line) }),
  });
  faults = installFaults();
  talkative = await startTalkativeCluster();
  canaries.push(
    canary('vault key', VAULT_KEY),
    canary('vault key as set', VAULT_KEY.toString('base64')),
    canary('password of the Admin DB', new URL(world.env['ADMIN_DATABASE_URL']!).password),
    ...Object.entries(PLATFORM).map(([name, secret]) => canary(`platform's ${name}`, secret)),
    ...Object.entries(MERCHANT).map(([name, secret]) => canary(`merchant's ${name}`, secret)),
    ...world.clusterFacts.map(({ secretKey }, index) => canary(`service key ${index}`, secretKey)),
    canary('service key of the talkative cluster', TALKATIVE_KEY),
  );

  order = await connected(await world.checkout({}, { connected: false }));
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  await world.quiet(order.accountId);
  const [mail] = world.mail.messages().filter(({ to }) => to.includes(order.checkout.email));
  const token = /token=3?D?([^&\s"]{12,})/.exec(mail!.source.replace(/=\r?\n/g, ''))?.[1];
  canaries.push(canary('token of the recovery link', token!));
}, 120_000);
afterEach(async () => {
  faults.clear();
  await Promise.all(world.lines.map((line) => line.up()));
  await world.sql(`update backend_clusters set is_active = cluster_id <> 'talkative'`);
});
afterAll(async () => {
  faults.remove();
  await world.close();
  await talkative.close();
});

async function connected(placed: PlacedOrder): Promise<PlacedOrder> {
  await saveMpCredentials(world.db, world.vault, placed.accountId, {
    ...MERCHANT,
    publicKey: 'a-public-key',
    expiresAt: new Date(Date.now() + 86_400_000),
    mpUserId: '200000001',
  });
  return placed;
}

/** A run's whole history as Temporal keeps it, and what its payloads say once they are opened: no secret lies under the seal either. */
async function historyHaystacks(workflowId: string): Promise<Haystack[]> {
  const text = JSON.stringify(wholeHistory(await world.temporal.workflow.getHandle(workflowId).fetchHistory()));
  return [
    { name: `history of ${workflowId.split('/')[0]!}`, text },
    { name: `payloads of ${workflowId.split('/')[0]!}`, text: payloadsOf(await openedText(text, world.codec!)).join('\n') },
  ];
}

/** Everything that was written down up to now. */
async function everything(...workflowIds: string[]): Promise<Haystack[]> {
  const histories = await Promise.all(workflowIds.map(historyHaystacks));
  const log = { name: 'log', text: logged.join('') };
  return [
    ...histories.flat(),
    ...(await tableHaystacks((text) => world.sql(text))),
    log,
    { name: 'HTTP bodies', text: answered.join('\n') },
  ];
}

async function ask(path: string, init?: RequestInit): Promise<number> {
  const response = await fetch(`${world.url}${path}`, init);
  answered.push(`${JSON.stringify([...response.headers])}\n${await response.text()}`);
  return response.status;
}

test('P-115 P-018 law 9: no secret is in a history, a log line, a table, an outbox row or an HTTP answer', async () => {
  const json = (body: string): RequestInit => ({ method: 'POST', headers: { 'content-type': 'application/json' }, body });
  expect(await ask('/onboarding/checkout', json('{'))).toBe(400);
  expect(await ask('/onboarding/checkout', json(JSON.stringify({ ...order.checkout, email: 'nobody' })))).toBe(400);
  expect(await ask('/onboarding/checkout', json(JSON.stringify(order.checkout)))).toBe(409);
  expect(await ask('/webhooks/mercadopago?data.id=1&type=payment', json(JSON.stringify({ data: { id: '1' } })))).toBe(401);
  expect(await ask('/webhooks/mercadopago', json(JSON.stringify('x'.repeat(70_000))))).toBe(413);
  expect(await ask('/stores/nobody')).toBe(404);
  expect(await ask(`/stores/${order.slug}`)).toBe(200);
  for (const path of ['/healthz', '/readyz', '/openapi.json']) expect(await ask(path)).toBe(200);
  faults.at('mercadopago.create-preference', { mode: 'fail-before', code: 'MP_UNAUTHORIZED' });
  expect(await ask('/onboarding/checkout', json(JSON.stringify({ ...order.checkout, slug: `${order.slug}-2` })))).toBeGreaterThanOrEqual(
    400,
  );
  await Promise.all(world.lines.map((line) => line.down()));
  expect(await ask(`/stores/${order.slug}`)).toBe(503);

  const haystacks = await everything(onboardingWorkflowId(order.accountId), accountWorkflowId(order.accountId));
  // Nothing is found in nothing: each place has to hold what is known to be there.
  const text = (name: string): string => haystacks.find((haystack) => haystack.name === name)!.text;
  for (const name of ['payloads of onboarding', 'payloads of account', 'log', 'HTTP bodies']) expect(text(name)).toContain(order.accountId);
  for (const name of ['nv_accounts', 'outbox', 'provisioning_jobs']) expect(text(`table public.${name}`)).toContain(order.accountId);
  expect(text('table public.nv_accounts')).toContain('v1.t1.');
  expect(text('table public.backend_clusters')).toContain('v1.t1.');
  expect(canaries).toHaveLength(12);
  expect(await findLeaks(haystacks, canaries)).toEqual([]);
});

test('P-115: a parked run whose cluster quotes its service key back tells nobody of it', async () => {
  const facts = {
    clusterId: 'talkative',
    displayName: 'talkative',
    url: talkative.url,
    publishableKey: 'public',
    weight: 1,
    maxTenants: null,
  };
  await registerCluster(world.db, world.vault, { ...facts, serviceKey: TALKATIVE_KEY });
  await world.sql(`update backend_clusters set is_active = cluster_id = 'talkative'`);
  const placed = await connected(await world.checkout({}, { connected: false }));
  const expected: [Manner, string][] = [
    ['html-502', 'CLUSTER_UNREACHABLE'],
    ['html-200', 'CLUSTER_BAD_ANSWER'],
    ['json-401', 'CLUSTER_UNAUTHORIZED'],
  ];
  const handle = world.handle(placed.accountId);
  await world.pay(placed);
  for (const [manner, code] of expected) {
    if (manner !== talkative.manner) {
      talkative.manner = manner;
      await world.resolve(placed.accountId, { action: 'retry', actor: 'ana', reason: 'again' });
    }
    const parked = await eventually(
      async () => (await world.progress(placed.accountId)).parked.find((step) => step.code === code),
      code,
      20_000,
    );
    expect(parked.step).toBe('upsert-client');
    answered.push(
      JSON.stringify(await world.progress(placed.accountId)),
      JSON.stringify((await handle.describe()).raw, (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    );
  }
  expect(talkative.calls).toBeGreaterThan(expected.length);
  expect((await loadCluster(world.db, world.vault, 'talkative')).serviceKey).toBe(TALKATIVE_KEY);
  expect(await findLeaks(await everything(onboardingWorkflowId(placed.accountId)), canaries)).toEqual([]);
  await handle.terminate('the test has seen enough');
});

test('law 9: an undeclared failure that quotes a token of a known shape is written down without it', async () => {
  const shaped = [`APP_USR-${randomBytes(16).toString('hex')}`, `sb_secret_${randomBytes(16).toString('hex')}`];
  const placed = await world.checkout();
  faults.before('cluster.seed-content', () => {
    throw new Error(`connect postgres://alta:${shaped[0]!}@db.example.com with ${shaped[0]!} failed; Bearer ${shaped[1]!}`);
  });
  await world.pay(placed);
  await world.job(placed.accountId, 'completed');
  const haystacks = await everything(onboardingWorkflowId(placed.accountId));
  expect(haystacks.find(({ name }) => name === 'log')!.text).toContain('an activity failed in a way that nobody declared');
  expect(
    await findLeaks(
      haystacks,
      shaped.map((secret, index) => canary(`quoted ${index}`, secret)),
    ),
  ).toEqual([]);
});

test('the search finds a planted leak in each of the places', async () => {
  const { accountId } = order;
  const secret = MERCHANT.accessToken;
  const account = world.temporal.workflow.getHandle(accountWorkflowId(accountId));
  await account.signal('account-event', { note: `x${Buffer.from(secret).toString('base64url')}`, plain: secret });
  // A signal's name is not encrypted, its arguments are.
  await account.signal(`named-${secret}`);
  // While the run's task is under way, a signal is kept beside its history.
  await eventually(async () => {
    const { events } = await account.fetchHistory();
    return events?.filter(({ workflowExecutionSignaledEventAttributes: signaled }) => signaled?.signalName?.startsWith('named-')).length;
  }, 'the planted signal in the history');
  await world.sql('update nv_accounts set business_name = $2 where id = $1', [accountId, Buffer.from(secret).toString('hex')]);
  world.log.info({ note: `a value of ${secret}` });
  answered.push(encodeURIComponent(secret));
  const leaks = await findLeaks(await everything(accountWorkflowId(accountId)), canaries);
  // Two forms of a secret may be the same text, so the form that is told is not looked at.
  const places = leaks.map((leak) => leak.slice(0, leak.lastIndexOf(' (')));
  expect([...new Set(places)]).toEqual(
    expect.arrayContaining([
      "HTTP bodies: merchant's accessToken",
      "history of account: merchant's accessToken",
      "log: merchant's accessToken",
      "payloads of account: merchant's accessToken",
      "table public.nv_accounts: merchant's accessToken",
    ]),
  );
  expect(places.every((place) => place.endsWith("merchant's accessToken"))).toBe(true);
});

test.each(['', 'x', 'xy', 'xyz'])('the search finds a secret at any place of a base64 text (%p before it)', async (before) => {
  const secret = canary('secret', randomBytes(24));
  const inside = Buffer.concat([Buffer.from(before), secret.bytes, Buffer.from('after')]);
  for (const encoding of ['base64', 'base64url', 'hex'] as const) {
    expect(await findLeaks([{ name: encoding, text: inside.toString(encoding) }], [secret])).not.toEqual([]);
  }
});
