import { randomUUID } from 'node:crypto';
import {
  activateAccount,
  expirePlacements,
  listLifecycleEvents,
  openJob,
  reservePlacement,
  setJobState,
  showJob,
  type AdminDb,
} from '../../adapters/admin-db/index.ts';
import { outboxPayloadSchema } from '../../contract/outbox.ts';
import { addCluster, draftAccount, paidAccount, rows, type PaidAccount } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

let db: AdminDb;
let close: () => Promise<void>;
beforeEach(async () => {
  ({ db, close } = await openFreshDb({ max: 20 }));
  await addCluster(db, 'east', { maxTenants: 2 });
});
afterEach(() => close());

async function readyAccount(): Promise<PaidAccount> {
  const account = await paidAccount(db);
  await reservePlacement(db, { ...account, ttlSeconds: 3_600 });
  return account;
}
const activate = ({ accountId, jobId }: PaidAccount): Promise<{ version: number }> =>
  activateAccount(db, { accountId, jobId, clusterId: 'east', clientId: randomUUID(), actor: 'alta' });

interface Facts {
  status: string;
  version: number;
  placement: string | null;
  activated: boolean;
  subscription: string;
  events: number;
  audits: number;
}
const facts = async ({ accountId, jobId }: PaidAccount): Promise<Facts> =>
  (
    await rows<Facts>(
      db,
      `select a.status, a.version::int, (select status from placements where account_id = a.id order by reserved_at desc limit 1) as placement,
     (select activated_at is not null from provisioning_jobs where id = $2) as activated, (select status from subscriptions where account_id = a.id) as subscription,
     (select count(*)::int from outbox where account_id = a.id) as events,
     (select count(*)::int from lifecycle_events where account_id = a.id and to_value = 'provisioned') as audits
   from nv_accounts a where a.id = $1`,
      [accountId, jobId],
    )
  )[0]!;

describe('activation', () => {
  test('P-133: status, slot, job, subscription, audit and event change together, and the event has a valid payload', async () => {
    const account = await readyAccount();
    const before = await facts(account);
    const { version } = await activate(account);
    expect(version).toBe(before.version + 1);
    expect(await facts(account)).toEqual({
      status: 'provisioned',
      version,
      placement: 'confirmed',
      activated: true,
      subscription: 'active',
      events: 1,
      audits: 1,
    });
    const [event] = await rows<{ event_key: string; target: string; payload: unknown }>(
      db,
      'select event_key, target, payload from outbox',
    );
    expect(event).toMatchObject({ event_key: `account.created/${account.accountId}`, target: 'account' });
    expect(outboxPayloadSchema.parse(event?.payload)).toMatchObject({ type: 'account.created', accountId: account.accountId, version });
    expect((await listLifecycleEvents(db, account.accountId)).at(-1)).toMatchObject({
      type: 'status.changed',
      from: 'paid',
      to: 'provisioned',
      actor: 'alta',
    });
    expect((await showJob(db, account.jobId)).job).toMatchObject({
      activatedAt: expect.any(String) as string,
      clusterId: 'east',
      clientId: expect.any(String) as string,
    });
  });

  test.each(['outbox', 'lifecycle_events', 'placements', 'provisioning_jobs', 'nv_accounts', 'subscriptions'])(
    'P-133: when the write to %s fails nothing of it is visible',
    async (table) => {
      const account = await readyAccount();
      const before = await facts(account);
      await db.pool.query("create function broken() returns trigger language plpgsql as $$ begin raise exception 'broken'; end $$");
      await db.pool.query(`create trigger zz_broken before insert or update on ${table} for each row execute function broken()`);
      await expect(activate(account)).rejects.toMatchObject({ code: 'ADMIN_DB_REJECTED' });
      expect(await facts(account)).toEqual(before);
      await db.pool.query(`drop trigger zz_broken on ${table}`);
      await activate(account);
      expect(await facts(account)).toMatchObject({ status: 'provisioned', events: 1, audits: 1 });
    },
  );

  test('P-133: repeated and parallel activations answer one version and leave one event and one audit row', async () => {
    const account = await readyAccount();
    const answers = await Promise.all(Array.from({ length: 10 }, () => activate(account)));
    const { version } = await activate(account);
    expect(new Set(answers.map((answer) => answer.version))).toEqual(new Set([version]));
    await db.pool.query("update nv_accounts set phone = 'later' where id = $1", [account.accountId]);
    expect(await activate(account)).toEqual({ version });
    expect(await facts(account)).toMatchObject({ version: version + 1, events: 1, audits: 1 });
  });

  test('P-133 P-121: a run after a failed one activates too', async () => {
    const account = await readyAccount();
    await db.pool.query("update nv_accounts set status = 'provision_failed' where id = $1", [account.accountId]);
    await activate(account);
    expect(await facts(account)).toMatchObject({ status: 'provisioned', audits: 1 });
  });

  test('a straggler of a job that is being undone, or has ended, activates nothing', async () => {
    for (const state of ['compensating', 'failed'] as const) {
      const account = await readyAccount();
      await setJobState(db, account.jobId, { state });
      await expect(activate(account)).rejects.toMatchObject({ code: 'CONFLICT' });
      expect(await facts(account)).toMatchObject({ status: 'paid', activated: false, events: 0 });
    }
  });

  test('an account that is not paid, is not there, or belongs to another job does not go live', async () => {
    const { accountId } = await draftAccount(db);
    const { jobId } = await openJob(db, { accountId, paymentId: '1', workflowId: 'w' });
    await expect(activate({ accountId, jobId, slug: '', paymentId: '1' })).rejects.toMatchObject({ code: 'ACCOUNT_STATE_INVALID' });
    await expect(activate({ accountId: randomUUID(), jobId, slug: '', paymentId: '1' })).rejects.toMatchObject({
      code: 'ACCOUNT_NOT_FOUND',
    });
    const account = await readyAccount();
    await expect(activate({ ...account, jobId })).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('P-124: a reservation that ran out is taken again on the same cluster; only a full one loses it', async () => {
    const [slow, late] = [await readyAccount(), await readyAccount()];
    await db.pool.query("update placements set expires_at = now() - interval '1 second'");
    expect(await expirePlacements(db)).toBe(2);
    await activate(slow);
    expect(await facts(slow)).toMatchObject({ status: 'provisioned', placement: 'confirmed' });
    await readyAccount();
    await expect(activate(late)).rejects.toMatchObject({ code: 'PLACEMENT_LOST' });
    expect(await facts(late)).toMatchObject({ status: 'paid', activated: false });
    await db.pool.query('update backend_clusters set max_tenants = 3');
    await activate(late);
    expect(await rows(db, 'select tenant_count from backend_clusters')).toEqual([{ tenant_count: 3 }]);
  });

  test('two open stores never share a domain: the second stops at its activation with a clear code', async () => {
    const accounts = [
      await paidAccount(db, { customDomain: 'one.example.com' }),
      await paidAccount(db, { customDomain: 'one.example.com' }),
    ];
    for (const account of accounts) await reservePlacement(db, { ...account, ttlSeconds: 60 });
    await activate(accounts[0]!);
    await expect(activate(accounts[1]!)).rejects.toMatchObject({
      code: 'CONFLICT',
      message: expect.stringContaining('custom_domain') as string,
    });
  });
});
