import { expect, test } from '@jest/globals';
import { createClusterRouter, type ClusterSecrets } from '../../adapters/cluster/index.ts';
import { AltaError } from '../../contract/errors.ts';

function setup(ttlMs?: number) {
  const state = { now: 0, loads: 0, revision: 1, fail: false };
  const load = async (clusterId: string): Promise<ClusterSecrets> => {
    await Promise.resolve();
    state.loads += 1;
    if (state.fail) throw new AltaError('CLUSTER_UNKNOWN', `no cluster ${clusterId}`);
    return {
      clusterId,
      url: `http://127.0.0.1:9/${state.revision}`,
      serviceKey: `sb_secret_${state.revision}`,
      publishableKey: 'p',
      revision: state.revision,
    };
  };
  return { state, router: createClusterRouter({ load, now: () => state.now, ...(ttlMs === undefined ? {} : { ttlMs }) }) };
}

test('P-509: a client is made when first asked for and kept for five minutes, no longer', async () => {
  const { state, router } = setup();
  const [first, same] = await Promise.all([router.get('north'), router.get('north')]);
  expect(same).toBe(first);
  state.now = 299_999;
  expect(await router.get('north')).toBe(first);
  expect(state.loads).toBe(1);
  state.now = 300_000;
  expect(await router.get('north')).not.toBe(first);
  expect(state.loads).toBe(2);
});

test('P-509: no setting keeps a client longer than five minutes', async () => {
  const { state, router } = setup(3_600_000);
  const first = await router.get('north');
  state.now = 300_000;
  expect(await router.get('north')).not.toBe(first);
});

test('P-509: after `forget` the next call sees the new URL and key', async () => {
  const { state, router } = setup();
  expect((await router.get('north')).url).toBe('http://127.0.0.1:9/1');
  state.revision = 2;
  expect((await router.get('north')).url).toBe('http://127.0.0.1:9/1');
  router.forget('north');
  expect((await router.get('north')).url).toBe('http://127.0.0.1:9/2');
});

test('P-744: two clusters have two clients', async () => {
  const { router } = setup();
  const [north, south] = await Promise.all([router.get('north'), router.get('south')]);
  expect([north.clusterId, south.clusterId]).toEqual(['north', 'south']);
  expect(north.client).not.toBe(south.client);
});

test('P-514: an unknown cluster is an error, never another cluster, and the failure is not kept', async () => {
  const { state, router } = setup();
  state.fail = true;
  await expect(router.get('west')).rejects.toMatchObject({ code: 'CLUSTER_UNKNOWN' });
  state.fail = false;
  expect((await router.get('west')).clusterId).toBe('west');
});
