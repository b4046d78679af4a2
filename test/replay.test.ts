import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type WorkflowBundleOption } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { fileURLToPath } from 'node:url';
import { workflowBundle } from '../worker/bundle.ts';
import { historyFiles, parseHistory, payloadsOf, readHistoryText } from './support/histories/files.ts';
import { openedText } from './support/histories/opened.ts';
import { HISTORY_PATHS } from './support/histories/paths.ts';
import { isSealedHistory, sealedConverter } from './support/histories/sealed.ts';

/** Every committed history still replays on today's workflow code: on the very bundle that the worker runs. */
const FILES = historyFiles();
const SEALED = FILES.filter(isSealedHistory);
const PLAIN = FILES.filter((file) => !isSealedHistory(file));

beforeAll(
  () => void Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: 'off', forward: {} } } }),
);
afterAll(() => Runtime.instance().shutdown());

/** Replays histories of the corpus and gives each one's error. */
async function replay(bundle: WorkflowBundleOption, files: readonly string[]): Promise<Record<string, unknown>> {
  const errors: Record<string, unknown> = {};
  const histories = files.map((file) => ({ workflowId: file, history: parseHistory(readHistoryText(file)) }));
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle: bundle }, histories)) errors[workflowId] = error;
  return errors;
}

/** Replays the encrypted ones with the key that opens them, each under its own workflow id, since its payloads are bound to it. */
async function replaySealed(bundle: WorkflowBundleOption): Promise<Record<string, unknown>> {
  const errors: Record<string, unknown> = {};
  const fileOf = new Map<string, string>();
  const histories = SEALED.map((file) => {
    const history = parseHistory(readHistoryText(file));
    const workflowId = history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId ?? '';
    fileOf.set(workflowId, file);
    return { workflowId, history };
  });
  const options = { workflowBundle: bundle, dataConverter: sealedConverter };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories)) errors[fileOf.get(workflowId)!] = error;
  return errors;
}

test('P-753: every path is in the corpus, and every file is named by a path and an SDK version', () => {
  const missing = HISTORY_PATHS.filter((path) => !FILES.some((file) => file.startsWith(`${path}.`)));
  expect(missing).toEqual([]);
  const named = FILES.filter((file) => HISTORY_PATHS.some((path) => new RegExp(`^${path}\\.\\d+\\.\\d+\\.\\d+\\.json$`).test(file)));
  expect(named).toEqual(FILES);
});

describe('each history replays on the built bundle', () => {
  let outcome: Promise<Record<string, unknown>> | undefined;
  // One replay worker for all that are plain and one for the others: it is what costs the time.
  const replayed = (): Promise<Record<string, unknown>> =>
    (outcome ??= workflowBundle().then(async (bundle) => ({
      ...(await replay(bundle, PLAIN)),
      ...(await replaySealed(bundle)),
    })));

  test.each(FILES)(
    'P-753: %s',
    async (file) => {
      const errors = await replayed();
      expect(Object.keys(errors)).toContain(file);
      expect(errors[file]).toBeUndefined();
    },
    180_000,
  );
});

/** A changed module and where the SDK finds the difference: a module that failed for another reason would prove nothing. */
const CHANGED = [
  ['one-step-more.ts', 'Activity machine does not handle this event'],
  ['one-step-less.ts', 'UpsertWorkflowSearchAttributesMachine does not handle HistoryEvent'],
  ['step-off-fast-path.ts', 'does not match activity id'],
  ['other-onboarding.ts', 'LocalActivity(1)'],
] as const;

test.each(CHANGED)(
  'P-753: a changed workflow does not replay: %s',
  async (file, difference) => {
    const path = fileURLToPath(new URL(`./support/workflows/${file}`, import.meta.url));
    const bundle = await bundleWorkflowCode({
      workflowsPath: path,
      workflowInterceptorModules: [path],
      logger: new DefaultLogger('ERROR'),
    });
    const happy = FILES.filter((name) => name.startsWith('onboarding.happy.'));
    const errors = await replay(bundle, happy);
    expect(Object.keys(errors)).toEqual(happy);
    for (const name of happy) {
      expect(errors[name]).toBeInstanceOf(DeterminismViolationError);
      expect((errors[name] as Error).message).toContain(difference);
    }
  },
  180_000,
);

test('P-115: no history holds personal data, a secret or a trace of the machine that recorded it', async () => {
  for (const file of FILES) {
    const text = readHistoryText(file);
    const opened = isSealedHistory(file) ? await openedText(text, sealedConverter.payloadCodecs![0]!) : text;
    const said = [text, ...payloadsOf(opened)].join('\n');
    const addresses = said.match(/[\w.+-]+@[\w.-]+\.[a-z]{2,}/gi) ?? [];
    const secrets = said.match(/APP_USR|TG-|sb_secret|eyJhbGci|v1\.t1\.|token=/g) ?? [];
    const traces = said.match(/file:\/\/|\/(?:home|work|tmp|root|Users)\/|127\.0\.0\.1/g) ?? [];
    expect({ file, addresses, secrets, traces }).toEqual({ file, addresses: [], secrets: [], traces: [] });
  }
});
