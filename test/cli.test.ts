import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Worker } from '@temporalio/worker';
import { dataConverter } from '../adapters/temporal/index.ts';
import { onboardingWorkflowId, taskQueue } from '../contract/ids.ts';
import type { JobDetails, JobRow, ReplayReport } from '../client/index.ts';
import { updateIdOf } from '../client/operations/resolve.ts';
import { createProgressView, progressLines } from '../client/cli/progress-view.ts';
import { installFaults, type Faults } from './support/faults.ts';
import { startWorld, type World } from './support/world.ts';

const MAIN = fileURLToPath(new URL('../client/cli/main.ts', import.meta.url));
const OTHER = fileURLToPath(new URL('./support/workflows/other-onboarding.ts', import.meta.url));

interface Outcome {
  code: number;
  out: string;
  err: string;
}

/** Runs `alta` as a process of its own, as an operator does. */
const alta = (env: Record<string, string>, ...args: string[]): Promise<Outcome> =>
  new Promise((resolve) => {
    const clean = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '', NO_COLOR: '1', NODE_NO_WARNINGS: '1', ...env };
    execFile(process.execPath, [MAIN, ...args], { env: clean }, (error, out, err) => {
      resolve({ code: error === null ? 0 : Number(error.code), out, err });
    });
  });

let world: World;
let faults: Faults;
const run = (...args: string[]): Promise<Outcome> => alta(world.env, ...args);

beforeAll(async () => {
  world = await startWorld();
  faults = installFaults();
});
afterEach(() => faults.clear());
afterAll(async () => {
  faults.remove();
  await world.close();
});

describe('alta onboardings', () => {
  test('P-120 watch follows a run to its end; list and show tell the story afterwards, with no secret in it', async () => {
    const order = await world.checkout();
    await world.pay(order);
    await world.job(order.accountId, 'queued', 'running', 'completed');
    const watched = await run('onboardings', 'watch', order.slug);
    expect(watched).toMatchObject({ code: 0, err: '' });
    expect(watched.out).toContain('activate: done');
    expect(watched.out.trimEnd().split('\n').at(-1)).toBe(`onboarding ${order.accountId}: completed`);

    const jobs = JSON.parse((await run('onboardings', 'list', '--json')).out) as JobRow[];
    expect(jobs.find(({ accountId }) => accountId === order.accountId)).toMatchObject({ state: 'completed', slug: order.slug });
    const shown = await run('onboardings', 'show', order.accountId, '--json');
    const details = JSON.parse(shown.out) as JobDetails;
    expect(details.payment).toMatchObject({ status: 'approved', verdict: 'accepted' });
    expect(details.steps.map(({ state }) => state)).not.toContain('failed');
    const human = await run('onboardings', 'show', order.slug);
    expect(human.out).toContain('✓ activate');
    expect(shown.out + human.out).not.toContain(order.merchantToken);
  });

  test('P-121 resolve sends the decision, which stands in the record once; a second one about nothing is refused with the reason', async () => {
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_UNAUTHORIZED' });
    const order = await world.checkout();
    await world.pay(order);
    const { id } = await world.job(order.accountId, 'parked');
    const attention = await run('onboardings', 'show', order.slug);
    expect(attention.out).toContain('needs attention');
    faults.clear();
    const decided = await run('onboardings', 'resolve', order.slug, 'retry', '--reason', 'the key was replaced', '--actor', 'ana');
    expect(decided).toMatchObject({ code: 0, out: 'retry: seed-content\n' });
    await world.job(order.accountId, 'completed');
    expect(await world.sql('select action, actor, reason from operator_actions where job_id = $1', [id])).toEqual([
      { action: 'retry', actor: 'ana', reason: 'the key was replaced' },
    ]);
    const late = await run('onboardings', 'resolve', order.slug, 'retry', '--reason', 'again', '--json');
    expect(late.code).toBe(1);
    expect(JSON.parse(late.err)).toMatchObject({ code: 'RESOLVE_REFUSED' });
  });

  test('P-121 after a compensation, retry starts a clean attempt of the same account', async () => {
    faults.at('cluster.seed-content', { mode: 'fail-before', code: 'CLUSTER_REJECTED' });
    const order = await world.checkout();
    await world.pay(order);
    await world.job(order.accountId, 'compensated');
    faults.clear();
    const answer = await run('onboardings', 'retry', order.slug, '--reason', 'the data was corrected', '--json');
    expect(answer.err).toBe('');
    expect(JSON.parse(answer.out)).toMatchObject({ accountId: order.accountId, attempt: 2 });
    expect((await run('onboardings', 'watch', order.slug)).code).toBe(0);
    expect(await world.stores(order.accountId)).toHaveLength(1);
    const again = await run('onboardings', 'retry', order.slug, '--reason', 'once more', '--json');
    expect(JSON.parse(again.err)).toMatchObject({ code: 'RESOLVE_REFUSED' });
  });
});

describe('alta replay', () => {
  test("a run of today replays on today's code: exit 0", async () => {
    const order = await world.checkout();
    await world.pay(order);
    await world.job(order.accountId, 'completed');
    await world.handle(order.accountId).result();
    const { code, out } = await run('replay', onboardingWorkflowId(order.accountId), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(out) as ReplayReport).toMatchObject({ workflowType: 'onboarding', same: true, difference: null });
  });

  test('a run of other code does not, and is told where it differs: exit 1', async () => {
    const queue = `${world.config.ALTA_QUEUE_PREFIX}other-${taskQueue('provisioning')}`;
    const worker = await Worker.create({
      connection: world.native,
      taskQueue: queue,
      workflowsPath: OTHER,
      dataConverter: dataConverter(world.config),
    });
    const workflowId = `onboarding/other-${world.config.ALTA_QUEUE_PREFIX}`;
    await worker.runUntil(world.temporal.workflow.execute('onboarding', { workflowId, taskQueue: queue }));
    const { code, out } = await run('replay', workflowId);
    expect(code).toBe(1);
    expect(out).toContain('differs');
  });
});

describe('alta and the person who types it', () => {
  test('clusters are listed without keys, and set with a reason', async () => {
    const listed = await run('clusters', 'list', '--json');
    expect(listed.out).not.toContain(world.clusterFacts[0]!.secretKey);
    const set = await run('clusters', 'set', 'south', '--weight', '2', '--reason', 'more room');
    expect(set.out).toContain('weight 2');
    expect((await run('clusters', 'set', 'nowhere', '--weight', '2', '--reason', 'x')).code).toBe(1);
  });

  test('P-617 exit 2 for a wrong command line or setting, by name; 1 for what is not there', async () => {
    expect((await run('onboardings', 'resolve', 'a', 'explode', '--reason', 'x')).code).toBe(2);
    expect((await run('onboardings', 'resolve', 'a', 'retry')).code).toBe(2);
    const missing = await alta({ ...world.env, ADMIN_DATABASE_URL: 'not-a-url' }, 'onboardings', 'list');
    expect(missing.code).toBe(2);
    expect(missing.err).toContain('ADMIN_DATABASE_URL');
    const nobody = await run('onboardings', 'show', 'no-such-store');
    expect(nobody.code).toBe(1);
    expect(nobody.err).toContain('NOT_FOUND');
    expect((await run('--help')).code).toBe(0);
  });

  test('migrate on a database that is up to date has nothing to do', async () => {
    expect(await run('migrate')).toMatchObject({ code: 0, out: 'nothing to apply\n' });
  });
});

test('the update id is stable for one stop of a run, and another for the next stop of the same step', () => {
  const stop = (since: string) => ({
    jobId: 'j',
    parked: [{ step: 'seed-content' as const, undo: false, code: 'INTERNAL', message: '', since, deadline: '' }],
  });
  const command = { action: 'retry' as const, actor: 'a', reason: 'r' };
  expect(updateIdOf(command, stop('t1'))).toBe(updateIdOf({ ...command, step: 'seed-content', actor: 'b' }, stop('t1')));
  expect(updateIdOf(command, stop('t1'))).not.toBe(updateIdOf(command, stop('t2')));
  expect(updateIdOf(command, stop('t1'))).not.toBe(updateIdOf({ ...command, action: 'compensate' }, stop('t1')));
});

test('on a terminal the progress list is drawn over itself and never wraps', () => {
  const written: string[] = [];
  const stream = { isTTY: true, columns: 40, write: (text: string) => written.push(text) > 0 } as unknown as NodeJS.WriteStream;
  const view = createProgressView(stream);
  const details = {
    job: { businessName: 'B'.repeat(80), slug: 'b', state: 'running', clusterId: null, parkedStep: null },
    steps: [],
  } as unknown as JobDetails;
  view.show(details);
  view.show(details);
  expect(written[1]).toContain('\u001b[14A');
  for (const line of written[0]!.replace(/\u001b\[\d+[mJA]/g, '').split('\n')) expect(line.length).toBeLessThanOrEqual(40);
});

test('the progress list names every step once, begun or not', () => {
  const details = {
    job: { businessName: 'B', slug: 'b', state: 'running', clusterId: null, parkedStep: null },
    steps: [],
  } as unknown as JobDetails;
  expect(progressLines(details)).toHaveLength(14);
});
