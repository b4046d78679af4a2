import { rmSync } from 'node:fs';

/** Ends the processes of the run and removes their data. */
export default async function tearDown(): Promise<void> {
  const stack = globalThis.altaTestStack;
  if (stack === undefined) return;
  await stack.supervisor.stopAll();
  rmSync(stack.dir, { recursive: true, force: true });
}
