import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createClient } from '@supabase/supabase-js';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '../../adapters/log.ts';
import { createSupervisor, type Supervisor } from '../../local/processes.ts';
import { runAlta } from '../support/alta-cli.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { connectedSeller, inState, tokensOf, type Seller } from '../support/consent.ts';
import { eventually } from '../support/eventually.ts';
import { wholeHistory, payloadsOf } from '../support/histories/files.ts';
import { openedText } from '../support/histories/opened.ts';
import { canary, findLeaks, tableHaystacks, type Canary, type Haystack } from '../support/leaks.ts';
import { startTestCluster } from '../support/shared-clusters.ts';
import { startTalkingPostgres, type TalkingPostgres } from '../support/talking-postgres.ts';
import { startWorld, type World } from '../support/world.ts';

/**
 * Law 9 on the whole installation: Alta's own processes at their most talkative, and a PostgreSQL that logs every statement with its
 * parameters. Each secret is a random canary; whatever anything wrote down is searched for the bytes of all of them.
 */
const random = (): string => randomBytes(33).toString('base64');
const PLATFORM = { accessToken: random(), clientSecret: random(), webhookSecret: random() };
const KEYS = { vault: randomBytes(32), codec: randomBytes(32) };
const PASSWORDS = { database: randomBytes(18).toString('hex'), owner: random() };
/** What reaches a cluster's own PostgreSQL in plain, so that only its log may hold it (docs/keys.md, "What a server's log sees"). */
const ON_CLUSTER = ["merchant's", 'recovery link', 'service key'];

let supervisor: Supervisor;
let postgres: TalkingPostgres;
let world: World;
let seller: Seller;
let databaseName: string;
const dir = mkdtempSync(join(tmpdir(), 'alta-leaks-'));
const processes = new Map<'worker' | 'relay', AltaProcess>();
const canaries: Canary[] = [];
const logged: string[] = [];
const said: string[] = [];
const activity: Haystack[] = [];

beforeAll(async () => {
  supervisor = createSupervisor({ dataDir: dir });
  postgres = await startTalkingPostgres(PASSWORDS.database);
  await prepareClusters();
  world = await startWorld({
    run: { worker: false, relay: false },
    mercadoPago: PLATFORM,
    env: {
      ALTA_VAULT_KEYS: `t1:${KEYS.vault.toString('base64')}`,
      ALTA_CODEC_KEYS: `c1:${KEYS.codec.toString('base64')}`,
      LOG_LEVEL: 'trace',
      METRICS_PORT: '0',
    },
    log: createLogger('test', 'trace', { write: (line) => void logged.push(line) }),
  });
  databaseName = new URL(world.env['ADMIN_DATABASE_URL']!).pathname.slice(1);
  canaries.push(
    ...Object.entries(KEYS).map(([name, key]) => canary(`${name} key`, key)),
    ...Object.entries(PLATFORM).map(([name, secret]) => canary(`platform's ${name}`, secret)),
    ...world.clusterFacts.map(({ secretKey }, index) => canary(`service key ${index}`, secretKey)),
    canary('password of the database', PASSWORDS.database),
    canary("owner's password", PASSWORDS.owner),
  );
  for (const kind of ['worker', 'relay'] as const) processes.set(kind, startAlta(kind, world.env));
  await Promise.all([...processes.values()].map(({ ready }) => ready));
  await liveThroughAStore();
}, 240_000);
afterAll(async () => {
  await Promise.all([...processes.values()].map((child) => child.stop()));
  await world.close();
  await supervisor.stopAll();
  await postgres.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** The whole of this file stands on the PostgreSQL that writes everything down. */
async function prepareClusters(): Promise<void> {
  const admin = { url: postgres.url, ensureDatabase: (name: string) => createDatabase(name) };
  const clusters = [];
  for (const name of ['talkone', 'talktwo']) clusters.push(await startTestCluster({ supervisor, postgres: admin, name, dir }));
  process.env['ALTA_TEST_PG_URL'] = postgres.url('postgres');
  process.env['ALTA_TEST_CLUSTERS'] = JSON.stringify(clusters.map(({ child: _, ...facts }) => facts));
}
const createDatabase = (name: string): Promise<void> => postgres.execute(`create database ${name}`);

/** Onboarding, consent, rotation, the owner's first sign-in, a dead letter, commands, questions of operators and refusals. */
async function liveThroughAStore(): Promise<void> {
  seller = await connectedSeller(world);
  const { accountId, order } = seller;
  await noteTokens('first');
  await signIn();
  expect((await alta('credentials', 'refresh', accountId, '--reason', 'x', '--actor', 'ana')).code).toBe(0);
  await inState(world, accountId, 'connected', 2);
  await noteTokens('second');
  await world.sql(
    `insert into outbox (target, event_key, event_type, account_id, payload) values ('account', $1, 'x', $2, '{"nonsense": 1}')`,
    [`dead/${randomUUID()}`, accountId],
  );
  await eventually(async () => (await world.sql(`select 1 from outbox where status = 'failed'`)).length > 0, 'a dead letter');
  for (const args of [
    ['accounts', 'suspend', accountId, '--actor', 'ana', '--reason', 'x'],
    ['accounts', 'show', accountId],
    ['credentials', 'show', accountId],
    ['dlq', 'list'],
    ['clusters', 'list'],
    ['keys', 'status'],
    ['doctor'],
    ['verify', '--settle', '0', '--histories', '100'],
  ])
    await alta(...args);
  await ask(`/stores/${order.slug}`);
  await ask('/webhooks/mercadopago?data.id=1&type=payment', { method: 'POST', headers: { 'x-signature': 'ts=1,v1=feed' }, body: '{}' });
  await ask('/oauth/mercadopago?state=wrong&code=wrong');
  activity.push(...(await postgres.statistics()));
}

async function noteTokens(which: string): Promise<void> {
  const { accessToken, refreshToken } = await tokensOf(world, seller.accountId);
  canaries.push(canary(`merchant's ${which} access token`, accessToken), canary(`merchant's ${which} refresh token`, refreshToken!));
}

async function signIn(): Promise<void> {
  const { order, accountId } = seller;
  const mail = await eventually(() => world.mail.messages().find(({ to }) => to.includes(order.checkout.email)), 'the mail');
  const link = /https?:\/\/\S*token=\S+/.exec(mail.text)![0];
  canaries.push(canary('recovery link', new URL(link).searchParams.get('token')!));
  const { url, publishableKey } = await world.clusters.get(String((await world.account(accountId))['backend_cluster_id']));
  const landed = new URL((await fetch(link, { redirect: 'manual' })).headers.get('location')!);
  const session = new URLSearchParams(landed.hash.slice(1));
  const owner = createClient(url, publishableKey, { auth: { persistSession: false, autoRefreshToken: false } });
  const tokens = { access_token: session.get('access_token')!, refresh_token: session.get('refresh_token')! };
  expect((await owner.auth.setSession(tokens)).error).toBeNull();
  expect((await owner.auth.updateUser({ password: PASSWORDS.owner })).error).toBeNull();
}

async function alta(...args: string[]): Promise<{ code: number }> {
  const { code, out, err } = await runAlta(world.env, ...args);
  said.push(`${args.join(' ')}\n${out}\n${err}`);
  return { code };
}
async function ask(path: string, init?: RequestInit): Promise<void> {
  const response = await fetch(`${world.url}${path}`, init);
  said.push(`${path}\n${JSON.stringify([...response.headers])}\n${await response.text()}`);
}

/** Every run's whole history, and what its payloads say once they are opened. */
async function histories(): Promise<Haystack[]> {
  const found: Haystack[] = [];
  const query = `AltaAccountId = '${seller.accountId}' OR WorkflowId STARTS_WITH 'credentials/${seller.accountId}'`;
  for await (const { workflowId, runId } of world.temporal.workflow.list({ query })) {
    const text = JSON.stringify(wholeHistory(await world.temporal.workflow.getHandle(workflowId, runId).fetchHistory()));
    found.push({ name: `history of ${workflowId}`, text });
    found.push({ name: `payloads of ${workflowId}`, text: payloadsOf(await openedText(text, world.codec!)).join('\n') });
  }
  return found;
}

async function everything(): Promise<Haystack[]> {
  const metrics = await Promise.all(
    [...processes].map(async ([name, child]) => {
      const { metrics: url } = await child.ready;
      return { name: `metrics of ${name}`, text: await (await fetch(String(url))).text() };
    }),
  );
  return [
    ...(await histories()),
    ...(await tableHaystacks((text) => world.sql(text))),
    ...metrics,
    ...[...processes].map(([name, child]) => ({ name: `output of ${name}`, text: child.output() })),
    { name: 'log of the API', text: logged.join('') },
    { name: 'what operators and visitors read', text: said.join('\n') },
    ...activity,
    ...(await postgres.statistics()),
    ...postgres.log(),
  ];
}

test('law 9 G7: no secret is written down anywhere, though PostgreSQL logs every statement with its parameters', async () => {
  const haystacks = await everything();
  const text = (name: string): string => haystacks.find((haystack) => haystack.name === name)?.text ?? '';
  // Nothing is found in nothing: each place holds what is known to be there.
  for (const name of ['output of worker', 'output of relay', 'log of the API', 'what operators and visitors read'])
    expect(text(name)).toContain(seller.accountId);
  for (const name of ['metrics of worker', 'metrics of relay']) expect(text(name)).toContain('alta_');
  expect(text('pg_stat_statements')).toContain('update outbox');
  expect(text(`log of database ${databaseName}`)).toMatch(/parameters: \$1 = /i);
  expect(text(`log of database ${databaseName}`)).toContain('v1.t1.');
  expect(haystacks.filter(({ name }) => name.startsWith('history of')).length).toBeGreaterThanOrEqual(3);
  expect(canaries).toHaveLength(14);

  const leaks = await findLeaks(haystacks, canaries);
  const ofClusters = leaks.filter((leak) => /^log of database cluster_/.test(leak));
  expect(leaks.filter((leak) => !ofClusters.includes(leak))).toEqual([]);
  // A cluster sees its own secrets, and neither the platform's, nor Alta's keys, nor a password.
  expect(ofClusters.filter((leak) => !ON_CLUSTER.some((allowed) => leak.includes(`: ${allowed}`)))).toEqual([]);
  expect(ofClusters.some((leak) => leak.includes("merchant's second access token"))).toBe(true);
});

test('the search finds a secret that was planted in each of these places', async () => {
  const planted = canaries.find(({ name }) => name === "merchant's second refresh token")!;
  const secret = planted.bytes.toString('utf8');
  const { accountId } = seller;
  await world.temporal.workflow.getHandle(`account/${accountId}`).signal(`named-${secret}`);
  await world.sql('update outbox set error_message = $1 where status = $2', [secret, 'failed']);
  await world.sql(`select /* ${secret} */ count(*) from nv_accounts`);
  world.log.info({ note: Buffer.from(secret).toString('base64') });
  said.push(encodeURIComponent(secret));
  const asking = postgres.execute(`select pg_sleep(1) /* ${secret} */`);
  await eventually(async () => {
    const seen = await postgres.statistics();
    activity.push(...seen);
    return seen.find(({ name }) => name === 'pg_stat_activity')!.text.includes(secret);
  }, 'the statement under way');
  await asking;
  const places = new Set((await findLeaks(await everything(), [planted])).map((leak) => leak.slice(0, leak.indexOf(': '))));
  for (const place of [
    `history of account/${accountId}`,
    'table public.outbox',
    'log of the API',
    'what operators and visitors read',
    'pg_stat_activity',
    `log of database ${databaseName}`,
  ])
    expect([...places]).toContain(place);
});
