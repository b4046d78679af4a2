import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** What tells one process from a later one with the same id. */
export interface ProcessIdentity {
  /** Start time of the process, in the system's own notation; exact on Linux, to the second elsewhere. */
  started: string;
  /** Command line, arguments separated by blanks. */
  command: string;
}

/** The process that has this id now; undefined when there is none, or only its remains (a zombie). */
export function identify(pid: number): ProcessIdentity | undefined {
  return process.platform === 'linux' ? identifyOnLinux(pid) : identifyByPs(pid);
}

/** State, parent and start time of a process, from the kernel. */
function linuxStat(pid: number): { state: string; parent: number; started: string } | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in parentheses may hold anything, so fields are counted from its end: state is the first, start time the 20th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: fields[0] ?? '', parent: Number(fields[1]), started: fields[19] ?? '' };
  } catch {
    return undefined;
  }
}

function identifyOnLinux(pid: number): ProcessIdentity | undefined {
  const stat = linuxStat(pid);
  if (stat === undefined || stat.state === 'Z' || stat.state === 'X') return undefined;
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
    return { started: `${boot}/${stat.started}`, command };
  } catch {
    return undefined;
  }
}

function identifyByPs(pid: number): ProcessIdentity | undefined {
  const run = spawnSync('ps', ['-p', String(pid), '-o', 'state=', '-o', 'lstart=', '-o', 'command='], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
  });
  // "S   Mon Nov 23 10:00:00 2026     node worker/main.ts"
  const match = /^(\S+)\s+(\S+\s+\S+\s+\d+\s+[\d:]+\s+\d{4})\s+(.*)$/s.exec(run.stdout.trim());
  if (run.status !== 0 || match === null || match[1]?.startsWith('Z')) return undefined;
  return { started: match[2] ?? '', command: (match[3] ?? '').trim() };
}

/** True when the process with this id is still the very one that was recorded. */
export function isSameProcess(pid: number, recorded: Pick<ProcessIdentity, 'started'>): boolean {
  return identify(pid)?.started === recorded.started;
}

/** The parent of a process; undefined when the process is gone. */
export function parentOf(pid: number): number | undefined {
  if (process.platform === 'linux') return linuxStat(pid)?.parent;
  const run = spawnSync('ps', ['-p', String(pid), '-o', 'ppid='], { encoding: 'utf8' });
  const parent = Number(run.stdout.trim());
  return run.status === 0 && parent > 0 ? parent : undefined;
}
