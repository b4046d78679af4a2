import type { NativeConnection } from '@temporalio/worker';
import type { ActivityDeps } from '../../activities/index.ts';
import { workflowBundle } from '../../worker/bundle.ts';
import { createWorkers } from '../../worker/create.ts';

/** Runs Alta's workers in this process; `stop` waits until they have ended, and may be called again. */
export async function runWorkers(
  deps: ActivityDeps,
  native: NativeConnection,
  bundle?: Awaited<ReturnType<typeof workflowBundle>>,
): Promise<{ stop(): Promise<void> }> {
  const workers = await createWorkers(deps, native, bundle ?? (await workflowBundle()));
  const running = Promise.all(workers.map((worker) => worker.run()));
  let stopped: Promise<unknown> | undefined;
  return {
    async stop() {
      stopped ??= (async () => {
        for (const worker of workers) if (worker.getState() === 'RUNNING') worker.shutdown();
        await running;
      })();
      await stopped;
    },
  };
}
