import { STEP_NAMES, STEPS, type StepState } from '../../contract/steps.ts';
import type { JobDetails } from '../index.ts';
import { paint, paintState } from './output.ts';

const MARKS: Record<StepState, string> = {
  running: '▸',
  done: '✓',
  failed: '✗',
  skipped: '–',
  compensating: '↶',
  compensated: '↶',
  compensation_failed: '✗',
};

export interface ProgressView {
  /** Shows the story as it is now. */
  show(details: JobDetails): void;
}

/** One line a step, in the order of the saga; steps that have not begun are dim. */
export function progressLines({ job, steps }: JobDetails): string[] {
  const records = new Map(steps.map((record) => [record.step, record]));
  const lines = STEP_NAMES.map((name) => {
    const record = records.get(name);
    const title = `${name.padEnd(20)} ${STEPS[name].summary}`;
    if (record === undefined) return paint('gray', `· ${title}`);
    const parked = job.state === 'parked' && job.parkedStep === name;
    const ms =
      record.startedAt !== null && record.finishedAt !== null ? Date.parse(record.finishedAt) - Date.parse(record.startedAt) : undefined;
    const notes = [
      ms === undefined ? undefined : `${String(ms)} ms`,
      record.attempt > 1 ? `try ${String(record.attempt)}` : undefined,
      record.code !== null && record.state !== 'done' ? `${record.code}: ${record.message ?? ''}` : undefined,
    ].filter((note) => note !== undefined);
    const style = parked || record.state.endsWith('failed') ? 'red' : record.state === 'done' ? 'green' : 'cyan';
    return `${paint(style, parked ? '!' : MARKS[record.state])} ${title}${notes.length > 0 ? paint('gray', `  ${notes.join(', ')}`) : ''}`;
  });
  return [`${job.businessName} (${job.slug})  ${paintState(job.state)}${job.clusterId === null ? '' : ` on ${job.clusterId}`}`, ...lines];
}

/**
 * A progress list that stays in place on a terminal. Elsewhere (pipes, CI) each change of a step or of the job is one line.
 */
export function createProgressView(stream: NodeJS.WriteStream = process.stdout): ProgressView {
  let drawn = 0;
  const told = new Map<string, string>();

  const redraw = (details: JobDetails): void => {
    const room = Math.max(20, stream.columns || 80);
    const lines = progressLines(details).map((line) => clip(line, room));
    stream.write(`${drawn > 0 ? `\u001b[${String(drawn)}A` : ''}\u001b[0J${lines.join('\n')}\n`);
    drawn = lines.length;
  };
  const tell = (key: string, text: string): void => {
    if (told.get(key) === text) return;
    told.set(key, text);
    stream.write(`${text}\n`);
  };
  const append = ({ job, steps }: JobDetails): void => {
    for (const { step, state, code } of steps) tell(step, `${step}: ${state}${code === null || state === 'done' ? '' : ` (${code})`}`);
    tell('job', `onboarding ${job.accountId}: ${job.state}${job.code === null ? '' : ` (${job.code})`}`);
  };
  return { show: stream.isTTY ? redraw : append };
}

/** Cuts a line to the screen's width, so that lines stay countable; colours count for nothing. */
function clip(line: string, room: number): string {
  let seen = 0;
  let cut = '';
  for (const part of line.split(/(\u001b\[\d+m)/)) {
    if (part.startsWith('\u001b')) cut += part;
    else {
      cut += part.slice(0, Math.max(0, room - seen));
      seen += part.length;
    }
  }
  return cut;
}
