import { afterAll, expect, test } from '@jest/globals';
import { NativeConnection } from '@temporalio/worker';
import { createAdminDb, registerCluster, setClusterState } from '../adapters/admin-db/index.ts';
import { createVault } from '../adapters/vault/index.ts';
import { startProbes, type Readiness } from '../worker/probes.ts';
import { eventually } from './support/eventually.ts';
import { freshDatabase } from './support/postgres.ts';
import { openLine } from './support/switchboard.ts';
import { connectTemporal } from './support/temporal.ts';

const database = await freshDatabase();
const temporal = await connectTemporal();
/** Lines to Temporal and to the Admin DB, which a test can cut. */
const temporalLine = await openLine(`http://${temporal.address}`);
const databaseLine = await openLine(database.url.replace(/^postgres\w*:/, 'http:'));
const connection = await NativeConnection.connect({ address: new URL(temporalLine.url).host });
const address = new URL(database.url);
address.host = new URL(databaseLine.url).host;
const db = createAdminDb(address.href);
const probes = await startProbes({ workers: [], db, connection }, { port: 0 });
afterAll(async () => {
  await new Promise((resolve) => probes.server.close(resolve));
  await db.close();
  await connection.close();
  await temporal.close();
  await Promise.all([temporalLine.close(), databaseLine.close()]);
  await database.drop();
});

const probe = async (path: string): Promise<{ status: number; body: Readiness }> => {
  const response = await fetch(`http://127.0.0.1:${probes.port}${path}`);
  return { status: response.status, body: (await response.json()) as Readiness };
};
const ready = async (status: number): Promise<Readiness> =>
  eventually(async () => {
    const found = await probe('/readyz');
    return found.status === status ? found.body : undefined;
  }, `/readyz with ${status}`);

test('P-508: a worker without any active cluster is alive but not ready, and says why', async () => {
  expect((await probe('/livez')).status).toBe(200);
  const empty = await probe('/readyz');
  expect(empty.status).toBe(503);
  expect(empty.body.reason).toContain('no active cluster');

  const vault = createVault(`k1:${Buffer.alloc(32, 7).toString('base64')}`);
  await registerCluster(db, vault, {
    clusterId: 'north',
    displayName: 'North',
    url: 'http://127.0.0.1:9',
    serviceKey: 'sb_secret_sample',
    publishableKey: 'sb_publishable_sample',
    weight: 1,
    maxTenants: null,
  });
  const found = await probe('/readyz');
  expect(found.status).toBe(200);
  expect(found.body).toEqual({
    ready: true,
    reason: null,
    workers: [],
    clusters: [{ clusterId: 'north', active: true, status: 'ready' }],
  });
  expect(JSON.stringify(found.body)).not.toContain('sb_');

  await setClusterState(db, 'north', { isActive: false, actor: 'ana', reason: 'maintenance' });
  expect((await probe('/readyz')).status).toBe(503);
  await setClusterState(db, 'north', { isActive: true, actor: 'ana', reason: 'done' });
  expect((await probe('/readyz')).status).toBe(200);
});

test('P-611: without Temporal, or without the Admin DB, it is alive but not ready, and ready again when they are back', async () => {
  for (const [line, reason] of [
    [temporalLine, 'Temporal does not answer'],
    [databaseLine, 'the Admin DB does not answer'],
  ] as const) {
    await ready(200);
    await line.down();
    expect((await ready(503)).reason).toBe(reason);
    expect((await probe('/livez')).status).toBe(200);
    await line.up();
    await ready(200);
  }
});
