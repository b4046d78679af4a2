import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createAdminDb, type AdminDb, type OutboxDetails } from '../../adapters/admin-db/index.ts';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { OUTBOX_MAX_LAPSES } from '../../contract/outbox.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { eventually } from '../support/eventually.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** A row that ends every relay which delivers it, as one that makes a process run out of memory does. */
let world: World;
let operatorDb: AdminDb;
let alta: AltaClient;
const running = new Set<AltaProcess>();

beforeAll(async () => {
  world = await startWorld({ run: { relay: false }, env: { RELAY_LEASE_SECONDS: '1', RELAY_POLL_MAX_MS: '50' } });
  operatorDb = createAdminDb(world.database.url, { role: 'operator' });
  alta = createAltaClient({ db: operatorDb, temporal: world.temporal, config: world.config });
}, 120_000);
afterAll(async () => {
  await Promise.all([...running].map((relay) => relay.stop('SIGKILL')));
  await operatorDb.close();
  await world.close();
});

function startRelay(deadly?: string): AltaProcess {
  const env = { ...world.env, ...(deadly === undefined ? {} : { ALTA_KILL_EVENT: deadly }) };
  const relay = startAlta('relay', env, deadly === undefined ? undefined : 'relay.deliver:before:1');
  running.add(relay);
  void relay.ended.then(() => running.delete(relay));
  return relay;
}

test('P-226 P-232: a row that ends its relays is dead after five, no other row dies with it, and an operator has it delivered', async () => {
  const orders = [await world.checkout(), await world.checkout(), await world.checkout()];
  const [poisoned, ...others] = orders as [PlacedOrder, ...PlacedOrder[]];
  const { paymentId } = await world.pay(poisoned);
  for (const order of others) await world.pay(order);
  const [{ id, eventKey } = { id: '', eventKey: '' }] = await eventually(async () => {
    const rows = await world.sql<{ id: string; eventKey: string }>(
      `select id, event_key as "eventKey" from outbox order by payload ->> 'paymentId' = $1 desc`,
      [paymentId],
    );
    return rows.length === orders.length ? rows : undefined;
  }, 'a row of every payment');

  const row = (): Promise<OutboxDetails> => alta.outbox.show(id);
  for (let death = 1; death <= OUTBOX_MAX_LAPSES; death += 1) {
    expect((await startRelay(eventKey).ended).signal).toBe('SIGKILL');
    expect(await row()).toMatchObject({ state: 'processing', attempts: 1, lapses: death - 1 });
    const neighbours = await world.sql<{ most: number }>('select max(lapses) as most from outbox where id <> $1', [id]);
    expect(neighbours[0]!.most).toBeLessThanOrEqual(1);
  }

  const survivor = startRelay(eventKey);
  await eventually(async () => (await row()).state === 'failed', 'a dead row');
  expect(await row()).toMatchObject({ code: 'DELIVERY_NEVER_ENDED', attempts: 1, lapses: 0 });
  expect((await alta.outbox.health()).dead).toMatchObject([{ code: 'DELIVERY_NEVER_ENDED', rows: 1 }]);
  for (const order of others) await expectOneStore(world, order);
  expect((await survivor.stop()).code).toBe(0);

  const mended = startRelay();
  expect(await alta.outbox.retry({ ids: [id] }, { actor: 'ana', reason: 'mended' })).toEqual([id]);
  await expectOneStore(world, poisoned);
  expect(await row()).toMatchObject({ state: 'completed', attempts: 1, lapses: 0 });
  expect((await mended.stop()).code).toBe(0);
}, 180_000);
