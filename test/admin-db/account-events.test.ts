import { readdirSync, readFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import fc from 'fast-check';
import { publish, publishAccountEvent, saveMpCredentials, type AdminDb } from '../../adapters/admin-db/index.ts';
import { ACCOUNT_EVENT_TYPES, type AccountChange } from '../../contract/account-events.ts';
import { outboxPayloadSchema } from '../../contract/outbox.ts';
import { changeAccount, SAMPLE_CHANGES, touch } from '../support/account-changes.ts';
import { addCluster, draftAccount, rows, testVault } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

let db: AdminDb;
let close: () => Promise<void>;
let accountId: string;
beforeAll(async () => {
  ({ db, close } = await openFreshDb());
  await addCluster(db, 'north');
});
afterAll(() => close());
beforeEach(async () => {
  ({ accountId } = await draftAccount(db));
});

const versionOf = async (): Promise<number> =>
  (await rows<{ version: number }>(db, 'select version::int from nv_accounts where id = $1', [accountId]))[0]!.version;
const outbox = (): Promise<{ event_key: string; target: string; payload: unknown }[]> =>
  rows(db, "select event_key, target, payload from outbox where account_id = $1 and target = 'account' order by event_key", [accountId]);
const updated = (): AccountChange => ({ type: 'account.updated', accountId, fields: ['phone'] });

test('P-211 to P-218: there are the eight types of the requirements, and a sample of each is tried below', () => {
  const numbered = 'created updated suspended deleted'.split(' ').map((word) => `account.${word}`);
  expect([...ACCOUNT_EVENT_TYPES].sort()).toEqual(
    [...numbered, 'plan.changed', 'entitlements.synced', 'settings.synced', 'mp_credentials.synced'].sort(),
  );
  expect([...new Set(SAMPLE_CHANGES.map(([type]) => type)), 'account.created'].sort()).toEqual([...ACCOUNT_EVENT_TYPES].sort());
});

test.each(SAMPLE_CHANGES)(
  'P-202 P-203 P-209: %s %p is one row at the version of its change, keyed by it',
  async (type, _aspects, change) => {
    const before = await versionOf();
    const told = await changeAccount(db, change(accountId));
    expect(told).toEqual({ eventKey: `${type}/${accountId}/${String(before + 1)}`, version: before + 1, added: true });
    expect(await versionOf()).toBe(told.version);
    const [row, ...more] = await outbox();
    expect(more).toEqual([]);
    expect(row).toMatchObject({ event_key: told.eventKey, target: 'account' });
    expect(outboxPayloadSchema.parse(row!.payload)).toEqual({ ...change(accountId), version: told.version });
  },
);

test('P-202: the same change told twice in its transaction is one row, and the caller knows', async () => {
  const told = await db.tx('test.twice', async (tx) => {
    await touch(tx, accountId);
    return [await publishAccountEvent(tx, updated()), await publishAccountEvent(tx, updated())];
  });
  expect(told.map(({ added }) => added)).toEqual([true, false]);
  expect(told[0]!.eventKey).toBe(told[1]!.eventKey);
  expect(await outbox()).toHaveLength(1);
});

test('P-209 P-302: rolled back, neither the change nor its event is there; an event that cannot be published takes its change along', async () => {
  const before = await versionOf();
  await expect(
    db.tx('test.rollback', async (tx) => {
      await touch(tx, accountId);
      await publishAccountEvent(tx, updated());
      throw new RangeError('the change failed');
    }),
  ).rejects.toMatchObject({ code: 'INTERNAL' });
  await expect(changeAccount(db, { ...updated(), fields: [] } as AccountChange)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(await versionOf()).toBe(before);
  expect(await outbox()).toEqual([]);
});

test('P-209: an event that is not published by the transaction of its change is refused, whichever way it is tried', async () => {
  await touch(db, accountId);
  await expect(publishAccountEvent(db, updated())).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(db.tx('test.no-change', (tx) => publishAccountEvent(tx, updated()))).rejects.toMatchObject({ code: 'CONFLICT' });
  await expect(changeAccount(db, { ...updated(), accountId: randomUUID() })).rejects.toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
  const around = { target: 'account', eventKey: 'k', accountId, payload: { ...updated(), version: 1 } } as never;
  await expect(publish(db, around)).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  expect(await outbox()).toEqual([]);
});

test('P-209: what hangs on an account raises its version too, so its change can be told', async () => {
  const told = await changeAccount(db, updated(), (tx) =>
    tx.query({
      name: 'test.period',
      text: `update subscriptions set billing_period = 'annual' where account_id = $1`,
      values: [accountId],
    }),
  );
  expect(told.added).toBe(true);
});

test('P-207: a field that the schema of its type does not know is refused in every type, so no credential gets in', async () => {
  const credentials = ['access_token', 'mp_access_token', 'refreshToken', 'token', 'password', 'secret', 'value', 'email'];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...SAMPLE_CHANGES),
      fc.oneof(fc.constantFrom(...credentials), fc.string({ minLength: 1, maxLength: 20 })),
      async ([, , change], key) => {
        const known = change(accountId);
        fc.pre(!Object.hasOwn(known, key) && key !== '__proto__' && key !== 'version');
        await expect(changeAccount(db, { ...known, [key]: 'APP_USR-secret' })).rejects.toMatchObject({
          code: 'INPUT_INVALID',
        });
      },
    ),
    { numRuns: 60, seed: 5 },
  );
  expect(await outbox()).toEqual([]);
});

test('P-210 P-316: credentials that come after the store is there are told; before, the onboarding brings them', async () => {
  const credentials = { accessToken: 'APP_USR-1', refreshToken: null, publicKey: 'k', expiresAt: null, mpUserId: '1' };
  await saveMpCredentials(db, testVault, accountId, credentials);
  expect(await outbox()).toEqual([]);
  await rows(db, `update nv_accounts set status = 'provisioned', backend_cluster_id = 'north' where id = $1`, [accountId]);
  const version = await saveMpCredentials(db, testVault, accountId, credentials);
  expect(await outbox()).toEqual([
    {
      event_key: `mp_credentials.synced/${accountId}/${String(version)}`,
      target: 'account',
      payload: { type: 'mp_credentials.synced', accountId, version, action: 'sync' },
    },
  ]);
});

test('P-209: one statement in the product fills the outbox with what is told of accounts; the other is the intake of webhooks', () => {
  const root = join(import.meta.dirname, '../..');
  const rooms = ['activities', 'adapters', 'client', 'worker', 'workflows', 'contract'];
  const files = rooms.flatMap((room) =>
    readdirSync(join(root, room), { recursive: true, encoding: 'utf8' }).map((file) => join(room, file)),
  );
  const writers = files.filter((file) => file.endsWith('.ts') && /insert into outbox\b/.test(readFileSync(join(root, file), 'utf8')));
  expect(writers.sort()).toEqual(['adapters/admin-db/inbox.ts', 'adapters/admin-db/publish.ts']);
});
