import { closeSync, mkdirSync, openSync, readFileSync, renameSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

/** A log above this size is set aside at the next start, bytes. */
const LOG_LIMIT = 5 * 1024 * 1024;

export interface ChildLog {
  readonly path: string;
  readonly fd: number;
  open: boolean;
}

/** Opens a child's log for appending; it is readable by its owner alone. */
export function openLog(dataDir: string, name: string): ChildLog {
  const dir = join(dataDir, 'logs');
  mkdirSync(dir, { recursive: true });
  const path = join(dir, `${name}.log`);
  try {
    if (statSync(path).size > LOG_LIMIT) renameSync(path, `${path}.1`);
  } catch {
    // No log yet.
  }
  return { path, fd: openSync(path, 'a', 0o600), open: true };
}

export function appendLog(log: ChildLog, data: string | Buffer): void {
  if (log.open) writeSync(log.fd, typeof data === 'string' ? Buffer.from(data) : data);
}

export function closeLog(log: ChildLog): void {
  if (!log.open) return;
  log.open = false;
  closeSync(log.fd);
}

/** The end of a log, at most 15 lines, from byte `start` on. */
export function lastLines(path: string, start = 0): string {
  const text = readFileSync(path).subarray(start).toString('utf8').trimEnd();
  return text === '' ? '(it wrote nothing)' : text.split('\n').slice(-15).join('\n');
}

/** Copies a child's output to its log and hands over every line that is a JSON object. */
export function forEachJsonLine(output: Readable, log: ChildLog, take: (line: Record<string, unknown>) => void): void {
  let rest = '';
  output.setEncoding('utf8');
  output.on('data', (chunk: string) => {
    appendLog(log, chunk);
    const lines = (rest + chunk).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const value = parseObject(line);
      if (value !== undefined) take(value);
    }
  });
}

function parseObject(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
