import { Listr } from 'listr2';
import { runDemo } from './demo/index.ts';
import { tellOutcome } from './demo/story.ts';
import { watchExit } from './exit.ts';
import { alreadyRuns, lockHolder } from './lock.ts';
import { DATA_DIR, lockFileOf } from './paths.ts';
import { partNames, type PartEvent } from './parts.ts';
import { PROGRESS } from './progress.ts';
import { CLUSTER_IDS, startStack, type Stack } from './stack.ts';
import { isAltaError } from '../contract/errors.ts';

/**
 * `npm start`: brings up the local stack, takes one demo order through it, and runs until Ctrl-C. With `--once` it stops after the
 * demo: exit code 0, or 1 when anything failed.
 */

interface Gate extends PromiseWithResolvers<undefined> {
  /** What came before the list had a line to show it on. */
  early: PartEvent[];
  show: (event: PartEvent) => unknown;
}

/** Brings up the stack behind a progress list, one line for each part. */
async function bringUpVisibly(signal: AbortSignal, onDeath: (text: string) => void): Promise<Stack> {
  const gates = new Map(
    partNames(CLUSTER_IDS).map((part) => {
      const gate: Gate = { ...Promise.withResolvers<undefined>(), early: [], show: (event) => gate.early.push(event) };
      gate.promise.catch(() => undefined);
      return [part, gate];
    }),
  );
  const list = new Listr(
    [...gates].map(([part, gate]) => ({
      title: part,
      task: async (_context: unknown, task: { title: string; output: string }) => {
        gate.show = ({ state, text }) => {
          if (state === 'ready') task.title = text === undefined ? part : `${part} ${text}`;
          else if (text !== undefined && state === 'note') task.output = text;
        };
        gate.early.forEach(gate.show);
        await gate.promise;
      },
    })),
    { ...PROGRESS, concurrent: true, exitOnError: false },
  );
  const shown = list.run();
  const finish = async (error?: unknown): Promise<void> => {
    // Parts that were still on their way when another one failed.
    for (const gate of gates.values()) gate.reject(error);
    await shown.catch(() => undefined);
  };
  try {
    const stack = await startStack({
      signal,
      onPart: (event) => {
        const gate = gates.get(event.part);
        gate?.show(event);
        if (event.state === 'ready') gate?.resolve(undefined);
        if (event.state === 'failed') gate?.reject(new Error(event.text?.split('\n', 1)[0] ?? 'failed'));
      },
      onDeath: ({ name }, _exit, lastLines) => onDeath(`${name} died; its last lines:\n${lastLines}`),
    });
    await finish();
    return stack;
  } catch (error) {
    await finish(new Error('not started'));
    throw error;
  }
}

const explain = (error: unknown): string =>
  isAltaError(error) ? `${error.code}: ${error.message}` : error instanceof Error ? (error.stack ?? error.message) : String(error);

async function main(): Promise<number> {
  const once = process.argv.includes('--once');
  const started = performance.now();
  const watch = watchExit(() => process.stderr.write('ending at once\n'));
  const death = Promise.withResolvers<number>();
  const onDeath = (text: string): void => {
    process.stderr.write(`${text}\n`);
    death.resolve(1);
  };
  let stack: Stack | undefined;
  try {
    const holder = lockHolder(lockFileOf(DATA_DIR));
    if (holder !== undefined) throw alreadyRuns(holder);
    stack = await bringUpVisibly(watch.signal, onDeath);
    const outcome = await Promise.race([runDemo(stack, watch.signal), watch.wished, death.promise]);
    if (typeof outcome === 'number') return outcome;
    process.stdout.write(`${tellOutcome(stack, outcome)}\n`);
    if (once) {
      process.stdout.write(`  Done in ${Math.round((performance.now() - started) / 1000)} s.\n`);
      return 0;
    }
    process.stdout.write('  Alta runs until Ctrl-C.\n');
    return await Promise.race([watch.wished, death.promise]);
  } catch (error) {
    if (watch.signal.aborted) return await watch.wished;
    process.stderr.write(`\n${explain(error)}\n`);
    return 1;
  } finally {
    if (watch.signal.aborted) process.stderr.write('\nstopping\n');
    await stack?.close();
    watch.dispose();
  }
}

process.exit(await main());
