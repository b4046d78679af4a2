import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { CancelledFailure } from '@temporalio/common';
import { startAccount } from '../activities/start-account.ts';
import { auth, rpc, storage } from '../adapters/cluster/call.ts';
import { ASSET_BUCKET, createClusterRouter, type Cluster } from '../adapters/cluster/index.ts';
import { createMailer } from '../adapters/mailer/index.ts';
import { createMercadoPago } from '../adapters/mercadopago/index.ts';
import { withSignal } from '../adapters/signal.ts';
import { clientIdOf } from '../adapters/ids.ts';
import { z } from 'zod';
import { eventually } from './support/eventually.ts';
import { openTarpit, type Tarpit } from './support/tarpit.ts';
import { startWorld, type World } from './support/world.ts';

/**
 * Every outside call of an activity ends when the activity is cancelled, at once and with Temporal's own reason: so a run that is
 * stopped does not wait for a dead neighbour, and a worker that shuts down does not either. All limits are longer than the test.
 */
const LIMIT_MS = 300_000;
let world: World;
let tarpit: Tarpit;
let smtp: Tarpit;
let cluster: Cluster;

beforeAll(async () => {
  world = await startWorld({ run: { worker: false, relay: false } });
  tarpit = await openTarpit();
  smtp = await openTarpit('220 mail.example.com\r\n');
  const secrets = { clusterId: 'tarpit', url: tarpit.url, serviceKey: 'sb_secret_x', publishableKey: 'sb_publishable_x', revision: 1 };
  cluster = await createClusterRouter({ load: () => Promise.resolve(secrets), timeoutMs: LIMIT_MS }).get('tarpit');
}, 120_000);
afterAll(async () => {
  await Promise.all([tarpit.close(), smtp.close()]);
  await world.close();
});

/** Starts a call, cancels it once the far side has been asked, and expects it to end with the reason and to hang up. */
async function cancelled(call: () => PromiseLike<unknown>, far: Pick<Tarpit, 'held'>): Promise<void> {
  const caller = new AbortController();
  const reason = new CancelledFailure('the run was cancelled');
  const ended = withSignal(caller.signal, async () => call()).catch((error: unknown) => error);
  await eventually(() => far.held() === 1, 'the far side to be asked');
  caller.abort(reason);
  expect(await ended).toBe(reason);
  await eventually(() => far.held() === 0, 'the connection to be closed');
  // A call that begins after the cancellation does not go out at all.
  expect(await withSignal(caller.signal, async () => call()).catch((error: unknown) => error)).toBe(reason);
}

test('P-122: a call to Mercado Pago ends with its activity', async () => {
  const mp = createMercadoPago({ baseUrl: tarpit.url, accessToken: 'APP_USR-sample', timeoutMs: LIMIT_MS });
  await cancelled(() => mp.getPayment('1'), tarpit);
  await cancelled(() => mp.refundPayment('1', { idempotencyKey: 'k' }), tarpit);
});

test('P-119: calls to a cluster (data, auth, storage) end with their activity', async () => {
  await cancelled(() => rpc(cluster, 'read', 'alta_read_store', {}, z.unknown()), tarpit);
  await cancelled(() => auth(cluster, 'create', () => cluster.client.auth.admin.createUser({ email: 'a@example.com' })), tarpit);
  await cancelled(() => storage(cluster, 'list', () => cluster.client.storage.from(ASSET_BUCKET).list('x')), tarpit);
});

test('a mail that is being handed over ends with its activity', async () => {
  const mailer = createMailer({ smtpUrl: `smtp://127.0.0.1:${smtp.port}`, from: 'Alta <no-reply@example.com>' });
  await cancelled(() => mailer.send({ to: 'owner@example.com', subject: 's', text: 't', messageId: 'm' }), smtp);
  mailer.close();
});

test('the start of the account workflow ends with its activity', async () => {
  const { accountId } = await world.checkout();
  const connection = Connection.lazy({ address: new URL(tarpit.url).host, connectTimeout: LIMIT_MS });
  const start = startAccount({ ...world.deps, temporal: new Client({ connection }) });
  const context = { accountId, jobId: accountId, paymentId: '1', clusterId: 'north', clientId: clientIdOf(accountId) };
  const caller = new AbortController();
  const reason = new CancelledFailure('the run was cancelled');
  const ended = withSignal(caller.signal, () => start(context)).catch((error: unknown) => error);
  await eventually(() => tarpit.held() === 1, 'Temporal to be called');
  caller.abort(reason);
  expect(await ended).toBe(reason);
  await connection.close();
});

const sleeping = async (): Promise<number> =>
  (await world.sql(`select 1 from pg_stat_activity where datname = current_database() and query like 'select pg_sleep(%'`)).length;
const SLEEP = { name: 'admin-db.sleep', text: 'select pg_sleep(9)' };

test('a statement in the Admin DB is not waited for, and the pool goes on with other connections', async () => {
  await cancelled(() => world.db.query(SLEEP), {
    held: () => world.db.pool.totalCount - world.db.pool.idleCount,
  });
  expect(await world.db.query({ name: 'admin-db.ready', text: 'select 1 as one' })).toEqual([{ one: 1 }]);
});

test('a transaction that is cut in its middle leaves nothing behind', async () => {
  const order = await world.checkout();
  const { accountId } = order;
  const caller = new AbortController();
  const reason = new CancelledFailure('the run was cancelled');
  const ended = withSignal(caller.signal, () =>
    world.db.tx('admin-db.cut', async (tx) => {
      await tx.query({ name: 'admin-db.rename', text: `update nv_accounts set business_name = 'cut' where id = $1`, values: [accountId] });
      await tx.query(SLEEP);
    }),
  ).catch((error: unknown) => error);
  await eventually(async () => (await sleeping()) > 0, 'the second statement to run');
  caller.abort(reason);
  expect(await ended).toBe(reason);
  // The row is free again as soon as the server has noticed, at the latest when its own limit ends the statement.
  await eventually(async () => (await sleeping()) === 0, 'the statement to end');
  expect(await world.account(accountId)).toMatchObject({ business_name: order.checkout.businessName });
});
