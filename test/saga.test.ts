import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ApplicationFailure, Context } from '@temporalio/activity';
import type { WorkflowHandle } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import fc from 'fast-check';
import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { eventually } from './support/eventually.ts';
import { connectTemporal, type TestTemporal } from './support/temporal.ts';
import type { Script, ScriptEnd } from './support/workflows/scripted-saga.ts';

/** The saga runner alone, on a real server: what is undone, in which order, and what stops. */
type Behaviour = (step: string) => Promise<void> | void;

let temporal: TestTemporal;
let worker: Worker;
let running: Promise<void>;
const taskQueue = `saga-${randomUUID()}`;
const log: string[] = [];
let onAct: Behaviour;
let onUndo: Behaviour;

const permanent = (code = 'CLUSTER_REJECTED'): ApplicationFailure => ApplicationFailure.nonRetryable('refused for good', code);
const transient = (): ApplicationFailure => ApplicationFailure.retryable('down', 'CLUSTER_UNREACHABLE');

beforeAll(async () => {
  temporal = await connectTemporal();
  worker = await Worker.create({
    connection: temporal.native,
    namespace: temporal.namespace,
    taskQueue,
    workflowsPath: fileURLToPath(new URL('./support/workflows/scripted-saga.ts', import.meta.url)),
    activities: {
      async act(step: string) {
        log.push(`act ${step}`);
        await onAct(step);
      },
      async undo(step: string) {
        log.push(`undo ${step}`);
        await onUndo(step);
      },
    },
  });
  running = worker.run();
});

afterAll(async () => {
  worker.shutdown();
  await running;
  await temporal.close();
});

beforeEach(() => {
  log.length = 0;
  onAct = () => undefined;
  onUndo = () => undefined;
});

const start = (script: Script): Promise<WorkflowHandle<(script: Script) => Promise<ScriptEnd>>> =>
  temporal.client.workflow.start('scriptedSaga', { taskQueue, workflowId: `saga-${randomUUID()}`, args: [script] });
const run = async (script: Script): Promise<ScriptEnd> => (await start(script)).result();
const parkedAt = (handle: WorkflowHandle, name: string): Promise<boolean> =>
  eventually(async () => (await handle.query<string[]>('parked')).includes(name), `parking at ${name}`);
const undos = (): string[] => log.filter((line) => line.startsWith('undo '));

test('P-150: a permanent failure undoes every begun step, last first, the failed one included', async () => {
  onAct = (step) => {
    if (step === 'c') throw permanent();
  };
  const end = await run({ waves: [['a'], ['b'], ['c'], ['d']] });
  expect(end).toEqual({ end: 'compensated', code: 'CLUSTER_REJECTED', abandoned: [] });
  expect(log).toEqual(['act a', 'act b', 'act c', 'undo c', 'undo b', 'undo a']);
});

test('law 6: a step that acted and then failed is undone, because its undo was registered before the act', async () => {
  onAct = (step) => {
    if (step === 'only') throw permanent();
  };
  await run({ waves: [['only']] });
  expect(log).toEqual(['act only', 'undo only']);
});

test('law 7: an exhausted transient failure parks; retry goes on and undoes nothing', async () => {
  let down = true;
  onAct = (step) => {
    if (step === 'b' && down) throw transient();
  };
  const handle = await start({ waves: [['a'], ['b']] });
  await parkedAt(handle, 'b');
  down = false;
  await handle.signal('decide', { step: 'b', decision: 'retry' });
  expect(await handle.result()).toEqual({ end: 'done', abandoned: [] });
  expect(undos()).toEqual([]);
});

test('an operator skips a parked step, and the run goes on without it', async () => {
  onAct = (step) => {
    if (step === 'b') throw transient();
  };
  const handle = await start({ waves: [['a'], ['b'], ['c']] });
  await parkedAt(handle, 'b');
  await handle.signal('decide', { step: 'b', decision: 'skip' });
  expect((await handle.result()).end).toBe('done');
  expect(log.at(-1)).toBe('act c');
});

test('an operator undoes a parked run', async () => {
  onAct = (step) => {
    if (step === 'b') throw transient();
  };
  const handle = await start({ waves: [['a'], ['b']] });
  await parkedAt(handle, 'b');
  await handle.signal('decide', { step: 'b', decision: 'compensate' });
  expect((await handle.result()).code).toBe('COMPENSATED_BY_OPERATOR');
  expect(undos()).toEqual(['undo b', 'undo a']);
});

test('an undeclared failure parks and undoes nothing', async () => {
  onAct = () => {
    throw new Error('nobody declared this');
  };
  const handle = await start({ waves: [['a']] });
  await parkedAt(handle, 'a');
  expect(undos()).toEqual([]);
  await handle.terminate();
});

test('one of several parallel steps aborts: the others end before anything is undone', async () => {
  let slowEnded = false;
  onAct = async (step) => {
    if (step === 'fails') throw permanent();
    if (step !== 'slow') return;
    const context = Context.current();
    const beat = setInterval(() => context.heartbeat(), 20);
    await context.cancelled.catch(() => undefined).finally(() => clearInterval(beat));
    slowEnded = true;
    log.push('slow ended');
    throw transient();
  };
  // The fast-failing step waits until the slow one has begun, so that both are under way.
  const previous = onAct;
  onAct = async (step) => {
    if (step === 'fails') await eventually(() => log.includes('act slow'));
    await previous(step);
  };
  const end = await run({ waves: [['slow', 'fails']] });
  expect(end.end).toBe('compensated');
  expect(slowEnded).toBe(true);
  expect(log.indexOf('slow ended')).toBeLessThan(log.findIndex((line) => line.startsWith('undo ')));
});

test('P-160: a failed undo parks after the others of its wave ran; retry finishes it', async () => {
  let broken = true;
  onAct = (step) => {
    if (step === 'd') throw permanent();
  };
  onUndo = (step) => {
    if (step === 'c' && broken) throw transient();
  };
  const handle = await start({ waves: [['a'], ['b', 'c'], ['d']] });
  await parkedAt(handle, 'undo c');
  expect(undos().filter((line) => line !== 'undo c')).toEqual(['undo d', 'undo b']);
  broken = false;
  await handle.signal('decide', { step: 'undo c', decision: 'retry' });
  expect(await handle.result()).toEqual({ end: 'compensated', code: 'CLUSTER_REJECTED', abandoned: [] });
  expect(log.at(-1)).toBe('undo a');
});

test('P-158 P-160: an undo that an operator gives up is reported, and what needs a clean undo is not undone', async () => {
  onAct = (step) => {
    if (step === 'c') throw permanent();
  };
  onUndo = (step) => {
    if (step === 'b') throw transient();
  };
  const handle = await start({ waves: [['slug', 'placement'], ['b'], ['c']], onlyWhenClean: ['placement'] });
  await parkedAt(handle, 'undo b');
  await handle.signal('decide', { step: 'undo b', decision: 'skip' });
  expect((await handle.result()).abandoned).toEqual(['b']);
  expect(undos()).toContain('undo slug');
  expect(undos()).not.toContain('undo placement');
});

test('law 7: past the pivot nothing is undone', async () => {
  onAct = (step) => {
    if (step === 'after') throw permanent();
  };
  await run({ waves: [['a'], ['pivot'], ['after']], commitAfter: 2 });
  expect(undos()).toEqual(['undo after']);
});

test('P-150: a cancelled run is undone completely, although it is cancelled', async () => {
  onAct = (step) => {
    if (step === 'b') throw transient();
  };
  const handle = await start({ waves: [['a'], ['b']] });
  await parkedAt(handle, 'b');
  await handle.cancel();
  expect(await handle.result()).toEqual({ end: 'compensated', code: 'CANCELLED', abandoned: [] });
  expect(undos()).toEqual(['undo b', 'undo a']);
});

test('for any script and any failing step: what was begun is undone exactly once, in reverse order of waves', async () => {
  const scripts = fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 1, maxLength: 4 }).chain((sizes) => {
    const waves = sizes.map((size, wave) => Array.from({ length: size }, (_, index) => `w${wave}s${index}`));
    return fc.record({ waves: fc.constant(waves), failing: fc.constantFrom(...waves.flat()) });
  });
  await fc.assert(
    fc.asyncProperty(scripts, async ({ waves, failing }) => {
      log.length = 0;
      onAct = (step) => {
        if (step === failing) throw permanent();
      };
      expect((await run({ waves })).end).toBe('compensated');
      const begun = new Set(log.filter((line) => line.startsWith('act ')).map((line) => line.slice(4)));
      const undone = undos().map((line) => line.slice(5));
      const reached = waves.slice(0, waves.findIndex((wave) => wave.includes(failing)) + 1);
      expect(undone).toEqual(reached.flat().reverse());
      expect(
        reached
          .slice(0, -1)
          .flat()
          .every((step) => begun.has(step)),
      ).toBe(true);
    }),
    { numRuns: 25 },
  );
}, 120_000);
