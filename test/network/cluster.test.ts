import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { NETWORK_FAULTS, openFaultProxy, type Call, type FaultProxy, type NetworkFault } from '../support/fault-proxy.ts';
import { inTurns } from '../support/in-turns.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type World } from '../support/world.ts';

/**
 * A network and gateways that fail in every way, in front of both clusters. Each kind of call that an onboarding makes is found by running
 * one, and fails once in each of these ways: every order has another fault at each of its calls, so that so many orders as there are faults
 * meet all pairs of call and fault. They run side by side; a call is told by its account or its client row.
 */
let world: World;
let proxies: FaultProxy[] = [];
const calls = new Set<string>();
/** By account, e-mail and client row: what becomes of the first call of each kind. */
const plans = new Map<string, Map<string, NetworkFault>>();

/** A call without what differs from order to order. */
const kindOf = ({ method, path }: Call): string =>
  `${method} ${path
    .replace(/\?.*$/, '')
    .replace(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '<id>')
    .replace(/(\/object\/[\w-]+\/).*$/, '$1<object>')}`;
const planOf = ({ path, body }: Call): Map<string, NetworkFault> | undefined =>
  [...plans].find(([mark]) => path.includes(mark) || body.includes(mark))?.[1];

function judge(call: Call): NetworkFault | undefined {
  const kind = kindOf(call);
  calls.add(kind);
  const plan = planOf(call);
  const fault = plan?.get(kind);
  plan?.delete(kind);
  return fault;
}

/** Objects lie under the id of the client row, which the cluster answers. */
function heard(call: Call, answer: string): void {
  const clientId = /"id":\s*"([0-9a-f-]{36})"/.exec(answer)?.[1];
  const plan = planOf(call);
  if (plan !== undefined && clientId !== undefined && call.path.includes('upsert_client')) plans.set(clientId, plan);
}

beforeAll(async () => {
  // Calls that nobody answers are given up soon, and there are more tries than a call of two can use up.
  world = await startWorld({ env: { CLUSTER_TIMEOUT_MS: '1500' }, policy: { retryAttempts: 8 } });
  proxies = await Promise.all(world.lines.map(({ url }) => openFaultProxy(url, judge, heard)));
  for (const [index, { url }] of proxies.entries())
    await world.sql('update backend_clusters set supabase_url = $1 where cluster_id = $2', [url, world.clusterIds[index]]);
  for (const id of world.clusterIds) world.clusters.forget(id);
}, 120_000);
afterAll(async () => {
  await world.close();
  await Promise.all(proxies.map((proxy) => proxy.close()));
});

test('P-170 P-752: every call fails once in every way that a network or a gateway has: one store all the same', async () => {
  const first = await world.checkout();
  await world.pay(first);
  await world.job(first.accountId, 'completed');
  const kinds = [...calls].filter((kind) => !kind.startsWith('GET'));
  expect(kinds.length).toBeGreaterThan(8);
  const broken: string[] = [];
  const ordeal = async (turn: number): Promise<void> => {
    const order = await world.checkout();
    const faults = kinds.map((kind, n): [string, NetworkFault] => [kind, NETWORK_FAULTS[(n + turn) % NETWORK_FAULTS.length]!]);
    const plan = new Map(faults);
    plans.set(order.accountId, plan).set(order.checkout.email, plan);
    await world.pay(order);
    try {
      await expectOneStore(world, order);
      expect(Object.fromEntries(plan)).toEqual({});
    } catch (error) {
      broken.push(`${JSON.stringify(Object.fromEntries(faults))}: ${String(error)}`);
    }
  };
  await inTurns(4, [...NETWORK_FAULTS.keys()], ordeal);
  expect(broken).toEqual([]);
}, 240_000);
