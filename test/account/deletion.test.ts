import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAdminDb, recordArchive, type AdminDb } from '../../adapters/admin-db/index.ts';
import { setClock } from '../../adapters/clock.ts';
import { ASSET_BUCKET, readMpCredentials, type Cluster, type Store } from '../../adapters/cluster/index.ts';
import { clientIdOf } from '../../adapters/ids.ts';
import { createAltaClient, type AltaClient } from '../../client/index.ts';
import { UPDATE_ACCOUNT_COMMAND, type CommandAnswer } from '../../contract/account-commands.ts';
import { ACCOUNT_WORKFLOW, accountWorkflowId, taskQueue } from '../../contract/ids.ts';
import { dataConverter } from '../../adapters/temporal/index.ts';
import { buildBundle, workflowBundle } from '../../worker/bundle.ts';
import { changeAccount } from '../support/account-changes.ts';
import { runAlta } from '../support/alta-cli.ts';
import { eventually } from '../support/eventually.ts';
import { installFaults, type Faults } from '../support/faults.ts';
import { liveOrder } from '../support/live-order.ts';
import { runWorkers } from '../support/workers.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/** A store is kept before it is deleted, and nothing is deleted that was not kept (P-307, O-30). */
const BEFORE = fileURLToPath(new URL('../support/workflows/account-before-export.ts', import.meta.url));

let world: World;
let faults: Faults;
let operatorDb: AdminDb;
let alta: AltaClient;
let dir: string;
let order: PlacedOrder;

const who = { actor: 'ana', reason: 'as agreed' };
const give = (action: 'delete' | 'restore', commandId?: string): Promise<CommandAnswer> =>
  alta.accounts.command(order.accountId, { action, ...who }, commandId);
const store = async (): Promise<Store> => (await world.store(order.accountId))!;
const clusterId = async (): Promise<string> => (await world.account(order.accountId))['backend_cluster_id'] as string;
const cluster = async (): Promise<Cluster> => world.clusters.get(await clusterId());
const sha = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
/** Files of all archives of the account. */
const files = (): string[] => {
  const own = join(dir, order.accountId);
  return existsSync(own)
    ? readdirSync(own, { recursive: true, withFileTypes: true }).flatMap((entry) =>
        entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
      )
    : [];
};
const archives = (): Promise<{ location: string; sha256: string; bytes: number; counts: Record<string, number> }[]> =>
  world.sql('select * from store_archives where account_id = $1 order by made_at', [order.accountId]);

interface Archived {
  accountId: string;
  slug: string;
  version: number;
  counts: Record<string, number>;
  notExported: string[];
  tables: Record<string, Record<string, unknown>[]>;
  objects: { path: string; file: string; sha256: string; bytes: number }[];
}

beforeAll(async () => {
  world = await startWorld();
  dir = (world.config.ALTA_ARCHIVES as { dir: string }).dir;
  faults = installFaults();
  operatorDb = createAdminDb(world.database.url, { role: 'operator' });
  alta = createAltaClient({ db: operatorDb, temporal: world.temporal, config: world.config });
}, 120_000);
beforeEach(async () => {
  order = await liveOrder(world);
}, 60_000);
afterEach(() => {
  faults.clear();
  setClock(undefined);
});
afterAll(async () => {
  faults.remove();
  await operatorDb.close();
  await world.close();
});

/** What a merchant has in the shop by and by. */
async function sellAWhile(): Promise<void> {
  const { client } = await cluster();
  const clientId = clientIdOf(order.accountId);
  const insert = async (table: string, rows: object[]): Promise<void> => {
    const { error } = await client.from(table).insert(rows);
    if (error) throw new Error(`${table}: ${error.message}`);
  };
  await insert(
    'products',
    Array.from({ length: 620 }, (_, n) => ({ client_id: clientId, sku: `more-${String(n)}`, name: 'Más', price: n })),
  );
  await insert('orders', [{ client_id: clientId, buyer_email: 'buyer@example.com', currency: 'ARS', total: 12.5 }]);
  for (const [name, bytes] of [
    ['photos/one.png', 'first'],
    ['photos/deep/two.png', 'second'],
    ['same.png', 'first'],
  ] as const) {
    const { error } = await client.storage
      .from(ASSET_BUCKET)
      .upload(`${clientId}/${name}`, Buffer.from(bytes), { contentType: 'image/png' });
    if (error) throw new Error(error.message);
  }
}

/** All rows of a table that belong to the account, as the cluster's data API gives them, without credentials. */
async function rowsOf(table: string): Promise<Record<string, unknown>[]> {
  const { client } = await cluster();
  const [column, value] = ['clients', 'sync_tombstones', 'sync_images'].includes(table)
    ? ['nv_account_id', order.accountId]
    : ['client_id', clientIdOf(order.accountId)];
  const all: Record<string, unknown>[] = [];
  for (;;) {
    const { data, error } = await client
      .from(table)
      .select('*')
      .eq(column, value)
      .range(all.length, all.length + 399);
    if (error) throw new Error(`${table}: ${error.message}`);
    all.push(...(data as Record<string, unknown>[]));
    if (data.length < 400) break;
  }
  return all.map((row) => {
    const { mp_access_token: _token, mp_public_key: _key, ...rest } = row;
    return rest;
  });
}
/** One form for what is one moment, whoever wrote it. */
const plain = (value: unknown): unknown =>
  typeof value === 'string' && /^\d{4}-\d\d-\d\d[ T]\d\d:/.test(value) ? value.replace(' ', 'T').replace(/\+00(:00)?$/, 'Z') : value;
const sorted = (rows: Record<string, unknown>[]): string[] =>
  rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row)
          .map(([key, value]) => [key, plain(value)])
          .sort(),
      ),
    )
    .sort();

test('P-307: a deletion keeps every row and every object first, as they were, and says where; no credential is in it', async () => {
  await sellAWhile();
  const credentials = (await readMpCredentials(await cluster(), order.accountId))!;
  const [before, version] = [await store(), Number((await world.account(order.accountId))['version'])];
  const tables = [
    'clients',
    'users',
    'client_home_settings',
    'pages',
    'store_settings',
    'shipping_methods',
    'palettes',
    'products',
    'orders',
    'order_items',
    'cart_items',
    'store_assets',
    'sync_tombstones',
    'sync_images',
  ];
  const rows = Object.fromEntries(await Promise.all(tables.map(async (table) => [table, await rowsOf(table)] as const)));

  const answer = await give('delete');
  expect(answer).toMatchObject({
    status: 'deleted',
    store: 'shown',
    archive: expect.stringMatching(/^file:\/\/\/.*\/store\.json$/) as unknown as string,
  });
  const path = fileURLToPath(answer.archive!);
  const document = readFileSync(path);
  const kept = JSON.parse(document.toString()) as Archived;
  expect(kept).toMatchObject({ accountId: order.accountId, slug: order.slug, version, notExported: [], clusterId: await clusterId() });
  expect(Object.keys(kept.tables).sort()).toEqual([...tables].sort());
  for (const table of tables) expect({ table, rows: sorted(kept.tables[table]!) }).toEqual({ table, rows: sorted(rows[table]!) });
  expect(kept.counts).toMatchObject({ clients: 1, users: 1, products: before.counts.products, pages: before.counts.pages, orders: 1 });
  expect(kept.counts['products']).toBe(622);

  const { client } = await cluster();
  const names = kept.objects.map((object) => object.path.slice(clientIdOf(order.accountId).length + 1));
  expect(names).toEqual(expect.arrayContaining(['photos/deep/two.png', 'photos/one.png', 'same.png']));
  expect(names.some((name) => name.startsWith('logo-'))).toBe(before.counts.assets === 1);
  expect(kept.counts['objects']).toBe(kept.objects.length);
  for (const object of kept.objects) {
    const bytes = readFileSync(join(path, '..', object.file));
    expect({ ...object, sha256: sha(bytes), bytes: bytes.byteLength }).toEqual(object);
    const { data } = await client.storage.from(ASSET_BUCKET).download(object.path);
    expect(Buffer.from(await data!.arrayBuffer()).equals(bytes)).toBe(true);
  }

  const [row, ...more] = await archives();
  expect(more).toEqual([]);
  const total = document.byteLength + kept.objects.reduce((sum, { bytes }) => sum + bytes, 0);
  expect(row).toMatchObject({ location: answer.archive, sha256: sha(document), bytes: total, counts: kept.counts });
  expect(credentials.accessToken).toBe(order.merchantToken);
  const all = files()
    .map((file) => readFileSync(file).toString('latin1'))
    .join('\n');
  for (const secret of [credentials.accessToken, credentials.publicKey]) expect(all).not.toContain(secret);

  const listed = await runAlta(world.env, 'accounts', 'archives', order.accountId);
  expect(listed).toMatchObject({ code: 0, err: '' });
  expect(listed.out).toContain(answer.archive);
  expect(listed.out).toMatch(/622 products/);
});

test('P-170 P-307: a deletion that is repeated, at once or after its run was lost, is kept once; one that is refused is not kept', async () => {
  const commandId = randomUUID();
  const [first, ...copies] = await Promise.all([give('delete', commandId), give('delete', commandId), give('delete', commandId)]);
  for (const copy of copies) expect(copy).toEqual(first);
  await world.temporal.workflow.getHandle(accountWorkflowId(order.accountId)).terminate('as if lost');
  const kept = [await archives(), files()];
  expect(await give('delete', commandId)).toEqual(first);
  await expect(give('delete')).rejects.toMatchObject({ code: 'COMMAND_REFUSED' });
  expect([await archives(), files()]).toEqual(kept);
  expect(kept[0]).toHaveLength(1);
  const said = await runAlta(
    world.env,
    'accounts',
    'delete',
    order.accountId,
    '--reason',
    'x',
    '--actor',
    'ana',
    '--command-id',
    commandId,
  );
  // Another reason under the same id is another command.
  expect(said.code).toBe(1);
});

describe('a store that cannot be kept is not deleted', () => {
  /** Everything that a deletion would change. */
  const everything = async (): Promise<unknown> => ({
    account: await world.account(order.accountId),
    told: await world.sql('select event_key from outbox where account_id = $1 order by 1', [order.accountId]),
    audit: await world.sql('select 1 from lifecycle_events where account_id = $1', [order.accountId]),
    commands: await world.sql('select 1 from account_commands where account_id = $1', [order.accountId]),
    archives: await archives(),
    files: files(),
  });

  async function stops(code: string, message: RegExp = /./): Promise<void> {
    const [before, shown] = [await everything(), await store().catch(() => null)];
    const failure = await give('delete').then(
      () => 'deleted',
      (error: unknown) => error,
    );
    expect(failure).toMatchObject({ code, message: expect.stringMatching(/^nothing was deleted/) as unknown as string });
    expect((failure as Error).message).toMatch(message);
    expect(await everything()).toEqual(before);
    if (shown !== null) expect(await store()).toEqual(shown);
  }

  test('P-307: nobody said where', async () => {
    const place = world.config.ALTA_ARCHIVES;
    try {
      world.config.ALTA_ARCHIVES = undefined;
      await stops('EXPORT_NOT_CONFIGURED', /ALTA_ARCHIVES/);
    } finally {
      world.config.ALTA_ARCHIVES = place;
    }
  });

  test('P-307: the folder cannot be written to', async () => {
    const place = world.config.ALTA_ARCHIVES;
    const file = join(dir, '..', `taken-${randomUUID()}`);
    writeFileSync(file, 'a file, not a folder');
    try {
      world.config.ALTA_ARCHIVES = { kind: 'file', dir: file };
      await stops('EXPORT_FAILED', /ENOTDIR|EEXIST/);
    } finally {
      world.config.ALTA_ARCHIVES = place;
      rmSync(file);
    }
    expect(await give('delete')).toMatchObject({ status: 'deleted' });
  });

  test('P-307: its cluster is away', async () => {
    const line = world.lines[world.clusterIds.indexOf(await clusterId())]!;
    await line.down();
    try {
      await stops('CLUSTER_UNREACHABLE');
    } finally {
      await line.up();
    }
    expect((await store()).client).toMatchObject({ is_active: true, deleted_at: null });
    expect(await give('delete')).toMatchObject({ status: 'deleted', store: 'shown' });
  });

  test('P-307: its storage is away, while its rows can be read', async () => {
    faults.at('cluster.list-objects', { mode: 'fail-before', code: 'CLUSTER_UNREACHABLE' });
    await stops('CLUSTER_UNREACHABLE');
    expect(faults.passed).toContain('cluster.export-rows');
    expect(faults.passed).not.toContain('archives.write');
  });

  test('P-307: another thing is read back than was written', async () => {
    const spoil = (): void => {
      for (const file of files()) writeFileSync(file, 'spoilt on its way to the disk');
      faults.before('archives.read', spoil);
    };
    faults.before('archives.read', spoil);
    await stops('EXPORT_FAILED', /does not read back/);
  });

  test('P-307: its cluster has no such store', async () => {
    const { client } = await cluster();
    await client.from('clients').update({ nv_account_id: randomUUID() }).eq('nv_account_id', order.accountId);
    await stops('EXPORT_FAILED', /has no store/);
  });

  test('P-307: the Admin DB does not take down where it is', async () => {
    await world.sql(`create function refuse_archive() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$`);
    await world.sql('create trigger refuse_archive before insert on store_archives for each row execute function refuse_archive()');
    try {
      const before = await world.account(order.accountId);
      await expect(give('delete')).rejects.toMatchObject({ code: 'ADMIN_DB_REJECTED' });
      expect(await world.account(order.accountId)).toEqual(before);
    } finally {
      await world.sql('drop trigger refuse_archive on store_archives');
      await world.sql('drop function refuse_archive()');
    }
  });
});

describe('a bucket as the place', () => {
  const placeAt = async (bucket: string, act: () => Promise<void>): Promise<void> => {
    const place = world.config.ALTA_ARCHIVES;
    try {
      world.config.ALTA_ARCHIVES = { kind: 'cluster', clusterId: 'south', bucket };
      await act();
    } finally {
      world.config.ALTA_ARCHIVES = place;
    }
  };

  test('P-307: the archive lies in a private bucket of the cluster that was named, where no visitor reads it', async () => {
    const bucket = `archives-${randomUUID().slice(0, 8)}`;
    await placeAt(bucket, async () => {
      const { archive } = await give('delete');
      expect(archive).toMatch(new RegExp(`^cluster://south/${bucket}/${order.accountId}/.*/store\\.json$`));
      const south = await world.clusters.get('south');
      const name = archive!.slice(`cluster://south/${bucket}/`.length);
      const { data } = await south.client.storage.from(bucket).download(name);
      const kept = JSON.parse(await data!.text()) as Archived;
      expect(kept).toMatchObject({ accountId: order.accountId, counts: { clients: 1 } });
      for (const { file, sha256 } of kept.objects) {
        const object = await south.client.storage.from(bucket).download(name.replace('store.json', file));
        expect(sha(Buffer.from(await object.data!.arrayBuffer()))).toBe(sha256);
      }
      for (const way of ['public', 'authenticated']) {
        const headers = { apikey: south.publishableKey, authorization: `Bearer ${south.publishableKey}` };
        const answer = await fetch(`${south.url}/storage/v1/object/${way}/${bucket}/${name}`, { headers });
        expect(answer.ok).toBe(false);
        expect(await answer.text()).not.toContain(order.accountId);
      }
    });
  });

  test('P-307: one that everybody may read is refused, and so is a cluster that nobody knows', async () => {
    await placeAt(ASSET_BUCKET, () =>
      expect(give('delete')).rejects.toMatchObject({
        code: 'EXPORT_NOT_CONFIGURED',
        message: expect.stringContaining('public') as unknown as string,
      }),
    );
    world.config.ALTA_ARCHIVES = { kind: 'cluster', clusterId: 'west', bucket: 'archives' };
    try {
      await expect(give('delete')).rejects.toMatchObject({ code: 'CLUSTER_UNKNOWN' });
    } finally {
      world.config.ALTA_ARCHIVES = { kind: 'file', dir };
    }
  });
});

test('P-307: restored within the retention the store is back whole, with its credentials; afterwards the answer names the archive', async () => {
  await sellAWhile();
  const before = await store();
  const { archive } = await give('delete');
  const deletedAt = Date.parse((await world.account(order.accountId))['deleted_at'] as string);
  const days = (count: number) => (): number => deletedAt + count * 86_400_000;
  setClock(days(30.001));
  await expect(give('restore')).rejects.toMatchObject({
    code: 'COMMAND_REFUSED',
    message: expect.stringContaining(archive!) as unknown as string,
  });
  expect((await store()).client).toMatchObject({ is_active: false });
  expect((await store()).mp_fingerprint).toBeNull();
  setClock(days(29.999));
  expect(await give('restore')).toMatchObject({ status: 'provisioned', store: 'shown' });
  const after = await store();
  expect(after).toMatchObject({ mp_fingerprint: before.mp_fingerprint, users: before.users, counts: before.counts });
  expect(after.client).toMatchObject({ is_active: true, publication_status: 'published', deleted_at: null, slug: order.slug });
  expect((await fetch(`${world.url}/stores/${order.slug}`)).status).toBe(200);
  // Deleted again it is kept again: what was sold meanwhile is in it.
  expect((await give('delete')).archive).not.toBe(archive);
});

test('P-307 P-215: what is told while the store is being kept does not keep it open, and what is told afterwards does not open it again', async () => {
  const tell = async (): Promise<void> => {
    await changeAccount(world.db, { type: 'account.updated', accountId: order.accountId, fields: ['phone'] });
  };
  let meanwhile = 0;
  faults.before('archives.write', async () => {
    await tell();
    await eventually(async () => {
      const { version } = await world.account(order.accountId);
      meanwhile = Number(version);
      return (await store()).client.sync_version === meanwhile;
    }, 'a sync while the store is being kept');
    // Another is under way when the deletion comes.
    await tell();
  });
  const answer = await give('delete');
  expect(answer).toMatchObject({ status: 'deleted', store: 'shown' });
  expect(answer.version).toBeGreaterThan(meanwhile + 1);
  await tell();
  await world.quiet(order.accountId);
  const gone = await store();
  expect(gone.client).toMatchObject({ is_active: false, deleted_at: expect.any(String) as unknown as string });
  expect(gone.mp_fingerprint).toBeNull();
  expect((await fetch(`${world.url}/stores/${order.slug}`)).status).toBe(404);
});

test('P-307 P-753: a run from before that deleted a store without an export keeps the next one first, and replays whole', async () => {
  const config = { ...world.config, ALTA_QUEUE_PREFIX: `o${randomUUID().slice(0, 8)}-`, ALTA_WORKER_QUEUES: ['accounts' as const] };
  const workersOf = async (bundle: Awaited<ReturnType<typeof workflowBundle>>): Promise<() => Promise<void>> =>
    (await runWorkers({ ...world.deps, config }, world.native, bundle)).stop;
  const { accountId } = order;
  const { workflowId } = await world.temporal.workflow.start(ACCOUNT_WORKFLOW, {
    workflowId: accountWorkflowId(randomUUID()),
    taskQueue: taskQueue('accounts', config.ALTA_QUEUE_PREFIX),
    args: [accountId],
  });
  const handle = world.temporal.workflow.getHandle(workflowId);
  const send = (action: 'delete' | 'restore', updateId = randomUUID()): Promise<CommandAnswer> =>
    handle.executeUpdate<CommandAnswer, [object]>(UPDATE_ACCOUNT_COMMAND, { args: [{ action, ...who }], updateId });
  let stop = await workersOf(await buildBundle(BEFORE));
  const first = randomUUID();
  await recordArchive(world.deps.db, {
    accountId,
    commandId: first,
    location: `file:///by-hand/${first}`,
    sha256: '0'.repeat(64),
    bytes: 1,
    counts: {},
  });
  expect(await send('delete', first)).toMatchObject({ status: 'deleted' });
  await stop();

  const bundle = await workflowBundle();
  stop = await workersOf(bundle);
  expect(await send('restore')).toMatchObject({ status: 'provisioned' });
  expect((await send('delete')).archive).toMatch(new RegExp(accountId));
  expect(await archives()).toHaveLength(2);
  await stop();
  const history = await handle.fetchHistory();
  await Worker.runReplayHistory({ workflowBundle: bundle, dataConverter: dataConverter(world.config) }, history, workflowId);
  await handle.terminate('test over');
}, 180_000);
