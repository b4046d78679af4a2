import {
  beginStep,
  endStep,
  listJobs,
  openJob,
  recordDecision,
  setJobState,
  showJob,
  type AdminDb,
  type BeginStep,
} from '../../adapters/admin-db/index.ts';
import { FINAL_JOB_STATES, JOB_STATES, type StepName } from '../../contract/steps.ts';
import { draftAccount, paidAccount, rows } from '../support/admin-db-fixtures.ts';
import { openFreshDb } from '../support/postgres.ts';

let db: AdminDb;
let close: () => Promise<void>;
beforeAll(async () => {
  ({ db, close } = await openFreshDb({ max: 30 }));
});
afterAll(() => close());

const step = (jobId: string, name: StepName, undo = false): BeginStep => ({
  jobId,
  step: name,
  undo,
  runId: 'run-1',
  activityId: '7',
  local: true,
});
const stateOf = async (jobId: string): Promise<string> => (await showJob(db, jobId)).job.state;

describe('jobs', () => {
  test('P-108 P-111: twenty openings at once of one account are one job', async () => {
    const { accountId } = await draftAccount(db);
    const opened = await Promise.all(Array.from({ length: 20 }, () => openJob(db, { accountId, paymentId: '1', workflowId: 'w' })));
    expect(opened.filter(({ created }) => created)).toHaveLength(1);
    expect(new Set(opened.map(({ jobId }) => jobId)).size).toBe(1);
    expect(await listJobs(db, { state: 'queued', limit: 100 })).toEqual(
      expect.arrayContaining([expect.objectContaining({ accountId, attempt: 1 })]),
    );
  });

  test('P-121: after a job has ended the next one is the next attempt; a live one tells which payment it is for', async () => {
    const { accountId, jobId, paymentId } = await paidAccount(db);
    expect(await openJob(db, { accountId, paymentId: '999', workflowId: 'w' })).toEqual({ jobId, attempt: 1, created: false, paymentId });
    await setJobState(db, jobId, { state: 'compensated', code: 'SLUG_TAKEN', message: 'taken' });
    expect(await openJob(db, { accountId, paymentId: '999', workflowId: 'w' })).toMatchObject({
      attempt: 2,
      created: true,
      paymentId: '999',
    });
  });

  test('P-162: a job that waits for a cluster is shown as waiting through every further search, until a step beyond it begins', async () => {
    const { jobId } = await paidAccount(db);
    await beginStep(db, step(jobId, 'reserve-placement'));
    await setJobState(db, jobId, { state: 'waiting', code: 'NO_ELIGIBLE_CLUSTER', message: 'none' });
    for (const name of ['reserve-placement', 'verify-payment', 'claim-slug', 'reserve-placement'] as const) {
      await beginStep(db, step(jobId, name));
      await endStep(db, { jobId, step: name, undo: false, outcome: 'done' });
      expect((await showJob(db, jobId)).job).toMatchObject({ state: 'waiting', code: 'NO_ELIGIBLE_CLUSTER' });
    }
    await beginStep(db, step(jobId, 'upsert-client'));
    expect((await showJob(db, jobId)).job).toMatchObject({ state: 'running', code: null });
  });

  test.each(FINAL_JOB_STATES)('P-012: a job that ended as %s never becomes anything else, by no way', async (final) => {
    const { jobId } = await paidAccount(db);
    expect(await setJobState(db, jobId, { state: final, code: 'INTERNAL', message: 'first' })).toBe(true);
    for (const state of JOB_STATES) {
      expect(await setJobState(db, jobId, { state, code: 'CONFLICT', message: 'second' })).toBe(state === final);
      if (state !== final)
        await expect(
          db.query({ name: 'test.force', text: 'update provisioning_jobs set status = $2 where id = $1', values: [jobId, state] }),
        ).rejects.toMatchObject({ code: 'CONFLICT' });
    }
    expect(await beginStep(db, step(jobId, 'verify-payment'))).toBe(0);
    const { job, steps } = await showJob(db, jobId);
    expect(job).toMatchObject({ state: final, message: 'first', completedAt: expect.any(String) as string });
    expect(steps).toEqual([]);
  });

  test('P-112: jobs that wait for their start too long can be found', async () => {
    const { jobId } = await paidAccount(db);
    await db.pool.query("update provisioning_jobs set created_at = now() - interval '3 minutes' where id = $1", [jobId]);
    await paidAccount(db);
    const late = await listJobs(db, { state: 'queued', limit: 100, olderThanSeconds: 120 });
    expect(late.map((job) => job.jobId)).toEqual([jobId]);
  });

  test('a parked job shows its step and deadline, goes on when that step begins again, and stays parked while another works', async () => {
    const { jobId } = await paidAccount(db);
    await beginStep(db, step(jobId, 'seed-content'));
    const deadline = new Date(Date.now() + 3_600_000).toISOString();
    await setJobState(db, jobId, { state: 'parked', code: 'CLUSTER_UNREACHABLE', message: 'down', parkedStep: 'seed-content', deadline });
    await beginStep(db, step(jobId, 'sync-entitlements'));
    expect((await showJob(db, jobId)).job).toMatchObject({
      state: 'parked',
      parkedStep: 'seed-content',
      deadline,
      code: 'CLUSTER_UNREACHABLE',
    });
    await beginStep(db, step(jobId, 'seed-content'));
    expect((await showJob(db, jobId)).job).toMatchObject({ state: 'running', parkedStep: null, deadline: null });
  });

  test('a job that activated its account is never marked as undone', async () => {
    const { jobId } = await paidAccount(db);
    await db.pool.query('update provisioning_jobs set activated_at = now() where id = $1', [jobId]);
    for (const state of ['compensating', 'compensated', 'rejected'] as const) expect(await setJobState(db, jobId, { state })).toBe(false);
    expect(await setJobState(db, jobId, { state: 'completed' })).toBe(true);
  });

  test('operator decisions are kept with who and why, and shown with the job', async () => {
    const { jobId, accountId, slug } = await paidAccount(db);
    await recordDecision(db, { jobId, step: 'notify', action: 'skip', actor: 'ana', reason: 'told by phone' });
    const decisions = [expect.objectContaining({ step: 'notify', action: 'skip', actor: 'ana', reason: 'told by phone' })];
    for (const key of [jobId, accountId, slug]) expect(await showJob(db, key)).toMatchObject({ decisions, job: { jobId } });
    await expect(
      recordDecision(db, { jobId: '00000000-0000-4000-8000-000000000009', step: null, action: 'retry', actor: 'a', reason: 'b' }),
    ).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(showJob(db, 'no-such-slug')).rejects.toMatchObject({ code: 'NOT_FOUND' });
  });
});

describe('steps', () => {
  test('P-013 P-117: a step tells its attempts, its error and its end; the job runs with the first', async () => {
    const { jobId } = await paidAccount(db);
    expect(await beginStep(db, step(jobId, 'upsert-client'))).toBe(1);
    expect(await stateOf(jobId)).toBe('running');
    expect(
      await endStep(db, { ...step(jobId, 'upsert-client'), outcome: 'failed', code: 'CLUSTER_UNREACHABLE', message: 'no answer' }),
    ).toBe(true);
    expect((await showJob(db, jobId)).steps).toEqual([
      expect.objectContaining({ state: 'failed', attempt: 1, code: 'CLUSTER_UNREACHABLE', message: 'no answer', local: true }),
    ]);
    expect(await beginStep(db, step(jobId, 'upsert-client'))).toBe(2);
    expect(await endStep(db, { ...step(jobId, 'upsert-client'), outcome: 'done', result: { created: true } })).toBe(true);
    expect((await showJob(db, jobId)).steps).toEqual([
      expect.objectContaining({
        step: 'upsert-client',
        state: 'done',
        attempt: 2,
        code: null,
        result: { created: true },
        startedAt: expect.any(String) as string,
        finishedAt: expect.any(String) as string,
      }),
    ]);
  });

  test('P-117: twenty steps of a wave that begin at once are all written, and the job runs', async () => {
    const { jobId } = await paidAccount(db);
    const wave: StepName[] = ['create-admin-user', 'sync-mp-credentials', 'seed-content', 'migrate-assets', 'sync-entitlements'];
    const attempts = await Promise.all([...wave, ...wave, ...wave, ...wave].map((name) => beginStep(db, step(jobId, name))));
    expect(attempts.sort()).toEqual([1, 2, 3, 4].flatMap((attempt) => wave.map(() => attempt)));
    const { job, steps } = await showJob(db, jobId);
    expect(job.state).toBe('running');
    expect(steps.map(({ attempt }) => attempt)).toEqual([4, 4, 4, 4, 4]);
  });

  test('P-117: a try that ends after a newer one began changes nothing', async () => {
    const { jobId } = await paidAccount(db);
    const first = await beginStep(db, step(jobId, 'upsert-client'));
    const second = await beginStep(db, step(jobId, 'upsert-client'));
    expect(
      await endStep(db, { ...step(jobId, 'upsert-client'), outcome: 'failed', code: 'INTERNAL', message: 'late', attempt: first }),
    ).toBe(false);
    expect(await endStep(db, { ...step(jobId, 'upsert-client'), outcome: 'done', attempt: second })).toBe(true);
    expect(await endStep(db, { ...step(jobId, 'upsert-client'), outcome: 'failed', code: 'INTERNAL', message: 'late' })).toBe(false);
    expect((await showJob(db, jobId)).steps[0]?.state).toBe('done');
  });

  test('P-160 P-159: an undo that fails is visible, can be tried again, keeps the error of the step, and no straggler does the step anew', async () => {
    const { jobId } = await paidAccount(db);
    await beginStep(db, step(jobId, 'upsert-client'));
    await endStep(db, { ...step(jobId, 'upsert-client'), outcome: 'failed', code: 'CLUSTER_REJECTED', message: '23514' });
    expect(await beginStep(db, step(jobId, 'upsert-client', true))).toBe(1);
    expect(await stateOf(jobId)).toBe('compensating');
    expect(
      await endStep(db, { ...step(jobId, 'upsert-client', true), outcome: 'failed', code: 'CLUSTER_UNREACHABLE', message: 'down' }),
    ).toBe(true);
    expect((await showJob(db, jobId)).steps[0]).toMatchObject({ state: 'compensation_failed', code: 'CLUSTER_UNREACHABLE' });
    expect(await beginStep(db, step(jobId, 'upsert-client', true))).toBe(2);
    expect(await beginStep(db, step(jobId, 'upsert-client'))).toBe(0);
    expect(await endStep(db, { ...step(jobId, 'upsert-client'), outcome: 'done' })).toBe(false);
    expect(await endStep(db, { ...step(jobId, 'upsert-client', true), outcome: 'done' })).toBe(true);
    expect((await showJob(db, jobId)).steps[0]).toMatchObject({ state: 'compensated', undoAttempt: 2, attempt: 1 });
    expect(await setJobState(db, jobId, { state: 'compensated' })).toBe(true);
  });

  test('P-128: a step that is skipped without having begun has a row that says so', async () => {
    const { jobId } = await paidAccount(db);
    expect(await endStep(db, { ...step(jobId, 'notify'), outcome: 'done' })).toBe(false);
    expect(await endStep(db, { ...step(jobId, 'notify'), outcome: 'skipped' })).toBe(true);
    expect((await showJob(db, jobId)).steps).toEqual([expect.objectContaining({ step: 'notify', state: 'skipped' })]);
  });

  test('P-013: a step of an unknown job is an error; one row per job and step', async () => {
    await expect(beginStep(db, step('00000000-0000-4000-8000-000000000009', 'notify'))).rejects.toMatchObject({ code: 'NOT_FOUND' });
    const { jobId } = await paidAccount(db);
    await beginStep(db, step(jobId, 'notify'));
    await expect(
      db.query({
        name: 'test.second',
        text: "insert into provisioning_job_steps (job_id, step, status) values ($1, 'notify', 'running')",
        values: [jobId],
      }),
    ).rejects.toMatchObject({ code: 'ADMIN_DB_REJECTED' });
    expect(await rows(db, 'select 1 from provisioning_job_steps where job_id = $1', [jobId])).toHaveLength(1);
  });
});
