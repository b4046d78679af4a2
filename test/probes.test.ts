import { afterAll, expect, test } from '@jest/globals';
import { createVault } from '../adapters/vault/index.ts';
import { createAdminDb, registerCluster, setClusterState } from '../adapters/admin-db/index.ts';
import { startProbes } from '../worker/probes.ts';
import { freshDatabase } from './support/postgres.ts';

const database = await freshDatabase();
const db = createAdminDb(database.url);
const probes = await startProbes([], db, 0);
afterAll(async () => {
  await new Promise((resolve) => probes.server.close(resolve));
  await db.close();
  await database.drop();
});

const probe = async (path: string): Promise<{ status: number; body: { reason?: string } }> => {
  const response = await fetch(`http://127.0.0.1:${probes.port}${path}`);
  return { status: response.status, body: (await response.json()) as { reason?: string } };
};

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
  expect((await probe('/readyz')).status).toBe(200);

  await setClusterState(db, 'north', { isActive: false, actor: 'ana', reason: 'maintenance' });
  expect((await probe('/readyz')).status).toBe(503);
});
