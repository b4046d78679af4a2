import { readdirSync, readFileSync } from 'node:fs';
import type { AdminDb } from '../../adapters/admin-db/index.ts';
import type { Point } from './slopes.ts';

/** What is measured of each process, and of the outbox. */
export const MEASURES = ['rss', 'fds', 'connections', 'outboxAge'] as const;
export type Measure = (typeof MEASURES)[number];

export interface Series {
  /** Which process; `outbox` for its age. */
  name: string;
  measure: Measure;
  points: Point[];
}

export interface Sampler {
  readonly series: readonly Series[];
  /** Looks that came to nothing. */
  readonly failed: () => number;
  stop(): Promise<void>;
}

export interface Watched {
  name: string;
  pid: number;
  /** Its name in PostgreSQL, which all processes of a kind share; undefined where it has no connections of its own. */
  applicationName?: string;
}

/** Resident memory, MiB. */
const rssOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1]) / 1_024;
const fdsOf = (pid: number): number => readdirSync(`/proc/${String(pid)}/fd`).length;

const STATE = {
  name: 'soak.state',
  text: `select (select coalesce(jsonb_object_agg(application_name, n), '{}') from (
             select application_name, count(*)::int as n from pg_stat_activity where datname = current_database() group by 1) a) as connections,
           (select coalesce(extract(epoch from max(now() - next_attempt_at)), 0)::float8 from outbox
             where status in ('pending', 'processing') and next_attempt_at <= now()) as "outboxAge"`,
};

/** Looks every so often until it is stopped. Needs Linux: /proc tells of memory and descriptors. */
export function startSampler(db: AdminDb, watched: readonly Watched[], everyMs: number): Sampler {
  const began = performance.now();
  const all = new Map<string, Series>();
  let failed = 0;
  const add = (at: number, name: string, measure: Measure, value: number): void => {
    const key = `${name} ${measure}`;
    const one = all.get(key) ?? { name, measure, points: [] };
    all.set(key, one);
    one.points.push({ at, value });
  };
  const look = async (): Promise<void> => {
    const at = (performance.now() - began) / 1_000;
    for (const { name, pid } of watched) {
      add(at, name, 'rss', rssOf(pid));
      add(at, name, 'fds', fdsOf(pid));
    }
    const [state] = await db.query<{ connections: Record<string, number>; outboxAge: number }>(STATE);
    for (const name of new Set(watched.flatMap(({ applicationName = [] }) => applicationName)))
      add(at, name, 'connections', state?.connections[name] ?? 0);
    add(at, 'outbox', 'outboxAge', state?.outboxAge ?? 0);
  };
  let looking: Promise<void> = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(look).catch(() => void (failed += 1));
  }, everyMs);
  return {
    get series() {
      return [...all.values()];
    },
    failed: () => failed,
    async stop() {
      clearInterval(timer);
      await looking;
    },
  };
}
