import { afterAll, describe, expect, test } from '@jest/globals';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection } from '@temporalio/worker';
import { createAdminDb, registerCluster, setClusterState, type AdminDb } from '../adapters/admin-db/index.ts';
import { loadConfig } from '../adapters/config.ts';
import { createLogger } from '../adapters/log.ts';
import { createMercadoPago } from '../adapters/mercadopago/index.ts';
import { serveProbes } from '../adapters/probes.ts';
import { createVault } from '../adapters/vault/index.ts';
import { buildApi } from '../client/api/index.ts';
import { createRelay } from '../client/relay/index.ts';
import { relayReadiness, startRelayProbes } from '../client/relay/probes.ts';
import { readiness, startProbes, type WorkerReadiness } from '../worker/probes.ts';
import { eventually } from './support/eventually.ts';
import { freshDatabase } from './support/postgres.ts';
import { openLine } from './support/switchboard.ts';
import { openTarpit } from './support/tarpit.ts';
import { connectTemporal } from './support/temporal.ts';

/** The parts of the three processes that answer probes, on lines to Temporal and to the Admin DB which a test can cut. */
const KEYS = `k1:${Buffer.alloc(32, 7).toString('base64')}`;
const database = await freshDatabase();
const temporal = await connectTemporal();
const temporalLine = await openLine(`http://${temporal.address}`);
const databaseLine = await openLine(database.url.replace(/^postgres\w*:/, 'http:'));
const native = await NativeConnection.connect({ address: new URL(temporalLine.url).host });
const connection = Connection.lazy({ address: new URL(temporalLine.url).host });
const address = new URL(database.url);
address.host = new URL(databaseLine.url).host;
const [workerDb, relayDb, apiDb] = (['worker', 'relay', 'intake'] as const).map((role) => createAdminDb(address.href, { role }));
const own = createAdminDb(database.url);

const config = loadConfig({
  ADMIN_DATABASE_URL: address.href,
  ALTA_VAULT_KEYS: KEYS,
  TEMPORAL_ADDRESS: new URL(temporalLine.url).host,
  TEMPORAL_NAMESPACE: temporal.namespace,
  MP_BASE_URL: 'http://127.0.0.1:9',
  MP_ACCESS_TOKEN: 'sample',
  MP_COLLECTOR_ID: '1',
  MP_LIVE_MODE: 'false',
  MP_WEBHOOK_SECRETS: 's1:sample',
  NODE_ENV: 'development',
});
const log = createLogger('test', 'silent');
const mp = createMercadoPago({ baseUrl: config.MP_BASE_URL, accessToken: 'sample', timeoutMs: 1_000 });
const client = new Client({ connection, namespace: temporal.namespace });
const relay = createRelay({ db: relayDb!, mp, temporal: client, config, log });
const relaying = relay.run();
const api = await buildApi({ db: apiDb!, vault: createVault(KEYS), mp, config, log });
const workerProbes = await startProbes({ workers: [], db: workerDb!, connection: native }, { port: 0 });
// So short that the test need not wait for a minute; the state is the same.
const relayProbes = await startRelayProbes({ db: relayDb!, connection, relay, stalledMs: 1_000 }, { port: 0 });
const urls = {
  worker: `http://127.0.0.1:${workerProbes.port}`,
  relay: `http://127.0.0.1:${relayProbes.port}`,
  api: await api.listen({ host: '127.0.0.1', port: 0 }),
};
type Process = keyof typeof urls;
const PROCESSES = Object.keys(urls) as Process[];

afterAll(async () => {
  await relay.stop();
  await relaying;
  await api.close();
  await Promise.all([workerProbes.close(), relayProbes.close()]);
  await Promise.all([workerDb!, relayDb!, apiDb!, own].map((db) => db.close()));
  await Promise.all([native.close(), connection.close()]);
  await temporal.close();
  await Promise.all([temporalLine.close(), databaseLine.close()]);
  await database.drop();
});

const probe = async (process: Process, path: string): Promise<{ status: number; body: WorkerReadiness }> => {
  const response = await fetch(`${urls[process]}${path}`);
  return { status: response.status, body: (await response.json()) as WorkerReadiness };
};
/** Null: ready. */
const becomes = (process: Process, reason: string | RegExp | null): Promise<boolean> =>
  eventually(
    async () => {
      const { status, body } = await probe(process, '/readyz');
      expect([status, body.ready]).toEqual(reason === null ? [200, true] : [503, false]);
      if (reason === null) expect(body.reason).toBeNull();
      else expect(body.reason).toMatch(reason);
      return true;
    },
    `${process} with ${String(reason ?? 'readiness')}`,
    120_000,
  );
const alive = async (): Promise<void> => {
  for (const process of PROCESSES) expect(await probe(process, '/livez')).toMatchObject({ status: 200, body: { live: true } });
};

test('P-508: a worker without any active cluster is alive but not ready, and says why', async () => {
  await alive();
  await becomes('worker', /no active cluster/);

  await registerCluster(own, createVault(KEYS), {
    clusterId: 'north',
    displayName: 'North',
    url: 'http://127.0.0.1:9',
    serviceKey: 'sb_secret_sample',
    publishableKey: 'sb_publishable_sample',
    weight: 1,
    maxTenants: null,
  });
  await becomes('worker', null);
  const found = await probe('worker', '/readyz');
  expect(found.body).toEqual({
    ready: true,
    reason: null,
    workers: [],
    clusters: [{ clusterId: 'north', active: true, status: 'ready' }],
  });
  expect(JSON.stringify(found.body)).not.toContain('sb_');

  await setClusterState(own, 'north', { isActive: false, actor: 'ana', reason: 'maintenance' });
  await becomes('worker', /no active cluster/);
  await setClusterState(own, 'north', { isActive: true, actor: 'ana', reason: 'done' });
  await becomes('worker', null);
});

const NO_TEMPORAL = 'Temporal does not answer';
const NO_ADMIN_DB = 'the Admin DB does not answer';
describe('P-611: what a process leans on goes away and comes back: its readiness falls with the reason and recovers, it stays alive', () => {
  test.each([
    ['Temporal', temporalLine, { worker: NO_TEMPORAL, relay: NO_TEMPORAL, api: null }],
    ['the Admin DB', databaseLine, { worker: NO_ADMIN_DB, relay: NO_ADMIN_DB, api: NO_ADMIN_DB }],
  ] as const)('without %s', async (_what, line, reasons) => {
    for (const process of PROCESSES) await becomes(process, null);
    await line.down();
    for (const process of PROCESSES) await becomes(process, reasons[process]);
    await alive();
    await line.up();
    for (const process of PROCESSES) await becomes(process, null);
  });

  test('with a Temporal or an Admin DB that takes connections and never answers: readiness does not wait for it', async () => {
    const pit = await openTarpit();
    const mute = createAdminDb(`postgres://alta:alta@127.0.0.1:${pit.port}/alta`);
    const muteTemporal = Connection.lazy({ address: `127.0.0.1:${pit.port}`, connectTimeout: 600_000 });
    const running = { quietMs: () => 0 };
    try {
      const ask = async (db: AdminDb, line: Connection): Promise<unknown> =>
        (await relayReadiness({ db, connection: line, relay: running })).reason;
      expect(await ask(mute, connection)).toBe(NO_ADMIN_DB);
      expect(await ask(own, muteTemporal)).toBe(NO_TEMPORAL);
      expect(await ask(own, connection)).toBeNull();
      expect((await readiness({ workers: [], db: mute, connection: native })).reason).toBe(NO_ADMIN_DB);
    } finally {
      await pit.close();
      await Promise.all([mute.close(), muteTemporal.close()]);
    }
  });
});

test('P-611: a relay whose rounds do not end, while everything answers, is alive but not ready, and ready again when they do', async () => {
  await becomes('relay', null);
  const holder = await own.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('lock table outbox in access exclusive mode');
    await becomes('relay', /^the outbox was last read \d+ s ago$/);
    await alive();
  } finally {
    await holder.query('rollback');
    holder.release();
  }
  await becomes('relay', null);
});

test('P-611: a relay that ends is not ready any more', async () => {
  const ending = createRelay({ db: relayDb!, mp, temporal: client, config, log });
  const probes = await startRelayProbes({ db: relayDb!, connection, relay: ending }, { port: 0 });
  const reason = async (): Promise<unknown> =>
    ((await (await fetch(`http://127.0.0.1:${probes.port}/readyz`)).json()) as { reason: unknown }).reason;
  expect(await reason()).toBe('the relay does not run');
  const running = ending.run();
  await eventually(async () => (await reason()) === null, 'a ready relay', 120_000);
  await ending.stop();
  await running;
  expect(await reason()).toBe('the relay does not run');
  await probes.close();
});

test('P-611: probes answer nothing else, and give their port free', async () => {
  const probes = await serveProbes(() => Promise.resolve({ ready: false, reason: 'sample' }), { port: 0 });
  const url = `http://127.0.0.1:${probes.port}`;
  expect((await fetch(`${url}/readyz`)).status).toBe(503);
  expect((await fetch(`${url}/`)).status).toBe(404);
  await expect(serveProbes(() => Promise.resolve({ ready: true, reason: null }), { port: probes.port })).rejects.toThrow('EADDRINUSE');
  await probes.close();
  await expect(fetch(url)).rejects.toThrow();
});
