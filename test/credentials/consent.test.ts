import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { credentialsWorkflowId } from '../../contract/ids.ts';
import { agree, connectedSeller, inState, linkOf, sameOnCluster, tokensOf } from '../support/consent.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { startWorld, type World } from '../support/world.ts';

/** A seller agrees: authorization code with PKCE and state, through the real API, relay, worker and cluster. */
const TOKEN = 'the-dashboards-own-secret';
let world: World;
let alta: AltaClient;
let faults: Faults;
beforeAll(async () => {
  const quick = { retryInitialMs: 50, retryMaxMs: 100, retryAttempts: 3 };
  world = await startWorld({ env: { ALTA_OPERATOR_TOKENS: `dashboard:${TOKEN}`, ALTA_CREDENTIALS_POLICY: JSON.stringify(quick) } });
  alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
  faults = installFaults();
}, 120_000);
afterEach(async () => {
  faults.clear();
  await world.simulator.control.faults.clear();
});
afterAll(async () => {
  faults.remove();
  await world.close();
});

const stateOf = (url: string): string => new URL(url).searchParams.get('state') ?? '';
const callback = (query: Record<string, string>): Promise<Response> =>
  fetch(new URL(`/oauth/mercadopago?${new URLSearchParams(query).toString()}`, world.url));

interface Asked {
  status: string;
  error_code: string | null;
  forgotten: boolean;
}
const newestAsking = async (accountId: string): Promise<Asked> => {
  const [row] = await world.sql<Asked>(
    `select status, error_code, verifier_encrypted is null and code_encrypted is null as forgotten
     from mp_authorizations where account_id = $1 order by created_at desc limit 1`,
    [accountId],
  );
  return row!;
};
const endedAsking = (accountId: string): Promise<Asked> =>
  eventually(async () => {
    const asked = await newestAsking(accountId);
    if (['open', 'answered'].includes(asked.status)) throw new Error(JSON.stringify(asked));
    return asked;
  }, `an ended asking of ${accountId}`);

test('P-316 P-078: an account that was provisioned without Mercado Pago is connected later, and its store holds the proved token', async () => {
  const { accountId } = await connectedSeller(world);
  expect(await endedAsking(accountId)).toEqual({ status: 'connected', error_code: null, forgotten: true });
  expect(await alta.credentials.show(accountId)).toMatchObject({ state: 'connected', credentialVersion: 1, code: null });
  const events = await world.sql<{ payload: object }>(
    `select payload from outbox where account_id = $1 and event_type = 'mp_credentials.synced'`,
    [accountId],
  );
  expect(events).toEqual([{ payload: expect.objectContaining({ action: 'sync', accountId }) as object }]);
}, 180_000);

test('P-615: only whoever has an operator token gets a link over HTTP, and the link really connects', async () => {
  const order = await world.checkout({}, { connected: false });
  await world.pay(order);
  await world.job(order.accountId, 'completed');
  const ask = (headers: Record<string, string>, id: string = order.accountId): Promise<Response> =>
    fetch(new URL(`/accounts/${id}/mercadopago/link`, world.url), { method: 'POST', headers });
  expect((await ask({})).status).toBe(401);
  expect((await ask({ authorization: 'Bearer somebody-elses-secret' })).status).toBe(401);
  const known = { authorization: `Bearer ${TOKEN}` };
  expect((await ask(known, 'not-an-id')).status).toBe(400);
  expect((await ask(known, '00000000-0000-4000-8000-000000000000')).status).toBe(404);
  const answer = await ask(known);
  expect(answer.status).toBe(201);
  expect(answer.headers.get('cache-control')).toBe('no-store');
  const { url } = (await answer.json()) as { url: string };
  expect(new URL(url).searchParams.get('code_challenge_method')).toBe('S256');
  expect((await agree(url)).status).toBe(200);
  await inState(world, order.accountId, 'connected');
  await sameOnCluster(world, order.accountId);
}, 180_000);

test('a state counts once, for its own account, and not after its time', async () => {
  const order = await world.checkout({}, { connected: false });
  const url = await linkOf(world, order.accountId);
  expect((await agree(url)).status).toBe(200);
  await inState(world, order.accountId, 'connected', 1);
  const again = await agree(url);
  expect(again.status).toBe(400);
  expect(await again.json()).toMatchObject({ code: 'INPUT_INVALID', field: 'state' });
  const late = await linkOf(world, order.accountId);
  await world.sql(`update mp_authorizations set expires_at = now() where account_id = $1 and status = 'open'`, [order.accountId]);
  expect((await agree(late)).status).toBe(400);
  const guessed = await callback({ state: 'A'.repeat(43), code: 'TG-1' });
  expect(guessed.status).toBe(400);
  const malformed = await callback({ state: "x' or 1=1", code: 'TG-1' });
  expect(await malformed.json()).toMatchObject({ code: 'INPUT_INVALID', field: 'state' });
  expect((await callback({ state: stateOf(late) })).status).toBe(400);
  const declined = await callback({ state: stateOf(late), error: 'access_denied' });
  expect(declined.status).toBe(200);
  expect(await alta.credentials.show(order.accountId)).toMatchObject({ credentialVersion: 1 });
}, 180_000);

test('a code that was bound to another verifier is refused: the run says so, and a new link connects', async () => {
  const order = await world.checkout({}, { connected: false });
  const url = await linkOf(world, order.accountId);
  const stolen = await world.simulator.control.issueCode({
    redirectUri: new URL(url).searchParams.get('redirect_uri') ?? '',
    codeChallenge: 'somebody-elses-challenge',
    codeChallengeMethod: 'S256',
  });
  expect((await callback({ state: stateOf(url), code: stolen.code })).status).toBe(200);
  expect(await endedAsking(order.accountId)).toEqual({ status: 'failed', error_code: 'MP_REAUTH_REQUIRED', forgotten: true });
  await expect(alta.credentials.show(order.accountId)).rejects.toMatchObject({ code: 'NOT_FOUND' });
  expect((await agree(await linkOf(world, order.accountId))).status).toBe(200);
  await inState(world, order.accountId, 'connected', 1);
}, 180_000);

test('the exchange waits while Mercado Pago limits it, and the tokens are stored although the Admin DB is away when they come', async () => {
  const order = await world.checkout({}, { connected: false });
  await world.simulator.control.faults.add({ operation: 'oauth.token', kind: 'status', status: 429, count: 2 });
  faults.at('admin-db.save-mp-credentials', { mode: 'fail-before', code: 'ADMIN_DB_UNAVAILABLE', times: 3 });
  expect((await agree(await linkOf(world, order.accountId))).status).toBe(200);
  await inState(world, order.accountId, 'connected', 1);
  expect(faults.spent('admin-db.save-mp-credentials')).toBe(true);
  const calls = await world.simulator.control.ledger({ kind: 'effect' });
  const { sellerId } = await tokensOf(world, order.accountId);
  expect(calls.filter((entry) => entry.kind === 'effect' && entry.what === 'token.issued' && entry.id === sellerId)).toHaveLength(1);
}, 180_000);

test('law 9: neither code, verifier, state nor token stands in plain in the Admin DB or in the history of the exchange', async () => {
  const order = await world.checkout({}, { connected: false });
  const url = await linkOf(world, order.accountId);
  const page = await fetch(url, { redirect: 'manual' });
  const back = page.headers.get('location') ?? '';
  const code = new URL(back).searchParams.get('code') ?? '';
  expect(code).toMatch(/^TG-/);
  expect((await fetch(back)).status).toBe(200);
  await inState(world, order.accountId, 'connected', 1);
  const { accessToken, refreshToken } = await tokensOf(world, order.accountId);
  const [dump] = await world.sql<{ text: string }>(
    `select string_agg(t, '') as text from (
       select to_jsonb(x)::text as t from mp_authorizations x union all select to_jsonb(x)::text from mp_connections x
       union all select to_jsonb(x)::text from outbox x union all select to_jsonb(x)::text from lifecycle_events x
       union all select to_jsonb(x)::text from nv_accounts x union all select to_jsonb(x)::text from webhook_inbox x) rows`,
  );
  const [{ id } = { id: '' }] = await world.sql<{ id: string }>('select id from mp_authorizations where account_id = $1', [
    order.accountId,
  ]);
  const history = await world.temporal.workflow.getHandle(credentialsWorkflowId(order.accountId, 'connect', id)).fetchHistory();
  const bytes = JSON.stringify(history);
  for (const secret of [code, stateOf(url), accessToken, refreshToken!]) {
    expect(dump!.text).not.toContain(secret);
    expect(bytes).not.toContain(secret);
  }
}, 180_000);
