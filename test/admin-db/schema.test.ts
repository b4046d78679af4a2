import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { claimOutbox, completeOutbox, createAdminDb, migrate, openJob, pendingMigrations } from '../../adapters/admin-db/index.ts';
import { OUTBOX_TARGETS } from '../../contract/outbox.ts';
import { addCluster, draftAccount, paidAccount, rows } from '../support/admin-db-fixtures.ts';
import { emptyDatabase, openFreshDb } from '../support/postgres.ts';

/** What the requirements name; more columns are fine. */
const NAMED: [numbers: string, table: string, columns: string][] = [
  [
    'P-002',
    'nv_accounts',
    `id version slug email business_name status plan_key country phone phone_full billing_email custom_domain backend_cluster_id
    mp_connected mp_access_token_encrypted mp_public_key mp_refresh_token_encrypted mp_token_expires_at persona_type legal_name fiscal_id
    fiscal_id_type fiscal_category fiscal_address subdivision_code created_at updated_at`,
  ],
  ['P-006', 'nv_onboarding', 'id account_id template_key palette_key data created_at'],
  ['P-007', 'plans', 'plan_key monthly_fee entitlements currency is_active'],
  ['P-008', 'account_addons', 'account_id addon_key quantity entitlements active'],
  ['P-009', 'subscriptions', 'account_id plan_key billing_period status'],
  ['P-010', 'slug_reservations', 'slug account_id status expires_at claimed_at'],
  [
    'P-011',
    'backend_clusters',
    `cluster_id supabase_url service_role_key db_url_encrypted weight is_active status last_error display_name
    last_cloned_from last_cloned_at created_at updated_at`,
  ],
  ['P-012', 'provisioning_jobs', 'id job_type status error_message created_at completed_at account_id workflow_id run_id attempt'],
  ['P-013', 'provisioning_job_steps', 'job_id step status attempt started_at finished_at error_message'],
  [
    'P-014 P-201',
    'outbox',
    `id target event_key event_type account_id payload status attempt_count error_message created_at next_attempt_at locked_by
    locked_until updated_at completed_at claim_token generation`,
  ],
  ['P-015', 'lifecycle_events', 'id account_id event_type from_value to_value actor reason created_at'],
  ['P-016', 'webhook_inbox', 'id provider delivery_key payment_id payment_status account_id first_received_at result'],
  ['P-016', 'payments', 'payment_id account_id status amount currency verdict'],
];

const open = {} as { value: Awaited<ReturnType<typeof openFreshDb>> };
beforeAll(async () => {
  open.value = await openFreshDb();
});
afterAll(() => open.value.close());

const rejected = (constraint: string): unknown =>
  expect.objectContaining({ code: 'ADMIN_DB_REJECTED', message: expect.stringContaining(constraint) as string });

const run = (text: string, values: unknown[] = []): Promise<unknown> =>
  open.value.db.query({ name: `test.${randomUUID().slice(0, 8)}`, text, values });

describe('the schema of the Admin DB', () => {
  test.each(NAMED)('%s: %s has every named column', async (_, table, names) => {
    const found = await rows<{ column_name: string }>(
      open.value.db,
      "select column_name from information_schema.columns where table_schema = 'public' and table_name = $1",
      [table],
    );
    expect(found.map(({ column_name: name }) => name)).toEqual(expect.arrayContaining(names.split(/\s+/)));
  });

  test('P-003: a status outside the closed set is refused', async () => {
    const { accountId } = await draftAccount(open.value.db);
    await expect(run('update nv_accounts set status = $2 where id = $1', [accountId, 'happy'])).rejects.toEqual(
      rejected('nv_accounts_status_known'),
    );
  });

  test('P-004: an account cannot name a cluster that is not registered', async () => {
    const { accountId } = await draftAccount(open.value.db);
    await expect(run('update nv_accounts set backend_cluster_id = $2 where id = $1', [accountId, 'nowhere'])).rejects.toEqual(
      rejected('backend_cluster_id_fkey'),
    );
  });

  test.each(['provisioned', 'approved', 'live'])('P-005 P-061: an account cannot be %s without a cluster', async (status) => {
    const { accountId } = await draftAccount(open.value.db);
    await expect(run('update nv_accounts set status = $2 where id = $1', [accountId, status])).rejects.toEqual(
      rejected('nv_accounts_active_has_cluster'),
    );
  });

  test('P-011 P-018: a service key that is not sealed is refused, and the registry shows ciphertext only', async () => {
    await addCluster(open.value.db, 'sealed-one');
    const [row] = await rows<{ all: string }>(
      open.value.db,
      "select to_jsonb(c)::text as all from backend_clusters c where cluster_id = 'sealed-one'",
    );
    expect(row?.all).not.toContain('secret-of-sealed-one');
    await expect(run("update backend_clusters set service_role_key = 'sb_secret_plain' where cluster_id = 'sealed-one'")).rejects.toEqual(
      rejected('backend_clusters_service_role_key_check'),
    );
  });

  test('P-640 P-086: the legacy job type is refused in clear words and leaves no row', async () => {
    const { accountId } = await draftAccount(open.value.db);
    const insert = run('insert into provisioning_jobs (job_type, account_id, workflow_id, attempt) values ($1, $2, $3, 1)', [
      'PROVISION_CLIENT',
      accountId,
      'w',
    ]);
    await expect(insert).rejects.toMatchObject({
      code: 'LEGACY_JOB_TYPE',
      message: expect.stringContaining('PROVISION_CLIENT is gone') as string,
    });
    expect(await rows(open.value.db, 'select 1 from provisioning_jobs where account_id = $1', [accountId])).toEqual([]);
    await expect(
      run('insert into provisioning_jobs (job_type, account_id, workflow_id, attempt) values ($1, $2, $3, 1)', ['OTHER', accountId, 'w']),
    ).rejects.toEqual(rejected('provisioning_jobs_type_known'));
  });

  test('P-640: an existing job cannot be turned into the legacy type', async () => {
    const { jobId } = await paidAccount(open.value.db);
    await expect(run("update provisioning_jobs set job_type = 'PROVISION_CLIENT' where id = $1", [jobId])).rejects.toMatchObject({
      code: 'LEGACY_JOB_TYPE',
    });
  });

  test.each(['lifecycle_events', 'operator_actions'])('P-015: %s takes rows and never gives one back', async (table) => {
    const { accountId } = await paidAccount(open.value.db);
    const { jobId } = await openJob(open.value.db, { accountId, paymentId: '1', workflowId: 'w' });
    if (table === 'operator_actions')
      await run("insert into operator_actions (job_id, account_id, action, actor, reason) values ($1, $2, 'retry', 'ana', 'why')", [
        jobId,
        accountId,
      ]);
    for (const change of [`update ${table} set reason = 'x'`, `delete from ${table}`, `truncate ${table}`]) {
      await expect(run(change)).rejects.toMatchObject({ code: 'CONFLICT', message: expect.stringContaining('append-only') as string });
    }
  });

  test('P-019: the cluster functions keep their names and are closed to everybody but the service role', async () => {
    const role = `visitor_${randomUUID().slice(0, 8)}`;
    const client = new pg.Client({ connectionString: open.value.url });
    await client.connect();
    try {
      await client.query(`create role ${role}`);
      await client.query(`set role ${role}`);
      await expect(client.query('select * from list_backend_clusters()')).rejects.toMatchObject({ code: '42501' });
      await expect(client.query("select set_backend_cluster_credentials('x', 'x', 'x', 'v1.x', 'x')")).rejects.toMatchObject({
        code: '42501',
      });
      await expect(client.query('select * from outbox')).rejects.toMatchObject({ code: '42501' });
      await client.query('set role service_role');
      expect((await client.query('select * from list_backend_clusters()')).rows.length).toBeGreaterThanOrEqual(0);
      await expect(client.query("update lifecycle_events set reason = 'x'")).rejects.toMatchObject({ code: '42501' });
    } finally {
      await client.query('reset role');
      await client.query(`drop role ${role}`);
      await client.end();
    }
  });
});

describe('migrations', () => {
  test('P-205: several processes that start at once migrate an empty database once, and a second run finds nothing to do', async () => {
    const database = await emptyDatabase();
    try {
      const expected = await pendingMigrations(database.url);
      expect(expected.length).toBeGreaterThan(0);
      const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(database.url)));
      expect(applied.filter((names) => names.length > 0)).toEqual([expected]);
      expect(await migrate(database.url)).toEqual([]);
      expect(await pendingMigrations(database.url)).toEqual([]);
    } finally {
      await database.drop();
    }
  });

  test('P-205: every migration can be repeated on a database that has its tables already', async () => {
    const database = await emptyDatabase();
    const db = createAdminDb(database.url);
    try {
      await migrate(database.url);
      await db.pool.query('delete from schema_migrations');
      expect((await migrate(database.url)).length).toBeGreaterThan(0);
    } finally {
      await db.close();
      await database.drop();
    }
  });

  test('P-205 P-221: claims and marks go by their indexes, also on a connection that knew the outbox when it was empty', async () => {
    const { db, url } = open.value;
    const relay = createAdminDb(url, { role: 'relay', max: 1 });
    const claim = () => claimOutbox(relay, { targets: OUTBOX_TARGETS, limit: 50, leaseSeconds: 60, owner: 'test', idle: true });
    const nobodys = { id: randomUUID(), claimToken: randomUUID(), generation: 1 };
    const planOf = async (call: string): Promise<string> =>
      (await relay.pool.query<{ 'QUERY PLAN': string }>(`explain execute ${call}`)).rows.map((line) => line['QUERY PLAN']).join('\n');
    try {
      // After five runs PostgreSQL may keep a plan for good.
      for (let n = 0; n < 8; n += 1) {
        expect(await claim()).toEqual([]);
        expect(await completeOutbox(relay, nobodys)).toBe(false);
      }
      await db.pool.query(`insert into outbox (target, event_key, event_type, payload)
        select 'account', 'waiting/' || n, 'account.created', '{}' from generate_series(1, 30000) n`);
      for (const when of ['grown', 'analyzed']) {
        if (when === 'analyzed') await db.pool.query('analyze outbox');
        const plan = await planOf(`"admin-db.claim-outbox"('{${OUTBOX_TARGETS.join()}}', 50, 60, 'test', true)`);
        for (const index of ['using outbox_leased', 'using outbox_waiting', 'outbox_pkey']) expect(plan).toContain(index);
        // Nothing is sorted but what was claimed.
        expect(plan.match(/Sort {2}\(/g)).toHaveLength(1);
        expect(plan).not.toMatch(/Seq Scan on outbox(_1)? /);
        const marking = await planOf(`"admin-db.complete-outbox"('${nobodys.id}', '${nobodys.claimToken}', 1)`);
        expect(marking).toContain('using outbox_pkey on outbox');
      }
    } finally {
      await relay.close();
    }
  });
});
