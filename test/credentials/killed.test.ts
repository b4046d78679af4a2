import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import type { CredentialsResult } from '../../contract/credentials.ts';
import { credentialsWorkflowId } from '../../contract/ids.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { connectedSeller, inState, rotations, sameOnCluster } from '../support/consent.ts';
import { endsWithin } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

/** The worker dies around the one call that uses a refresh token up: what was lost is seen, healed or asked for again; never silent. */
let world: World;
let alta: AltaClient;
const running = new Set<AltaProcess>();
beforeAll(async () => {
  const quick = { retryInitialMs: 50, retryMaxMs: 100, retryAttempts: 3, heartbeatMs: 4_000 };
  world = await startWorld({ run: { worker: false }, env: { ALTA_CREDENTIALS_POLICY: JSON.stringify(quick) } });
  alta = createAltaClient({ db: world.db, temporal: world.temporal, config: world.config });
}, 120_000);
// None is left to the next test, whose doomed worker would not be the one that is given the call.
afterEach(async () => {
  await Promise.all([...running].map((worker) => worker.stop('SIGKILL')));
});
afterAll(() => world.close());

function start(killAt?: string): AltaProcess {
  const worker = startAlta('worker', world.env, killAt);
  running.add(worker);
  void worker.ended.then(() => running.delete(worker));
  return worker;
}

test.each([
  { at: 'before', killed: 'before the call', outcome: 'refreshed', state: 'connected', version: 2 },
  { at: 'after', killed: 'between the call and the store', outcome: 'reauth_required', state: 'reauth_required', version: 1 },
] as const)(
  'a worker that is killed $killed of a refresh: another worker sees it, and it ends as $outcome',
  async ({ at, outcome, state, version }) => {
    const first = start();
    await endsWithin(first.ready, 'the start of a worker');
    const one = await connectedSeller(world);
    await endsWithin(first.stop(), 'the end of a worker');

    const doomed = start(`mercadopago.refresh-token:${at}:1`);
    await endsWithin(doomed.ready, 'the start of the worker that dies');
    await alta.credentials.ask(one.accountId, { task: 'refresh', actor: 'ana', reason: 'a test' });
    expect((await endsWithin(doomed.ended, 'the death of the worker')).signal).toBe('SIGKILL');
    const next = start();
    const handle = world.temporal.workflow.getHandle<() => Promise<CredentialsResult>>(credentialsWorkflowId(one.accountId, 'refresh'));
    expect(await endsWithin(handle.result(), 'the refresh')).toMatchObject({ outcome });
    await inState(world, one.accountId, state, version);
    expect(await rotations(world, one.sellerId)).toBe(1);
    await sameOnCluster(world, one.accountId);
    await endsWithin(next.ready, 'the start of the next worker');
    expect((await endsWithin(next.stop(), 'the end of the next worker')).code).toBe(0);
  },
  300_000,
);
