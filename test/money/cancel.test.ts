import { expect, test } from '@jest/globals';
import type { AltaClient } from '../../client/index.ts';
import { eventually } from '../support/eventually.ts';
import type { Faults } from '../support/faults.ts';
import { useFaultyWorld } from '../support/faulty-world.ts';
import type { PlacedOrder, World } from '../support/world.ts';

/** An operator calls an onboarding off: undone before the pivot, refused in clear words after it. */
let world: World;
let faults: Faults;
let alta: AltaClient;
useFaultyWorld({ mend: () => world.sql('update backend_clusters set is_active = true') }, (made) => ({ world, alta, faults } = made));

const cancel = (order: PlacedOrder) => alta.onboardings.cancel(order.accountId, { actor: 'ana', reason: 'ordered by mistake' });
const decisions = async (order: PlacedOrder): Promise<string[]> =>
  (await alta.onboardings.show(order.accountId)).decisions.map(({ action }) => action);

const PHASES: [string, string, () => unknown][] = [
  ['waits for a cluster', 'waiting', () => world.sql('update backend_clusters set is_active = false')],
  ['is parked', 'parked', () => faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' })],
  [
    'is parked at its activation',
    'parked',
    () => faults.at('admin-db.activate-account', { mode: 'fail-before', code: 'ADMIN_DB_UNAVAILABLE' }),
  ],
];

test.each(PHASES)(
  'P-150 P-161: a run that %s is called off and leaves nothing; the decision is on record',
  async (_what, state, prepare) => {
    await prepare();
    const order = await world.checkout();
    await world.pay(order);
    await world.job(order.accountId, state);
    const [first, second] = await Promise.all([cancel(order), cancel(order)]);
    expect([first.jobId, second.jobId]).toEqual([first.jobId, first.jobId]);
    expect((await world.job(order.accountId, 'compensated')).error_code).toBe('CANCELLED');
    expect(await world.stores(order.accountId)).toEqual([]);
    expect(await cancel(order)).toMatchObject({ state: 'compensated' });
    expect(await decisions(order)).toContain('cancel-onboarding');
  },
  60_000,
);

test('law 7: past the pivot it is refused, and a native cancellation breaks nothing', async () => {
  const order = await world.checkout();
  faults.at('mailer.send', { mode: 'fail-before', code: 'MAIL_REJECTED' });
  await world.pay(order);
  await world.job(order.accountId, 'parked');
  await expect(cancel(order)).rejects.toMatchObject({
    code: 'RESOLVE_REFUSED',
    message: expect.stringContaining('past the pivot') as unknown,
  });
  await world.handle(order.accountId).cancel();
  faults.clear();
  await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'mended' });
  await world.job(order.accountId, 'completed');
  expect((await world.store(order.accountId))!.client).toMatchObject({ publication_status: 'published' });
  await expect(cancel(order)).rejects.toMatchObject({ code: 'RESOLVE_REFUSED' });
  expect(await decisions(order)).toEqual(['retry']);
}, 60_000);

test('a run that is being undone, or was, is not called off', async () => {
  const order = await world.checkout();
  faults.at('cluster.set-entitlements', { mode: 'fail-after', code: 'CLUSTER_REJECTED' });
  faults.at('cluster.undo-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
  await world.pay(order);
  await world.job(order.accountId, 'parked');
  await expect(cancel(order)).rejects.toMatchObject({ code: 'RESOLVE_REFUSED' });
  faults.clear();
  await world.resolve(order.accountId, { action: 'retry', actor: 'ana', reason: 'mended' });
  await world.job(order.accountId, 'compensated');
  await eventually(async () => (await world.handle(order.accountId).describe()).status.name === 'FAILED', 'the end of the run');
  await expect(cancel(order)).rejects.toMatchObject({ code: 'RESOLVE_REFUSED' });
}, 60_000);
