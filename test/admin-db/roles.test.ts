import { readdir } from 'node:fs/promises';
import pg from 'pg';
import {
  createAdminDb,
  migrate,
  openJob,
  pendingMigrations,
  publish,
  ROLES,
  type AdminDb,
  type AdminDbRole,
} from '../../adapters/admin-db/index.ts';
import { addCluster, paidAccount, testVault } from '../support/admin-db-fixtures.ts';
import { emptyDatabase, openFreshDb } from '../support/postgres.ts';
import { sampleCheckout } from '../support/samples.ts';
import { STATEMENTS } from '../support/statements.ts';

const NAMES = Object.keys(ROLES) as AdminDbRole[];
const all = {} as { close: () => Promise<void>; db: AdminDb; url: string } & Record<AdminDbRole, AdminDb>;
const ids = { account: '', job: '', inbox: '' };

beforeAll(async () => {
  Object.assign(all, await openFreshDb());
  for (const role of NAMES) all[role] = createAdminDb(all.url, { role, max: 2 });
  await addCluster(all.db, 'north');
  const { accountId } = await paidAccount(all.db);
  ids.account = accountId;
  ids.job = (await openJob(all.db, { accountId, paymentId: '1', workflowId: 'w' })).jobId;
  await all.db.pool.query(`update nv_accounts set mp_connected = true, mp_access_token_encrypted = 'v1.sealed' where id = $1`, [accountId]);
  const { rows } = await all.db.pool.query<{ id: string }>(
    "insert into webhook_inbox (delivery_key, topic, payment_id) values ('d1', 'payment', '1') returning id",
  );
  ids.inbox = rows[0]!.id;
  await publish(all.db, {
    target: 'account',
    eventKey: 'created/1',
    accountId,
    payload: { type: 'account.created', accountId, version: 1, aspects: [] },
  });
  await all.db.pool.query(`insert into lifecycle_events (account_id, event_type, actor, reason) values ($1, 'x', 'x', 'x')`, [accountId]);
});
afterAll(async () => {
  await Promise.all(NAMES.map((role) => all[role].close()));
  await all.close();
});

const run = async (role: AdminDbRole, text: string): Promise<number | null> => (await all[role].pool.query(text)).rowCount;

describe('each process acts as its role', () => {
  test.each(NAMES)('%s: role, name and every limit are in force on the server', async (role) => {
    const { applicationName, statementMs, lockMs } = ROLES[role];
    const { rows } = await all[role].pool.query<Record<string, string>>(
      `select current_user as role, current_setting('application_name') as name,
         (select setting from pg_settings where name = 'statement_timeout') as statement,
         (select setting from pg_settings where name = 'lock_timeout') as lock,
         (select setting from pg_settings where name = 'idle_in_transaction_session_timeout') as idle`,
    );
    expect(rows[0]).toEqual({
      role: ROLES[role].role,
      name: applicationName,
      statement: String(statementMs),
      lock: String(lockMs),
      idle: String(statementMs + 5_000),
    });
  });

  test('what an address says of limits, names and roles does not count', async () => {
    const address = new URL(all.url);
    address.search = '?statement_timeout=0&application_name=other&options=-c%20lock_timeout%3D0';
    const db = createAdminDb(address.href, { role: 'relay', max: 1 });
    try {
      const { rows } = await db.pool.query(`select current_user as role, current_setting('application_name') as name,
        current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock`);
      expect(rows).toEqual([{ role: 'alta_relay', name: 'alta-relay', statement: '10s', lock: '5s' }]);
    } finally {
      await db.close();
    }
  });

  test('P-617: a login that is no member of the role is told so, and so is a role that is not there', async () => {
    const name = `login_${String(process.pid)}_${Date.now().toString(36)}`;
    await all.db.pool.query(`create role ${name} login password 'not-a-secret' in role alta_relay`);
    const address = new URL(all.url);
    [address.username, address.password] = [name, 'not-a-secret'];
    const relay = createAdminDb(address.href, { role: 'relay', max: 1 });
    const worker = createAdminDb(address.href, { role: 'worker', max: 1 });
    const one = { name: 'test.one', text: 'select current_user as role' };
    try {
      expect(await relay.query(one)).toEqual([{ role: 'alta_relay' }]);
      expect(await pendingMigrations(address.href)).toEqual([]);
      await expect(worker.query(one)).rejects.toMatchObject({
        code: 'CONFIG_INVALID',
        message: expect.stringContaining('alta_worker') as string,
      });
      await expect(migrate(address.href)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
    } finally {
      await Promise.all([relay.close(), worker.close()]);
      await all.db.pool.query(`drop role ${name}`);
    }
  });
});

/** Statements that a role may run, by role. They change nothing that another test looks at. */
const ALLOWED: [AdminDbRole, string][] = [
  [
    'intake',
    "insert into webhook_inbox (delivery_key, topic) values ('d2', 'payment') on conflict (delivery_key) do update set deliveries = 2",
  ],
  ['intake', "update nv_accounts set business_name = business_name where status = 'draft'"],
  ['intake', 'select slug, status from nv_accounts'],
  ['intake', 'select supabase_url, publishable_key from backend_clusters'],
  ['relay', "update outbox set locked_by = locked_by where event_key = 'created/1'"],
  ['relay', "update webhook_inbox set result = 'x' where false"],
  ['relay', 'select order_amount from nv_accounts'],
  ['worker', 'select mp_access_token_encrypted from nv_accounts'],
  ['worker', 'select service_role_key from list_backend_clusters()'],
  ['worker', "insert into lifecycle_events (cluster_id, event_type, actor, reason) values ('north', 'x', 'x', 'x')"],
  ['worker', 'select purge_outbox()'],
  ['operator', 'select * from provisioning_jobs'],
  ['operator', 'update backend_clusters set weight = weight'],
  ['operator', "select set_backend_cluster_credentials('south', 'South', 'http://127.0.0.1:1', 'v1.x', 'p')"],
  ['keeper', 'update backend_clusters set service_role_key = service_role_key'],
  ['keeper', 'select mp_refresh_token_encrypted from nv_accounts'],
];

const FORBIDDEN: [AdminDbRole, string][] = [
  ['intake', 'select mp_access_token_encrypted from nv_accounts'],
  ['intake', 'select email from nv_accounts'],
  ['intake', 'select service_role_key from backend_clusters'],
  ['intake', 'select * from list_backend_clusters()'],
  ['intake', "update nv_accounts set status = 'paid'"],
  ['intake', "update provisioning_jobs set status = 'completed'"],
  ['intake', 'select * from payments'],
  ['intake', 'delete from webhook_inbox'],
  ['relay', 'select mp_access_token_encrypted from nv_accounts'],
  ['relay', 'select service_role_key from backend_clusters'],
  ['relay', "update nv_accounts set status = 'live'"],
  ['relay', 'update provisioning_jobs set attempt = 9'],
  ['relay', "insert into webhook_inbox (delivery_key, topic) values ('d3', 'payment')"],
  ['worker', 'drop table outbox'],
  ['worker', 'alter table nv_accounts disable row level security'],
  ['worker', 'create table loot (x int)'],
  ['worker', 'update nv_accounts set order_amount = 0'],
  ['worker', 'update backend_clusters set service_role_key = service_role_key'],
  ['worker', 'delete from nv_accounts'],
  ['operator', "insert into webhook_inbox (delivery_key, topic) values ('d4', 'payment')"],
  ['operator', 'select mp_refresh_token_encrypted from nv_accounts'],
  ['operator', 'select service_role_key from backend_clusters'],
  ['operator', "update provisioning_jobs set status = 'completed'"],
  ['operator', "update nv_accounts set status = 'live'"],
  ['operator', 'update payments set amount = 0'],
  ['keeper', 'select email from nv_accounts'],
  ['keeper', "update nv_accounts set status = 'live'"],
  ['keeper', 'select * from outbox'],
  ...NAMES.flatMap((role): [AdminDbRole, string][] => [
    [role, 'delete from lifecycle_events'],
    [role, "update operator_actions set reason = 'x'"],
    [role, 'delete from payments'],
    [role, "insert into schema_migrations (name, run_on) values ('x', now())"],
  ]),
];

describe('rights', () => {
  test.each(ALLOWED)('%s may: %s', async (role, text) => {
    await expect(run(role, text)).resolves.toEqual(expect.any(Number));
  });

  test.each(Object.entries(STATEMENTS).flatMap(([role, acts]) => Object.entries(acts).map(([name, act]) => [role, name, act] as const)))(
    '%s has every right that %s needs',
    async (role, _, act) => {
      const subjects = {
        vault: testVault,
        checkout: sampleCheckout(),
        accountId: ids.account,
        jobId: ids.job,
        clusterId: 'north',
        inboxId: ids.inbox,
      };
      const fault = await act(all[role as AdminDbRole], subjects).then(
        () => undefined,
        (error: unknown) => error,
      );
      expect((fault as { details?: { sqlstate?: string } } | undefined)?.details?.sqlstate).toBeUndefined();
    },
  );

  test.each(FORBIDDEN)('%s may not: %s', async (role, text) => {
    await expect(run(role, text)).rejects.toMatchObject({ code: '42501' });
  });

  test('every table and function of the schema has rights that somebody decided, and no visitor has any', async () => {
    const { rows: tables } = await all.db.pool.query<{ name: string; owner: string; roles: string[]; open: boolean }>(
      `select c.relname as name, c.relowner::regrole::text as owner,
         array(select r from unnest($1::text[]) r where has_table_privilege(r, c.oid, 'select') or has_any_column_privilege(r, c.oid, 'select')) as roles,
         coalesce((select bool_or(a.grantee = 0) from aclexplode(c.relacl) a), false) as open
       from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm')`,
      [NAMES.map((role) => ROLES[role].role)],
    );
    expect(tables.length).toBeGreaterThan(15);
    expect(tables.filter(({ owner, roles, open }) => owner !== 'alta_migrator' || roles.length === 0 || open)).toEqual([]);
    const { rows: functions } = await all.db.pool.query<{ name: string; owner: string; open: boolean }>(
      `select p.proname as name, p.proowner::regrole::text as owner,
         p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0) as open
       from pg_proc p where p.pronamespace = 'public'::regnamespace`,
    );
    expect(functions.length).toBeGreaterThan(5);
    expect(functions.filter(({ owner, open }) => owner !== 'alta_migrator' || open)).toEqual([]);
  });

  test('a table that a migration forgot to decide about is found', async () => {
    const find = async () =>
      (
        await all.db.pool.query(
          `select from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' and relowner <> 'alta_migrator'::regrole`,
        )
      ).rowCount;
    expect(await find()).toBe(0);
    await all.db.pool.query('create table forgotten (x int)');
    try {
      expect(await find()).toBe(1);
      for (const role of NAMES) await expect(run(role, 'select * from forgotten')).rejects.toMatchObject({ code: '42501' });
    } finally {
      await all.db.pool.query('drop table forgotten');
    }
  });
});

describe('row security', () => {
  test('P-206 P-758: it is on and forced on inbox, outbox and where credentials are', async () => {
    const { rows } = await all.db.pool.query<{ name: string }>(
      `select relname as name from pg_class where relnamespace = 'public'::regnamespace and relrowsecurity and relforcerowsecurity order by 1`,
    );
    expect(rows.map(({ name }) => name)).toEqual(expect.arrayContaining(['backend_clusters', 'nv_accounts', 'outbox', 'webhook_inbox']));
  });

  test('P-758: the API sees and writes only its own orders in the outbox', async () => {
    expect(await run('relay', 'select from outbox')).toBeGreaterThan(0);
    const brought = ['payment.notified', 'seller.deauthorized', 'order.notified'].map((type) => `'${type}'`).join(', ');
    const others = `event_type not in (${brought}) and coalesce(payload ->> 'task', '') <> 'connect'`;
    expect(await run('relay', `select from outbox where ${others}`)).toBeGreaterThan(0);
    expect(await run('intake', `select from outbox where ${others}`)).toBe(0);
    await expect(
      run('intake', "insert into outbox (target, event_key, event_type, payload) values ('account', 'x', 'account.created', '{}')"),
    ).rejects.toMatchObject({ code: '42501' });
  });

  test('P-758: the API writes drafts only: an account that was paid is out of its reach', async () => {
    expect(await run('intake', 'select from nv_accounts')).toBeGreaterThan(0);
    expect(await run('intake', `update nv_accounts set business_name = 'x' where id = '${ids.account}'`)).toBe(0);
  });

  test("P-758: what was not delivered is nobody's to delete", async () => {
    expect(await run('worker', 'delete from outbox where completed_at is null')).toBe(0);
    expect(await run('relay', 'select from outbox')).toBeGreaterThan(0);
  });

  test('P-206 P-758: of the roles of Supabase only service_role sees rows, also without BYPASSRLS; anon and authenticated get nothing', async () => {
    const client = new pg.Client({ connectionString: all.url });
    await client.connect();
    try {
      await client.query('begin');
      await client.query('alter role service_role nobypassrls');
      for (const visitor of ['anon', 'authenticated']) {
        await client.query(`do $$ begin if to_regrole('${visitor}') is null then create role ${visitor} nologin; end if; end $$`);
      }
      await client.query('set local role service_role');
      for (const table of ['outbox', 'webhook_inbox', 'nv_accounts', 'backend_clusters']) {
        expect((await client.query(`select from ${table}`)).rowCount).toBeGreaterThan(0);
      }
      for (const visitor of ['anon', 'authenticated']) {
        await client.query(`set local role ${visitor}`);
        for (const table of ['outbox', 'webhook_inbox', 'nv_accounts', 'backend_clusters', 'plans', 'payments']) {
          await client.query('savepoint before');
          await expect(client.query(`select from ${table}`)).rejects.toMatchObject({ code: '42501' });
          await client.query('rollback to before');
        }
      }
    } finally {
      await client.query('rollback');
      await client.end();
    }
  });

  test('P-206: forced means the owner too: without a policy of its own it would see nothing', async () => {
    const client = new pg.Client({ connectionString: all.url });
    await client.connect();
    try {
      await client.query('begin');
      await client.query('drop policy owner_all on outbox');
      await client.query('set local role alta_migrator');
      expect((await client.query('select from outbox')).rowCount).toBe(0);
    } finally {
      await client.query('rollback');
      await client.end();
    }
  });
});

describe('migrating', () => {
  test('P-205: a database whose tables belong to another login is taken over, by that login and without a superuser', async () => {
    const database = await emptyDatabase();
    const admin = new pg.Client({ connectionString: database.url });
    const name = `owner_${String(process.pid)}_${Date.now().toString(36)}`;
    await admin.connect();
    try {
      await admin.query(`create role ${name} login createrole password 'not-a-secret'`);
      await admin.query(
        `grant alta_intake, alta_relay, alta_worker, alta_operator, alta_keeper, alta_storefront, alta_migrator to ${name} with admin option`,
      );
      await admin.query(`alter database ${new URL(database.url).pathname.slice(1)} owner to ${name}`);
      const address = new URL(database.url);
      [address.username, address.password] = [name, 'not-a-secret'];
      const files = (await readdir(new URL('../../adapters/admin-db/migrations', import.meta.url))).length;
      expect(await migrate(address.href)).toHaveLength(files);
      expect(await migrate(address.href)).toEqual([]);
      const { rows } = await admin.query("select distinct tableowner as owner from pg_tables where schemaname = 'public'");
      expect(rows).toEqual([{ owner: 'alta_migrator' }]);
      // From then on a member of alta_migrator is enough.
      await admin.query('delete from schema_migrations');
      await admin.query(`alter role ${name} nocreaterole`);
      expect(await migrate(address.href)).toHaveLength(files);
    } finally {
      await admin.query(`drop owned by ${name} cascade`).catch(() => undefined);
      await admin.query(`alter database ${new URL(database.url).pathname.slice(1)} owner to current_user`).catch(() => undefined);
      await admin.query(`drop role if exists ${name}`).catch(() => undefined);
      await admin.end();
      await database.drop();
    }
  });
});
