import { DefaultLogger, NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { fileURLToPath } from 'node:url';
import type { Nothing } from './noop-workflow.ts';

const setting = (name: string): string => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`set ${name}`);
  return value;
};

/** A worker process for the workflow of no-op steps, with the limits of Alta's own (`worker/create.ts`). Ends on SIGTERM. */
async function main(): Promise<void> {
  Runtime.install({ logger: new DefaultLogger('ERROR') });
  const connection = await NativeConnection.connect({ address: setting('TEMPORAL_ADDRESS') });
  const activities: Nothing = { nothing: () => Promise.resolve() };
  const worker = await Worker.create({
    connection,
    namespace: setting('TEMPORAL_NAMESPACE'),
    taskQueue: setting('NOOP_QUEUE'),
    workflowsPath: fileURLToPath(new URL('./noop-workflow.ts', import.meta.url)),
    activities: { ...activities },
    maxConcurrentActivityTaskExecutions: 50,
    maxConcurrentLocalActivityExecutions: 50,
    maxConcurrentWorkflowTaskExecutions: 40,
    maxCachedWorkflows: 500,
  });
  process.stdout.write(`${JSON.stringify({ ready: true })}\n`);
  await worker.run();
  await connection.close();
}

await main();
