import type { JobDetails, StepRecord } from '../../adapters/admin-db/index.ts';
import { STEPS, type StepName } from '../../contract/steps.ts';
import type { Stack } from '../stack.ts';
import type { OpenStore } from './proof.ts';

const elapsed = ({ startedAt, finishedAt }: StepRecord): string =>
  startedAt === null || finishedAt === null ? '' : ` (${Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt))} ms)`;

/** What the progress list says of a step. */
export function describeStep(step: StepName, record: StepRecord | undefined): string {
  const title = `${step}: ${STEPS[step].summary}`;
  if (record === undefined) return title;
  const retries = record.attempt > 1 ? `, ${record.attempt} tries` : '';
  return record.state === 'done' ? `${title}${elapsed(record)}${retries}` : `${title}${retries}`;
}

/** The Web UI's page of an onboarding's run. */
export function runLink({ temporal }: Stack, { job }: JobDetails): string | undefined {
  if (temporal.uiUrl === undefined) return undefined;
  const run = job.runId === null ? '' : `/${job.runId}/history`;
  return `${temporal.uiUrl}/namespaces/${temporal.namespace}/workflows/${encodeURIComponent(job.workflowId)}${run}`;
}

export interface Outcome {
  details: JobDetails;
  store: OpenStore;
  owner: string;
  pages: string[];
}

/** What a person wants to know once the store is there. */
export function tellOutcome(stack: Stack, { details, store, owner, pages }: Outcome): string {
  const { job } = details;
  const took =
    job.startedAt === null || job.completedAt === null
      ? ''
      : `, made in ${((Date.parse(job.completedAt) - Date.parse(job.startedAt)) / 1000).toFixed(1)} s`;
  const rows: [string, string | undefined][] = [
    ['store', `${job.slug} (${store.name})${took}`],
    ['client id', store.clientId],
    ['account id', job.accountId],
    ['cluster', `${store.clusterId} at ${store.url}`],
    ['owner', `${owner} set a password through the mailed link and signed in`],
    ['visitor', `the publishable key reads ${pages.length} pages: ${pages.join(', ')}`],
    ['Web UI', runLink(stack, details)],
    ['API', stack.apiUrl],
  ];
  const commands = [
    `npm run alta -- onboardings show ${job.slug}`,
    'npm run alta -- onboardings list',
    `npm run alta -- replay ${job.workflowId}`,
    'npm run alta -- clusters list',
  ];
  const facts = rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${name.padEnd(11)} ${value}`]));
  return ['', ...facts, '', '  Look further, while this runs:', ...commands.map((command) => `    ${command}`), ''].join('\n');
}
