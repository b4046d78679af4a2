import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { identify, isSameProcess } from './process-identity.ts';
import { pause, waitUntil } from './wait.ts';

/**
 * Records of the running children: one file each in `<data dir>/run`, written at once after the start and removed at the end.
 * What is left there after a `kill -9` of the parent names exactly the processes to end.
 */
const recordSchema = z.object({
  name: z.string(),
  pid: z.int().positive(),
  started: z.string(),
  /** Part of the command line that shows the process is ours. */
  marker: z.string().min(1),
  stopSignal: z.enum(['SIGTERM', 'SIGINT']),
});
export type ProcessRecord = z.infer<typeof recordSchema>;

const runDir = (dataDir: string): string => join(dataDir, 'run');
const fileOf = (dataDir: string, record: ProcessRecord): string => join(runDir(dataDir), `${record.name}-${record.pid}.json`);

/** Records a child that was just started; returns nothing when it is gone already. */
export function recordProcess(dataDir: string, child: Omit<ProcessRecord, 'started'>): ProcessRecord | undefined {
  const identity = identify(child.pid);
  if (identity === undefined) return undefined;
  const record = { ...child, started: identity.started };
  mkdirSync(runDir(dataDir), { recursive: true });
  writeFileSync(fileOf(dataDir, record), JSON.stringify(record), { mode: 0o600 });
  return record;
}

export function forgetProcess(dataDir: string, record: ProcessRecord): void {
  rmSync(fileOf(dataDir, record), { force: true });
}

const isOurs = (record: ProcessRecord): boolean => {
  const now = identify(record.pid);
  return now !== undefined && now.started === record.started && now.command.includes(record.marker);
};

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    // Every child leads a process group of its own.
    process.kill(-pid, signal);
  } catch {
    // Gone meanwhile.
  }
}

function readRecords(dataDir: string): ProcessRecord[] {
  let files: string[];
  try {
    files = readdirSync(runDir(dataDir)).filter((file) => file.endsWith('.json'));
  } catch {
    return [];
  }
  return files.flatMap((file) => {
    const path = join(runDir(dataDir), file);
    try {
      return [recordSchema.parse(JSON.parse(readFileSync(path, 'utf8')))];
    } catch {
      // Cut off by the kill that made the orphan; there is no process id in it to act on.
      rmSync(path, { force: true });
      return [];
    }
  });
}

/**
 * Ends the children that an earlier, killed parent left behind, and returns their names. A process is touched only when its
 * id, its start time and its command line are those that were recorded. Call it only while holding the stack's lock.
 */
export async function cleanOrphans(dataDir: string, graceMs = 8_000): Promise<string[]> {
  const records = readRecords(dataDir);
  const orphans = records.filter(isOurs);
  for (const orphan of orphans) signalGroup(orphan.pid, orphan.stopSignal);
  // By start time alone: a process that is ending has no command line any more, and is not gone yet.
  const remains = (orphan: ProcessRecord): boolean => isSameProcess(orphan.pid, orphan);
  const deadline = performance.now() + graceMs;
  while (orphans.some(remains) && performance.now() < deadline) await pause(25);
  for (const orphan of orphans.filter(remains)) signalGroup(orphan.pid, 'SIGKILL');
  await waitUntil('processes of an earlier start to end', () => !orphans.some(remains), { timeoutMs: 10_000, everyMs: 25 });
  for (const record of records) forgetProcess(dataDir, record);
  return orphans.map((orphan) => orphan.name);
}
