import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { z } from 'zod';
import { AltaError } from '../contract/errors.ts';
import { identify, isSameProcess } from './process-identity.ts';

const holderSchema = z.object({ pid: z.int().positive(), started: z.string(), at: z.string() });
export type LockHolder = z.infer<typeof holderSchema>;

export interface FileLock {
  release(): void;
}

function readHolder(path: string): { text: string; holder: LockHolder | undefined } | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
  try {
    return { text, holder: holderSchema.parse(JSON.parse(text)) };
  } catch {
    return { text, holder: undefined };
  }
}

/** The living process that holds this lock; undefined when nobody does. */
export function lockHolder(path: string): LockHolder | undefined {
  const holder = readHolder(path)?.holder;
  return holder !== undefined && isSameProcess(holder.pid, holder) ? holder : undefined;
}

/**
 * Takes a lock that is held as long as this process lives: a lock whose process is gone is taken over. Returns the holder
 * instead when a living process has it. The file is linked into place whole, so nobody ever reads half of it.
 */
export function takeLock(path: string): FileLock | LockHolder {
  mkdirSync(dirname(path), { recursive: true });
  const self = identify(process.pid);
  const mine = JSON.stringify({ pid: process.pid, started: self?.started ?? '', at: new Date().toISOString() } satisfies LockHolder);
  const draft = `${path}.${randomUUID()}`;
  writeFileSync(draft, mine, { mode: 0o600 });
  try {
    for (;;) {
      try {
        linkSync(draft, path);
        return { release: () => releaseLock(path, mine) };
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      }
      const found = readHolder(path);
      if (found === undefined) continue;
      if (found.holder !== undefined && isSameProcess(found.holder.pid, found.holder)) return found.holder;
      removeStale(path, found.text);
    }
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Removes a dead process' lock, unless somebody else took it over between our look and now. */
function removeStale(path: string, stale: string): void {
  const aside = `${path}.${randomUUID()}`;
  try {
    renameSync(path, aside);
    if (readFileSync(aside, 'utf8') !== stale) linkSync(aside, path);
  } catch {
    // Another start was quicker; the loop looks again.
  } finally {
    rmSync(aside, { force: true });
  }
}

export const isHolder = (lock: FileLock | LockHolder): lock is LockHolder => 'pid' in lock;

function releaseLock(path: string, mine: string): void {
  if (readHolder(path)?.text === mine) rmSync(path, { force: true });
}

/** CONFLICT: what a second start on the same data directory is told. */
export const alreadyRuns = ({ pid, at }: LockHolder): AltaError =>
  new AltaError('CONFLICT', `the local stack already runs, as process ${pid} since ${at}; stop it with Ctrl-C there, or \`kill ${pid}\``);
