import {
  activateAccount,
  beginStep,
  endStep,
  expirePlacements,
  openJob,
  rankClusters,
  registerCluster,
  releasePlacement,
  reservePlacement,
  setClusterState,
  setJobState,
  showJob,
  type AdminDb,
  type Candidate,
} from '../../adapters/admin-db/index.ts';
import { addCluster, paidAccount, rows, testVault, type PaidAccount } from '../support/admin-db-fixtures.ts';
import { seededRandom } from '../support/random.ts';
import { eventually } from '../support/eventually.ts';
import { openFreshDb } from '../support/postgres.ts';

const cluster = (clusterId: string, more: Partial<Candidate> = {}): Candidate => ({
  clusterId,
  weight: 1,
  isActive: true,
  status: 'ready',
  maxTenants: null,
  tenantCount: 0,
  ...more,
});
const UNFIT: [string, Partial<Candidate>, string][] = [
  ['inactive', { isActive: false }, 'inactive'],
  ['in error', { status: 'error' }, 'status:error'],
  ['in maintenance', { status: 'maintenance' }, 'status:maintenance'],
  ['being cloned', { status: 'cloning' }, 'status:cloning'],
  ['full', { maxTenants: 5, tenantCount: 5 }, 'full'],
  ['without weight', { weight: 0 }, 'no weight'],
];

describe('the draw', () => {
  test('P-506 P-736: over 1,000 draws each cluster gets its share of the weight (chi-square, 2 degrees, 99.9 %)', () => {
    const random = seededRandom(20_261_122);
    const clusters = [cluster('a', { weight: 1 }), cluster('b', { weight: 3 }), cluster('c', { weight: 6 })];
    const drawn = new Map<string, number>();
    for (let index = 0; index < 1_000; index += 1) {
      const first = rankClusters(clusters, random).eligible[0]!.clusterId;
      drawn.set(first, (drawn.get(first) ?? 0) + 1);
    }
    const chiSquare = clusters.reduce(
      (sum, { clusterId, weight }) => sum + ((drawn.get(clusterId) ?? 0) - weight * 100) ** 2 / (weight * 100),
      0,
    );
    expect(chiSquare).toBeLessThan(13.82);
  });

  test.each(UNFIT)('P-505 P-738: a cluster that is %s is never drawn, and the reason is kept', (_, more, reason) => {
    const random = seededRandom(7);
    for (let index = 0; index < 1_000; index += 1) {
      const { eligible, refused } = rankClusters([cluster('unfit', { weight: 1_000, ...more }), cluster('fit', { weight: 0.001 })], random);
      expect(eligible.map(({ clusterId }) => clusterId)).toEqual(['fit']);
      expect(refused).toEqual([expect.objectContaining({ clusterId: 'unfit', reason, score: null })]);
    }
  });

  test('P-506 P-737: a single eligible cluster is always drawn, whatever the random source says', () => {
    for (const value of [0, 0.5, 1 - 2 ** -53]) {
      expect(rankClusters([cluster('only')], () => value).eligible).toEqual([expect.objectContaining({ clusterId: 'only', reason: null })]);
    }
  });

  test('P-506: very small and very large weights neither overflow nor underflow', () => {
    const { eligible } = rankClusters([cluster('dust', { weight: 1e-9 }), cluster('sun', { weight: 1e9 })], seededRandom(3));
    expect(eligible.map(({ clusterId, reason }) => [clusterId, reason])).toEqual([
      ['sun', null],
      ['dust', 'drawn lower'],
    ]);
  });
});

describe('placement in the Admin DB', () => {
  let db: AdminDb;
  let close: () => Promise<void>;
  beforeEach(async () => {
    ({ db, close } = await openFreshDb({ max: 50 }));
  });
  afterEach(() => close());

  const reserve = ({ accountId, jobId }: PaidAccount, random?: () => number): ReturnType<typeof reservePlacement> =>
    reservePlacement(db, { accountId, jobId, ttlSeconds: 3_600, ...(random ? { random } : {}) });
  const counts = async (): Promise<Record<string, number>> =>
    Object.fromEntries(
      (await rows<{ cluster_id: string; tenant_count: number }>(db, 'select cluster_id, tenant_count from backend_clusters')).map((row) => [
        row.cluster_id,
        row.tenant_count,
      ]),
    );
  /** The counter is the truth of the placements, always. */
  const expectCountersRight = async (): Promise<void> => {
    expect(
      await rows(
        db,
        `select cluster_id from backend_clusters c where tenant_count <> (
      select count(*) from placements p where p.cluster_id = c.cluster_id and p.status in ('reserved', 'confirmed'))`,
      ),
    ).toEqual([]);
  };
  const stored = async (accountId: string): Promise<string | null> =>
    (await rows<{ backend_cluster_id: string | null }>(db, 'select backend_cluster_id from nv_accounts where id = $1', [accountId]))[0]!
      .backend_cluster_id;

  test('P-124: the slot, the assignment, the scores and the audit row come together', async () => {
    await addCluster(db, 'north', { weight: 3, maxTenants: 10 });
    await addCluster(db, 'south', { isActive: false });
    const account = await paidAccount(db);
    const result = await reserve(account);
    expect(result).toMatchObject({ clusterId: 'north', reused: false });
    expect(await stored(account.accountId)).toBe('north');
    expect(await counts()).toEqual({ north: 1, south: 0 });
    const { placement, candidates, job } = await showJob(db, account.jobId);
    expect(placement).toMatchObject({ clusterId: 'north', status: 'reserved' });
    expect(candidates).toEqual(result.candidates);
    expect(candidates).toEqual([
      expect.objectContaining({
        clusterId: 'north',
        weight: 3,
        maxTenants: 10,
        tenantCount: 0,
        score: expect.any(Number) as number,
        reason: null,
      }),
      expect.objectContaining({ clusterId: 'south', score: null, reason: 'inactive' }),
    ]);
    expect(job.clusterId).toBe('north');
    expect(
      await rows(db, "select to_value from lifecycle_events where account_id = $1 and event_type = 'cluster.assigned'", [
        account.accountId,
      ]),
    ).toEqual([{ to_value: 'north' }]);
  });

  test('P-731: 50 accounts race for the last slot: one gets it, the counter is right, nobody is half placed', async () => {
    await addCluster(db, 'tight', { maxTenants: 1 });
    const accounts = await Promise.all(Array.from({ length: 50 }, () => paidAccount(db, { logo: null, catalog: [] })));
    const results = await Promise.all(accounts.map((account) => reserve(account)));
    expect(results.filter(({ clusterId }) => clusterId === 'tight')).toHaveLength(1);
    expect(results.filter(({ clusterId }) => clusterId === null)).toHaveLength(49);
    expect(await counts()).toEqual({ tight: 1 });
    await expectCountersRight();
    expect(await rows(db, 'select 1 from nv_accounts where backend_cluster_id is not null')).toHaveLength(1);
    for (const { candidates, clusterId } of results) {
      if (clusterId === null) expect(['full', 'taken meanwhile']).toContain(candidates[0]?.reason);
    }
  });

  test('P-731: 50 accounts fill two clusters of 20 exactly; who finds one full goes to the other', async () => {
    await addCluster(db, 'east', { maxTenants: 20, weight: 9 });
    await addCluster(db, 'west', { maxTenants: 20, weight: 1 });
    const accounts = await Promise.all(Array.from({ length: 50 }, () => paidAccount(db, { logo: null, catalog: [] })));
    const results = await Promise.all(accounts.map((account) => reserve(account)));
    expect(results.filter(({ clusterId }) => clusterId === null)).toHaveLength(10);
    expect(await counts()).toEqual({ east: 20, west: 20 });
    await expectCountersRight();
  });

  test('P-124 P-062: parallel attempts of one account end with one cluster and one slot', async () => {
    await addCluster(db, 'east');
    await addCluster(db, 'west');
    const account = await paidAccount(db);
    const results = await Promise.all(Array.from({ length: 12 }, () => reserve(account)));
    expect(new Set(results.map(({ clusterId }) => clusterId))).toEqual(new Set([await stored(account.accountId)]));
    expect(Object.values(await counts()).reduce((sum, count) => sum + count)).toBe(1);
    await expectCountersRight();
  });

  test('P-124 P-062: two attempts that drew different clusters before either took a slot end with one cluster and one slot', async () => {
    await addCluster(db, 'east');
    await addCluster(db, 'west');
    const account = await paidAccount(db);
    let attempts: ReturnType<typeof reserve>[] = [];
    await db.tx('test.hold', async (tx) => {
      await tx.query({ name: 'test.hold', text: 'select 1 from nv_accounts where id = $1 for update', values: [account.accountId] });
      // The first number decides: a low one gives the greater key.
      const drawing =
        (...numbers: number[]) =>
        () =>
          numbers.shift() ?? 0;
      attempts = [reserve(account, drawing(0, 0.9)), reserve(account, drawing(0.9, 0))];
      await eventually(async () => {
        const waiting = await rows(db, "select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
        return waiting.length === 2;
      }, 'two attempts that wait for the account');
    });
    const [one, two] = await Promise.all(attempts);
    expect(one?.clusterId).toBe(two?.clusterId);
    expect([one?.reused, two?.reused].sort()).toEqual([false, true]);
    expect(await stored(account.accountId)).toBe(one?.clusterId);
    expect(Object.values(await counts()).sort()).toEqual([0, 1]);
    await expectCountersRight();
  });

  test('P-062 P-735: the stored cluster wins over a draw that would now choose another, and over its deactivation', async () => {
    await addCluster(db, 'east');
    const account = await paidAccount(db);
    await reserve(account);
    await addCluster(db, 'west', { weight: 1_000_000 });
    await setClusterState(db, 'east', { isActive: false, actor: 'ana', reason: 'test' });
    expect(await reserve(account)).toMatchObject({ clusterId: 'east', reused: true });
    expect(await counts()).toEqual({ east: 1, west: 0 });
  });

  test('P-510 P-063: a cluster that was just deactivated, or is in maintenance, gets no new tenant', async () => {
    await addCluster(db, 'east');
    await setClusterState(db, 'east', { isActive: false, actor: 'ana', reason: 'test' });
    expect(await reserve(await paidAccount(db))).toMatchObject({ clusterId: null });
    await setClusterState(db, 'east', { isActive: true, status: 'maintenance', actor: 'ana', reason: 'test' });
    const account = await paidAccount(db);
    expect(await reserve(account)).toMatchObject({
      clusterId: null,
      candidates: [expect.objectContaining({ reason: 'status:maintenance' })],
    });
    expect((await showJob(db, account.jobId)).candidates).toEqual([expect.objectContaining({ reason: 'status:maintenance' })]);
    await setClusterState(db, 'east', { status: 'ready', actor: 'ana', reason: 'test' });
    expect(await reserve(account)).toMatchObject({ clusterId: 'east' });
  });

  test('P-158: an undo frees the slot and clears the assignment, once; a foreign job frees nothing', async () => {
    await addCluster(db, 'east');
    const account = await paidAccount(db);
    await reserve(account);
    const other = await paidAccount(db);
    expect(await releasePlacement(db, account.accountId, other.jobId)).toBe('none');
    expect(await releasePlacement(db, account.accountId, account.jobId)).toBe('released');
    expect(await releasePlacement(db, account.accountId, account.jobId)).toBe('none');
    expect(await stored(account.accountId)).toBeNull();
    expect(await counts()).toEqual({ east: 0 });
    expect(
      await rows(db, "select from_value from lifecycle_events where account_id = $1 and event_type = 'cluster.released'", [
        account.accountId,
      ]),
    ).toEqual([{ from_value: 'east' }]);
  });

  test('P-158: while the client on the cluster is not cleaned up the assignment stays; afterwards it goes', async () => {
    await addCluster(db, 'east');
    const account = await paidAccount(db);
    await reserve(account);
    const step = { jobId: account.jobId, step: 'upsert-client', runId: 'r', activityId: '1', local: false } as const;
    await beginStep(db, { ...step, undo: false });
    await beginStep(db, { ...step, undo: true });
    await endStep(db, { ...step, undo: true, outcome: 'failed', code: 'CLUSTER_UNREACHABLE', message: 'down' });
    expect(await releasePlacement(db, account.accountId, account.jobId)).toBe('kept');
    expect([await stored(account.accountId), await counts()]).toEqual(['east', { east: 1 }]);
    await beginStep(db, { ...step, undo: true });
    await endStep(db, { ...step, undo: true, outcome: 'done' });
    expect(await releasePlacement(db, account.accountId, account.jobId)).toBe('released');
    expect([await stored(account.accountId), await counts()]).toEqual([null, { east: 0 }]);
  });

  test('P-124: a straggler of an undone or ended job takes no slot', async () => {
    await addCluster(db, 'east');
    const account = await paidAccount(db);
    for (const state of ['compensating', 'compensated'] as const) {
      await setJobState(db, account.jobId, { state });
      await expect(reserve(account)).rejects.toMatchObject({ code: 'CONFLICT' });
    }
    expect(await counts()).toEqual({ east: 0 });
  });

  test('P-124: a reservation that ran out is freed, unless something may stand on the cluster', async () => {
    await addCluster(db, 'east');
    const [idle, begun, fresh] = [await paidAccount(db), await paidAccount(db), await paidAccount(db)];
    for (const account of [idle, begun, fresh]) await reserve(account);
    await beginStep(db, { jobId: begun.jobId, step: 'upsert-client', undo: false, runId: 'r', activityId: '1', local: false });
    await db.pool.query("update placements set expires_at = now() - interval '1 second' where account_id = any($1)", [
      [idle.accountId, begun.accountId],
    ]);
    expect(await expirePlacements(db)).toBe(1);
    expect(await expirePlacements(db)).toBe(0);
    expect(await Promise.all([idle, begun, fresh].map(({ accountId }) => stored(accountId)))).toEqual([null, 'east', 'east']);
    expect(await counts()).toEqual({ east: 2 });
    await expectCountersRight();
    expect(await reserve(idle)).toMatchObject({ clusterId: 'east', reused: false });
  });

  test('P-062: a later job of an account whose client was left behind takes its slot on the same cluster, even an inactive one', async () => {
    await addCluster(db, 'east');
    const account = await paidAccount(db);
    await reserve(account);
    await beginStep(db, { jobId: account.jobId, step: 'upsert-client', undo: false, runId: 'r', activityId: '1', local: false });
    await setJobState(db, account.jobId, { state: 'failed', code: 'INTERNAL', message: 'terminated' });
    await addCluster(db, 'west', { weight: 1_000_000 });
    await setClusterState(db, 'east', { isActive: false, actor: 'ana', reason: 'test' });
    const { jobId } = await openJob(db, { accountId: account.accountId, paymentId: account.paymentId, workflowId: 'w' });
    expect(await reserve({ ...account, jobId })).toMatchObject({ clusterId: 'east', reused: true });
    expect(await counts()).toEqual({ east: 1, west: 0 });
  });

  test('P-124: the slot of a live store is not given back by an undo', async () => {
    await addCluster(db, 'east');
    const account = await paidAccount(db);
    await reserve(account);
    await activateAccount(db, { ...account, clusterId: 'east', clientId: account.accountId, actor: 'test' });
    await expect(releasePlacement(db, account.accountId, account.jobId)).rejects.toMatchObject({ code: 'CONFLICT' });
    expect([await stored(account.accountId), await counts()]).toEqual(['east', { east: 1 }]);
  });

  test('P-509: a new address or key of a cluster is a new revision and keeps its tenants, weight and limit', async () => {
    await addCluster(db, 'east', { weight: 4, maxTenants: 7 });
    await reserve(await paidAccount(db));
    const again = { clusterId: 'east', displayName: 'East', url: 'http://new.example.com', serviceKey: 'new', publishableKey: 'p' };
    expect(await registerCluster(db, testVault, again)).toBe(2);
    expect(await rows(db, 'select weight, max_tenants, tenant_count, is_active from backend_clusters')).toEqual([
      { weight: 4, max_tenants: 7, tenant_count: 1, is_active: true },
    ]);
  });
});
