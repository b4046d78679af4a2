import { styleText } from 'node:util';
import { errorRow, isAltaError } from '../../contract/errors.ts';
import type { JobState, StepState } from '../../contract/steps.ts';

type Style = Parameters<typeof styleText>[0];

/** Coloured only where the stream is a terminal that wants it (NO_COLOR is respected). */
export const paint = (style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  styleText(style, text, { stream });

export const print = (text: string): void => void process.stdout.write(`${text}\n`);
export const printJson = (value: unknown): void => print(JSON.stringify(value, null, 2));

const STATE_STYLES: Record<JobState | StepState, Style> = {
  queued: 'gray',
  running: 'cyan',
  waiting: 'yellow',
  parked: 'red',
  compensating: 'yellow',
  completed: 'green',
  rejected: 'red',
  failed: 'red',
  compensated: 'yellow',
  abandoned: 'red',
  done: 'green',
  skipped: 'gray',
  compensation_failed: 'red',
};
export const paintState = (state: JobState | StepState): string =>
  paint(STATE_STYLES[state], state === 'parked' ? 'needs attention' : state.replace('_', ' '));

/** Colours take no room on the screen. */
const width = (text: string): number => text.replace(/\u001b\[\d+m/g, '').length;

/** Columns as wide as their widest cell; an empty table says so. */
export function table(heads: string[], rows: string[][], empty = 'nothing here'): string {
  if (rows.length === 0) return empty;
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => width(row[column] ?? ''))));
  const line = (cells: string[]): string =>
    cells
      .map((cell, column) => cell + ' '.repeat((widths[column] ?? 0) - width(cell)))
      .join('  ')
      .trimEnd();
  return [paint('bold', line(heads)), ...rows.map(line)].join('\n');
}

/** Facts under one another; those that are null are left out. */
export function facts(pairs: [string, string | number | null | undefined][]): string {
  const told = pairs.filter((pair): pair is [string, string | number] => pair[1] !== null && pair[1] !== undefined && pair[1] !== '');
  const widest = Math.max(0, ...told.map(([name]) => name.length));
  return told.map(([name, value]) => `${paint('gray', name.padEnd(widest))}  ${String(value)}`).join('\n');
}

/** Time since, in words an operator reads at a glance: `42 s`, `7 min`, `3 h`, `2 d`. */
export function age(iso: string | null, now = Date.now()): string {
  if (iso === null) return '';
  const seconds = Math.max(0, Math.round((now - Date.parse(iso)) / 1_000));
  if (seconds < 120) return `${String(seconds)} s`;
  if (seconds < 7_200) return `${String(Math.round(seconds / 60))} min`;
  return seconds < 172_800 ? `${String(Math.round(seconds / 3_600))} h` : `${String(Math.round(seconds / 86_400))} d`;
}

/** Exit codes: 0 done, 1 failed or refused, 2 the command itself was wrong. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
const USAGE_CODES: ReadonlySet<string> = new Set(['INPUT_INVALID', 'CONFIG_INVALID']);

/** Says what went wrong and what to do about it, and returns the exit code. No stack: this is a person's screen. */
export function reportFailure(error: unknown, json: boolean): number {
  const code = isAltaError(error) ? error.code : 'INTERNAL';
  const message = error instanceof Error ? error.message : String(error);
  const { hint } = errorRow(code);
  process.stderr.write(
    json ? `${JSON.stringify({ code, message, hint })}\n` : `${paint('red', code, process.stderr)} ${message}\n${hint}\n`,
  );
  return USAGE_CODES.has(code) ? EXIT.usage : EXIT.failed;
}
