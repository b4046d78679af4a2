import { readdirSync, readFileSync } from 'node:fs';

/** Ticks of the kernel's clock a second, as Linux shows them to programs. */
const TICKS_A_SECOND = 100;

interface Usage {
  parent: number;
  ms: number;
}

function usageOf(pid: number): Usage | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { parent: Number(fields[1]), ms: ((Number(fields[11]) + Number(fields[12])) * 1_000) / TICKS_A_SECOND };
  } catch {
    return undefined;
  }
}

/** CPU time that each of the named processes used so far, ms, its children included (PostgreSQL has one for each connection); empty where there is no /proc. */
export function cpuOf(pids: Readonly<Record<string, number>>): Record<string, number> {
  if (process.platform !== 'linux') return {};
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      const usage = usageOf(Number(name));
      return usage === undefined ? [] : [{ pid: Number(name), ...usage }];
    });
  return Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => [
      name,
      all.filter((one) => one.pid === pid || (one.parent === pid && pid !== process.pid)).reduce((total, one) => total + one.ms, 0),
    ]),
  );
}

/** What was used between two looks. */
export const cpuBetween = (before: Record<string, number>, after: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(after).map(([name, value]) => [name, Math.max(0, value - (before[name] ?? 0))]));
