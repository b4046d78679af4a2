import { bundleWorkflowCode, DefaultLogger, Runtime, Worker, type InjectedSinks } from '@temporalio/worker';
import { createRequire } from 'node:module';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { FAILURE_CONVERTER_PATH } from '../../../adapters/temporal/index.ts';
import { WORKFLOWS_PATH } from '../../../worker/bundle.ts';
import { circumstances, saveFigures } from '../../proof/figures.ts';
import type { CoverageSinks } from './coverage-interceptors.ts';
import { historyFiles, parseHistory, readHistoryText } from './files.ts';
import { isSealedHistory, sealedConverter } from './sealed.ts';

/**
 * `npm run history:coverage`: how much of the workflow code the corpus reaches. The workflows are bundled with counters in them, every
 * history of the corpus is replayed on that bundle, and the counters of all runs are added up. What no history reaches is listed by
 * line: a change there is not held by the replay tests. Exit 1 when a history does not replay, since its counters would be lies.
 */
interface Place {
  start: { line: number };
}
interface FileCoverage {
  path: string;
  branchMap: Record<string, { type: string; loc: Place; locations: Place[] }>;
  statementMap: Record<string, Place>;
  fnMap: Record<string, { name: string; loc: Place }>;
  b: Record<string, number[]>;
  s: Record<string, number>;
  f: Record<string, number>;
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const INTERCEPTORS = fileURLToPath(new URL('./coverage-interceptors.ts', import.meta.url));
const LOADER = fileURLToPath(new URL('./instrument-loader.cjs', import.meta.url));
const { createCoverageMap } = createRequire(import.meta.url)('istanbul-lib-coverage') as {
  createCoverageMap(): { merge(more: object): void; files(): string[]; fileCoverageFor(path: string): { toJSON(): FileCoverage } };
};

Runtime.install({ logger: new DefaultLogger('ERROR'), telemetryOptions: { logging: { filter: 'off', forward: {} } } });
const bundle = await bundleWorkflowCode({
  workflowsPath: WORKFLOWS_PATH,
  workflowInterceptorModules: [INTERCEPTORS],
  failureConverterPath: FAILURE_CONVERTER_PATH,
  logger: new DefaultLogger('ERROR'),
  webpackConfigHook: (config) => {
    config.module?.rules?.push({
      test: /\/workflows\/[\w-]+\.ts$/,
      include: fileURLToPath(new URL('../../../workflows', import.meta.url)),
      enforce: 'pre',
      use: [LOADER],
    });
    return config;
  },
});

/** The counters of each run grow; the last report of a run says all. */
const last = new Map<string, object>();
const sinks: InjectedSinks<CoverageSinks> = {
  coverage: { report: { fn: ({ runId }, counts) => void last.set(runId, JSON.parse(counts) as object), callDuringReplay: true } },
};

const files = historyFiles();
const failed: string[] = [];
for (const sealed of [false, true]) {
  const histories = files
    .filter((file) => isSealedHistory(file) === sealed)
    .map((file) => {
      const history = parseHistory(readHistoryText(file));
      // What is encrypted is bound to its workflow's id.
      const workflowId = sealed ? history.events?.[0]?.workflowExecutionStartedEventAttributes?.workflowId : file;
      return { workflowId: workflowId ?? file, history };
    });
  const options = { workflowBundle: bundle, sinks, ...(sealed ? { dataConverter: sealedConverter } : {}) };
  for await (const { workflowId, error } of Worker.runReplayHistories(options, histories))
    if (error) failed.push(`${workflowId}: ${error.message.split('\n', 1)[0] ?? ''}`);
}

const map = createCoverageMap();
for (const counts of last.values()) map.merge(counts);
const total = { reached: 0, all: 0 };
const lines: string[] = [];
const missed: string[] = [];
for (const path of map.files().sort()) {
  const { b, branchMap, s, f } = map.fileCoverageFor(path).toJSON();
  const name = relative(ROOT, path);
  const arms = Object.entries(b).flatMap(([id, counts]) => counts.map((count, arm) => ({ id, arm, count })));
  const reached = arms.filter(({ count }) => count > 0).length;
  total.reached += reached;
  total.all += arms.length;
  const done = (counts: Record<string, number>): string =>
    `${String(Object.values(counts).filter((count) => count > 0).length)}/${String(Object.keys(counts).length)}`;
  lines.push(
    `${name.padEnd(34)} branches ${`${String(reached)}/${String(arms.length)}`.padEnd(8)} functions ${done(f).padEnd(7)} statements ${done(s)}`,
  );
  for (const { id, arm, count } of arms) {
    const branch = branchMap[id]!;
    if (count === 0)
      missed.push(`${name}:${String(branch.locations[arm]?.start.line ?? branch.loc.start.line)} ${branch.type} arm ${String(arm + 1)}`);
  }
}
process.stdout.write(
  [
    `${String(files.length)} histories, ${String(failed.length)} of them do not replay`,
    ...failed,
    ...lines,
    `branches of the workflow code that the corpus reaches: ${String(total.reached)} of ${String(total.all)} (${((100 * total.reached) / Math.max(1, total.all)).toFixed(1)} %)`,
    ...(missed.length === 0 ? [] : ['not reached:', ...missed.map((place) => `  ${place}`)]),
    '',
  ].join('\n'),
);
saveFigures('replay', { ...circumstances(), histories: files.length, failed: failed.length, branches: total });
await Runtime.instance().shutdown();
process.exitCode = failed.length > 0 || total.all === 0 ? 1 : 0;
