import { Argument, Option, type Command } from 'commander';
import { RESOLVE_ACTIONS, type ResolveAction } from '../../contract/onboarding.ts';
import { JOB_STATES, STEP_NAMES, type JobState, type StepName } from '../../contract/steps.ts';
import { actorOption } from './actor.ts';
import { isOver, type JobDetails, type JobRow, type RefundRow } from '../index.ts';
import { withAlta } from './context.ts';
import { age, EXIT, facts, paintState, print, printJson, table } from './output.ts';
import { count } from './numbers.ts';
import { createProgressView, progressLines } from './progress-view.ts';
import { moneyOf } from './refunds.ts';

interface Json {
  json?: boolean;
}

/** Who is at the keyboard, for the audit. */
const TARGET = 'account id, job id or slug';

/** `alta onboardings ...`: look at onboardings and decide about those that need attention. */
export function onboardingCommands(program: Command): void {
  const group = program.command('onboardings').description('look at onboardings and decide about them');

  group
    .command('list')
    .description('newest first')
    .addOption(new Option('--state <state>', 'only these').choices(JOB_STATES))
    .option('--limit <n>', 'how many', count('limit', 1_000), 50)
    .option('--json', 'machine-readable')
    .action(async ({ state, limit, json }: Json & { state?: JobState; limit: number }) => {
      const jobs = await withAlta(({ alta }) => alta.onboardings.list({ limit, ...(state === undefined ? {} : { state }) }));
      if (json) printJson(jobs);
      else print(table(['ACCOUNT', 'SLUG', 'STATE', 'STEP', 'CLUSTER', 'AGE', 'MONEY', 'REASON'], jobs.map(jobCells), 'no onboardings'));
    });

  group
    .command('show <target>')
    .description(`the whole story of one (${TARGET})`)
    .option('--json', 'machine-readable')
    .action(async (target: string, { json }: Json) => {
      const { details, link } = await withAlta(async ({ alta, config }) => {
        const found = await alta.onboardings.show(target);
        return { details: found, link: runLink(config, found.job) };
      });
      if (json) printJson({ ...details, link });
      else print(storyOf(details, link));
    });

  group
    .command('watch <target>')
    .description(`follow one until it is over (${TARGET}); exit 1 unless it completes`)
    .option('--json', 'one line of JSON a change')
    .action(async (target: string, { json }: Json) => {
      const state = await withAlta(async ({ alta }) => {
        const view = createProgressView();
        const interrupted = new AbortController();
        process.once('SIGINT', () => interrupted.abort());
        let last: JobDetails | undefined;
        for await (const details of alta.onboardings.watch(target, interrupted.signal)) {
          last = details;
          if (json) print(JSON.stringify(details));
          else view.show(details);
        }
        return last !== undefined && isOver(last) ? last.job.state : undefined;
      });
      if (state !== 'completed') process.exitCode = EXIT.failed;
    });

  group
    .command('resolve <target>')
    .description('decide about a parked one: try again, go on without the step, or undo the run')
    .addArgument(new Argument('<action>', 'what to do').choices(RESOLVE_ACTIONS))
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(new Option('--step <step>', 'which parked step, when there are several').choices(STEP_NAMES))
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(
      async (
        target: string,
        action: ResolveAction,
        { reason, step, actor, json }: Json & { reason: string; step?: StepName; actor: string },
      ) => {
        const answer = await withAlta(({ alta }) =>
          alta.onboardings.resolve(target, { action, reason, actor, ...(step === undefined ? {} : { step }) }),
        );
        if (json) printJson(answer);
        else print(`${answer.action}: ${answer.step}`);
      },
    );

  group
    .command('cancel <target>')
    .description(`call one off before its pivot: its steps are undone (${TARGET})`)
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (target: string, { reason, actor, json }: Json & { reason: string; actor: string }) => {
      const answer = await withAlta(({ alta }) => alta.onboardings.cancel(target, { reason, actor }));
      if (json) printJson(answer);
      else print(`cancelled; the job is ${paintState(answer.state)} (job ${answer.jobId})`);
    });

  group
    .command('retry <target>')
    .description('start one again that failed, was undone or was terminated')
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--payment <id>', "another payment than the last run's")
    .option('--json', 'machine-readable')
    .action(async (target: string, { reason, actor, payment, json }: Json & { reason: string; actor: string; payment?: string }) => {
      const answer = await withAlta(({ alta }) =>
        alta.onboardings.retry(target, { reason, actor, ...(payment === undefined ? {} : { paymentId: payment }) }),
      );
      if (json) printJson(answer);
      else print(`attempt ${String(answer.attempt)} of ${answer.accountId} is running (job ${answer.jobId})`);
    });

  group
    .command('abandon <target>')
    .description(`give one up whose run is closed (${TARGET}): it leaves the list of dead letters; nothing is undone, no money moves`)
    .requiredOption('--reason <text>', 'why; it is kept')
    .addOption(actorOption())
    .option('--json', 'machine-readable')
    .action(async (target: string, { reason, actor, json }: Json & { reason: string; actor: string }) => {
      const answer = await withAlta(({ alta }) => alta.onboardings.abandon(target, { reason, actor }));
      if (json) printJson(answer);
      else print(`abandoned: job ${answer.jobId} of ${answer.accountId} (${answer.state})`);
    });
}

const jobCells = (job: JobRow): string[] => [
  job.accountId,
  job.slug,
  paintState(job.state),
  job.parkedStep ?? job.currentStep ?? '',
  job.clusterId ?? '',
  age(job.createdAt),
  job.refund === null ? '' : moneyOf(job.refund),
  job.code ?? '',
];

/** Where the Web UI shows the newest run. */
function runLink(config: { TEMPORAL_UI_URL?: string | undefined; TEMPORAL_NAMESPACE: string }, job: JobRow): string | null {
  if (config.TEMPORAL_UI_URL === undefined) return null;
  return new URL(`/namespaces/${config.TEMPORAL_NAMESPACE}/workflows/${encodeURIComponent(job.workflowId)}`, config.TEMPORAL_UI_URL).href;
}

/** What became of the money, with what is left to do about it. */
function moneyLine(refund: RefundRow | undefined): string | null {
  if (refund === undefined) return null;
  const next = refund.state === 'asked' ? `; alta refunds decide ${refund.paymentId} refund|keep --reason "..."` : '';
  return `${moneyOf(refund.state)}: ${refund.amount} ${refund.currency}${refund.code === null ? '' : ` (${refund.code})`}${next}`;
}

function storyOf(details: JobDetails, link: string | null): string {
  const { job, payment, refunds, placement, candidates, decisions } = details;
  const parts = [
    facts([
      ['account', `${job.accountId} (${job.accountStatus})`],
      ['job', `${job.jobId}, attempt ${String(job.attempt)}`],
      ['workflow', job.workflowId],
      [
        'payment',
        payment === null
          ? job.paymentId
          : `${payment.paymentId}: ${payment.status}, ${payment.amount} ${payment.currency}, ${payment.verdict ?? 'not judged'}`,
      ],
      ['money', moneyLine(refunds[0])],
      ['slot', placement === null ? null : `${placement.clusterId}: ${placement.status}`],
      ['reason', job.code === null ? null : `${job.code}: ${job.message ?? ''}`],
      ['decide by', job.deadline],
      ['Web UI', link],
    ]),
    progressLines(details).join('\n'),
  ];
  if (candidates !== null && candidates.length > 0)
    parts.push(`clusters considered:\n${candidates.map((candidate) => `  ${JSON.stringify(candidate)}`).join('\n')}`);
  if (decisions.length > 0)
    parts.push(
      `decisions:\n${decisions.map(({ at, actor, action, step, reason }) => `  ${at}  ${actor}: ${action}${step === null ? '' : ` ${step}`}: ${reason}`).join('\n')}`,
    );
  if (job.state === 'parked') parts.push(`next: alta onboardings resolve ${job.slug} retry|skip|compensate --reason "..."`);
  return parts.join('\n\n');
}
