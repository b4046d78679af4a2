import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DeploymentStatus, StalledRun } from '../../client/index.ts';
import { accountWorkflowId } from '../../contract/ids.ts';
import { buildBundle } from '../../worker/bundle.ts';
import { startAlta, type AltaProcess } from '../support/alta-process.ts';
import { runAlta } from '../support/alta-cli.ts';
import { eventually } from '../support/eventually.ts';
import { expectOneStore } from '../support/one-store.ts';
import { startWorld, type PlacedOrder, type World } from '../support/world.ts';

/**
 * docs/rollout.md, walked through: its commands, in its order, with real worker processes of two versions side by side. The second
 * version's code is fine for new runs and fits no old one, so that a run on the wrong version cannot pass unnoticed.
 */
const RUNBOOK = readFileSync(new URL('../../docs/rollout.md', import.meta.url), 'utf8');
const COMMANDS = [...RUNBOOK.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].flatMap(([, block = '']) =>
  block
    .trim()
    .split('\n')
    .map((line) => line.trim()),
);
const OTHER = fileURLToPath(new URL('../support/workflows/verify-off-fast-path.ts', import.meta.url));

let world: World;
let dir: string;
let otherBundle: string;
const running = new Set<AltaProcess>();
/** Every order of this file: none is lost. */
const orders: PlacedOrder[] = [];

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'alta-versions-'));
  otherBundle = join(dir, 'other.bundle.js');
  const [made, { code }] = await Promise.all([
    startWorld({
      run: { worker: false },
      policy: { clusterWaitInitialMs: 200, clusterWaitMaxMs: 400 },
      env: { ALTA_DEPLOYMENT_NAME: 'rollout' },
    }),
    buildBundle(OTHER),
  ]);
  world = made;
  writeFileSync(otherBundle, code);
}, 180_000);
afterAll(async () => {
  await Promise.all([...running].map((alta) => alta.stop()));
  await world.close();
  rmSync(dir, { recursive: true, force: true });
});

const cursor = { next: 0 };
/** The runbook's next command, which must be this one. */
function nextCommand(expected: string): string[] {
  const command = COMMANDS[cursor.next++];
  expect(command).toBe(`alta ${expected}`);
  return expected.split(' ');
}

/** Runs the runbook's next command, which ends by itself. */
async function run(expected: string, code = 0): Promise<string> {
  const outcome = await runAlta(world.env, ...nextCommand(expected), '--json');
  expect({ ...outcome, out: '' }).toEqual({ code, out: '', err: '' });
  return outcome.out;
}

async function startWorker(args: string[], bundle?: string): Promise<AltaProcess> {
  const alta = startAlta('cli', { ...world.env, ...(bundle === undefined ? {} : { ALTA_WORKFLOW_BUNDLE: bundle }) }, undefined, args);
  running.add(alta);
  void alta.ended.then(() => running.delete(alta));
  await alta.ready;
  return alta;
}

const cleanly = { code: 0, signal: null };
const clusters = (active: boolean): Promise<unknown> => world.sql('update backend_clusters set is_active = $1', [active]);

async function paid(): Promise<PlacedOrder> {
  const order = await world.checkout();
  await world.pay(order);
  orders.push(order);
  return order;
}

async function completed(order: PlacedOrder): Promise<void> {
  await world.job(order.accountId, 'completed');
  await expectOneStore(world, order);
}

/** The version that has done the last task of a run; null for workers without versions. */
async function versionOf(workflowId: string): Promise<string | null> {
  const { workflowExecutionInfo } = await world.temporal.workflowService.describeWorkflowExecution({
    namespace: world.config.TEMPORAL_NAMESPACE,
    execution: { workflowId },
  });
  return workflowExecutionInfo?.versioningInfo?.deploymentVersion?.buildId || null;
}
const onboardingVersion = (order: PlacedOrder): Promise<string | null> => versionOf(world.handle(order.accountId).workflowId);

test('P-753: code that does not fit stalls a run, visibly, and the right worker brings it to its end', async () => {
  const right = await startWorker(['worker']);
  await clusters(false);
  const order = await paid();
  await world.job(order.accountId, 'waiting');
  expect(await right.stop()).toEqual(cleanly);

  const wrong = await startWorker(['worker'], otherBundle);
  await clusters(true);
  const found = await eventually(async () => {
    const { out, code } = await runAlta(world.env, 'deployments', 'stalled', '--json');
    const [stalled] = JSON.parse(out) as StalledRun[];
    return code === 1 && stalled?.why === 'failing' && stalled.failure !== null ? stalled : undefined;
  }, 'the stalled run to be listed');
  expect(found).toMatchObject({ workflowId: world.handle(order.accountId).workflowId, workflowType: 'onboarding', buildId: null });
  expect(found.failure).toContain('Nondeterminism');
  // New runs do well on that code, and the one that stands still has lost nothing.
  await completed(await paid());
  expect(await world.job(order.accountId, 'waiting')).toMatchObject({ error_code: expect.anything() as unknown });
  expect(await wrong.stop()).toEqual(cleanly);

  const again = await startWorker(['worker']);
  await completed(order);
  expect((await runAlta(world.env, 'deployments', 'stalled')).out).toBe('no run stands still\n');
  expect(await again.stop()).toEqual(cleanly);
}, 180_000);

test('P-753: a rollout and a rollback by the runbook: old runs end on their version, new runs follow, none is lost', async () => {
  // The first version.
  const v1 = await startWorker(nextCommand('worker --build-id v1'));
  await run('deployments promote v1');
  const first = await paid();
  await completed(first);
  expect(await onboardingVersion(first)).toBe('v1');
  const early = await underWayOn('v1');

  // Rollout: side by side, a share, then everything.
  const v2 = await startWorker(nextCommand('worker --build-id v2'), otherBundle);
  const ramped = JSON.parse(await run('deployments promote v2 --ramp 10')) as DeploymentStatus;
  expect(ramped).toMatchObject({ current: 'v1', ramping: { buildId: 'v2', percent: 10 } });
  const rolled = JSON.parse(await run('deployments promote v2')) as DeploymentStatus;
  expect(rolled).toMatchObject({ current: 'v2', ramping: null });
  const late = await startsOn('v2');
  expect(await onboardingVersion(early)).toBe('v1');
  const during = await eventually(async () => {
    const status = JSON.parse((await runAlta(world.env, 'deployments', 'status', '--json')).out) as DeploymentStatus;
    return status.versions.find(({ buildId, pinnedRuns }) => buildId === 'v1' && pinnedRuns === 1);
  }, 'the run that holds v1');
  expect(during).toMatchObject({ share: 0, mayStop: false });
  await clusters(true);
  await completed(early);
  await completed(late);
  expect([await onboardingVersion(early), await onboardingVersion(late)]).toEqual(['v1', 'v2']);
  // The account's run upgrades: its next task is done by the new version, without a word to anybody.
  await world.quiet(first.accountId);
  await nudge(first);
  await eventually(async () => (await versionOf(accountWorkflowId(first.accountId))) === 'v2', 'the account to move to v2');

  const command = nextCommand('deployments status');
  await eventually(async () => {
    const status = JSON.parse((await runAlta(world.env, ...command, '--json')).out) as DeploymentStatus;
    return status.versions.find(({ buildId }) => buildId === 'v1')?.mayStop;
  }, 'v1 to be needed no more');

  // Rollback: new runs on v1, those of v2 end on v2.
  await clusters(false);
  const caught = await paid();
  await world.job(caught.accountId, 'waiting');
  expect(await onboardingVersion(caught)).toBe('v2');
  const back = JSON.parse(await run('deployments rollback v1')) as DeploymentStatus;
  expect(back).toMatchObject({ current: 'v1', ramping: null });
  const after = await startsOn('v1');
  const status = JSON.parse(await run('deployments status')) as DeploymentStatus;
  expect(status.versions.find(({ buildId }) => buildId === 'v2')).toMatchObject({ share: 0, mayStop: false });
  await clusters(true);
  await completed(caught);
  await completed(after);
  expect([await onboardingVersion(caught), await onboardingVersion(after)]).toEqual(['v2', 'v1']);

  expect(await run('deployments stalled')).toBe('[]\n');
  expect(cursor.next).toBe(COMMANDS.length);
  expect(await Promise.all([v1.stop(), v2.stop()])).toEqual([cleanly, cleanly]);
}, 300_000);

test('P-753: a version whose workers were stopped too early holds its runs, visibly, until they are back', async () => {
  const v3 = await startWorker(['worker', '--build-id', 'v3', '--queues', 'provisioning']);
  // A queue that the current version serves and this one does not: Temporal refuses to leave its runs without workers.
  const refused = await runAlta(world.env, 'deployments', 'promote', 'v3', '--json');
  expect(refused.code).toBe(1);
  expect(JSON.parse(refused.err)).toMatchObject({ code: 'CONFLICT' });
  expect((await runAlta(world.env, 'deployments', 'promote', 'v3', '--ramp', '100')).code).toBe(2);
  expect(await v3.stop()).toEqual(cleanly);

  const v1 = await startWorker(['worker', '--build-id', 'v1']);
  await clusters(false);
  const order = await paid();
  await world.job(order.accountId, 'waiting');
  expect(await v1.stop()).toEqual(cleanly);
  await clusters(true);
  const found = await eventually(async () => {
    const { out } = await runAlta(world.env, 'deployments', 'stalled', '--json');
    return (JSON.parse(out) as StalledRun[]).find(({ why }) => why === 'no worker');
  }, 'the run that nobody takes');
  expect(found).toMatchObject({ buildId: 'v1', failure: null });
  const again = await startWorker(['worker', '--build-id', 'v1']);
  await completed(order);
  expect(await again.stop()).toEqual(cleanly);
}, 180_000);

test('P-753: as many stores as orders', async () => {
  for (const order of orders) await expectOneStore(world, order);
  expect(await world.sql(`select 1 from nv_accounts where status = 'provisioned'`)).toHaveLength(orders.length);
});

/** A run under way on the version that takes new runs. */
async function underWayOn(version: string): Promise<PlacedOrder> {
  await clusters(false);
  return startsOn(version);
}

/** A new run, of which this version has done a task; it waits or goes on. */
async function startsOn(version: string): Promise<PlacedOrder> {
  const order = await paid();
  await eventually(async () => (await onboardingVersion(order)) === version, `the run to begin on ${version}`);
  return order;
}

/** Tells an account's run that something changed. */
async function nudge(order: PlacedOrder): Promise<void> {
  await world.temporal.workflow
    .getHandle(accountWorkflowId(order.accountId))
    .signal('account-event', { eventKey: `nudge/${order.accountId}`, type: 'account.changed', version: 0, aspects: [] });
}
