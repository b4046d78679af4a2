import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Worker } from '@temporalio/worker';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { buildBundle } from '../../worker/bundle.ts';
import { contractSchemas, judgeAll } from '../support/contract-schemas.ts';
import { sampleCheckout } from '../support/samples.ts';
import { connectTemporal, type TestTemporal } from '../support/temporal.ts';
import type { judgeInputs } from '../support/workflows/judge-inputs.ts';

/** All runs of a worker's thread share one contract: what it says there is what it says anywhere, in every run. */
let temporal: TestTemporal;
let worker: Worker;
let running: Promise<void>;
const taskQueue = `contract-${randomUUID()}`;

beforeAll(async () => {
  temporal = await connectTemporal();
  const workflowBundle = await buildBundle(fileURLToPath(new URL('../support/workflows/judge-inputs.ts', import.meta.url)));
  worker = await Worker.create({ connection: temporal.native, namespace: temporal.namespace, taskQueue, workflowBundle });
  running = worker.run();
}, 120_000);
afterAll(async () => {
  worker.shutdown();
  await running;
  await temporal.close();
});

test('every schema says of good and bad input what it says outside, in the first run of a thread and in a later one', async () => {
  const [accountId, jobId] = [randomUUID(), randomUUID()];
  // Without a picture: workflows have nothing that reads base64, and none is told to them.
  const checkout = sampleCheckout({ logo: null });
  const inputs: unknown[] = [
    null,
    {},
    'casa-luna',
    'Not A Slug',
    checkout,
    { ...checkout, email: 'nobody', slug: '-', country: 'XX' },
    { accountId, jobId, paymentId: '12345' },
    { accountId: 'none', jobId: 7, paymentId: 'x', policy: { retryAttempts: -1 } },
    { eventKey: 'e/1', type: 'account.updated', version: 2, aspects: ['client'] },
    { eventKey: '', type: 'account.updated', version: 2.5, aspects: ['other'] },
    { action: 'retry', actor: 'ana', reason: 'a test', kind: 'suspend', task: 'refresh' },
    { kind: 'set-due', actor: 'ana', reason: 'a test', due: '2026-13-45', dueAt: '2026-11-25T10:00:00Z' },
  ];
  const run = () =>
    temporal.client.workflow.execute<typeof judgeInputs>('judgeInputs', {
      taskQueue,
      workflowId: `contract-${randomUUID()}`,
      args: [inputs],
    });
  const outside = judgeAll(inputs);
  expect(outside.length).toBe(contractSchemas.size * inputs.length);
  const first = await run();
  expect(first.said).toEqual(outside);
  expect(first.shared).toBe(false);
  // Several runs, so that one comes to a thread that has had another: a worker has two.
  const later = await Promise.all(Array.from({ length: 6 }, run));
  for (const { said } of later) expect(said).toEqual(outside);
  expect(later.some(({ shared }) => shared)).toBe(true);
}, 60_000);
