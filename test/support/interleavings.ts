import { setImmediate as turn } from 'node:timers/promises';
import pg from 'pg';
import { createAdminDb, type AdminDb, type Tx } from '../../adapters/admin-db/index.ts';
import { openFreshDb } from './postgres.ts';

/** Ends the transaction that the steps before it share. */
export const COMMIT = Symbol('commit');
/** A step of one connection: run in its open transaction, or, with `alone`, as the adapter runs it outside of one. */
export type Step = typeof COMMIT | ((tx: Tx) => Promise<unknown>) | { alone: (db: AdminDb) => Promise<unknown> };

export interface Outcome {
  /** What the steps gave back, in order; a failure is its code. */
  results: unknown[];
  /** Indices of the steps that had to wait for a lock. */
  waited: number[];
}

/** Every order in which steps of several connections can come: for counts [2, 1] that is 001, 010 and 100. */
export function orders(counts: readonly number[]): number[][] {
  if (counts.every((count) => count === 0)) return [[]];
  return counts.flatMap((count, who) =>
    count === 0 ? [] : orders(counts.map((left, other) => (other === who ? left - 1 : left))).map((rest) => [who, ...rest]),
  );
}

/** Where step `index` of a connection stands in an order. */
export function placeOf(order: readonly number[], who: number, index: number): number {
  let seen = -1;
  return order.findIndex((one) => one === who && (seen += 1) === index);
}

/** An adapter's transaction that stays open between steps. */
interface Open {
  tx: Tx;
  /** Commits; with a failure it rolls back, as an error that leaves the transaction's function does. */
  end: (failure?: Error) => Promise<unknown>;
}

function open(db: AdminDb): Promise<Open> {
  return new Promise((resolve, reject) => {
    const whole = db.tx(
      'test.interleaved',
      (tx) =>
        new Promise<void>((commit, rollBack) => {
          const end = (failure?: Error): Promise<unknown> => {
            if (failure === undefined) commit();
            else rollBack(failure);
            return failure === undefined ? whole : whole.catch(() => undefined);
          };
          resolve({ tx, end });
        }),
    );
    whole.catch(reject);
  });
}

const codeOf = (error: unknown): string => (error as { code?: string }).code ?? String(error);

/** One connection; its steps run one after another, the next when the last one has its lock. */
class Connection {
  readonly db: AdminDb;
  pid = 0;
  #open: Open | undefined;
  #failure: Error | undefined;
  #last: Promise<void> = Promise.resolve();
  #pending = 0;
  #begun = 0;
  readonly outcome: Outcome = { results: [], waited: [] };

  constructor(url: string) {
    this.db = createAdminDb(url, { max: 1, lockTimeoutMs: 30_000, statementTimeoutMs: 60_000 });
  }

  get settled(): boolean {
    return this.#pending === 0;
  }

  /** Forgets what the last order led to. */
  async begin(): Promise<void> {
    Object.assign(this.outcome, { results: [], waited: [] });
    this.#begun = 0;
    // The pool may have replaced its connection.
    this.pid = (await this.db.pool.query<{ pid: number }>('select pg_backend_pid() as pid')).rows[0]!.pid;
  }

  /** The step that is under way. */
  get current(): number {
    return this.#begun - 1;
  }

  start(step: Step): void {
    this.#pending += 1;
    this.#last = this.#last.then(async () => {
      this.#begun += 1;
      try {
        this.outcome.results.push(await this.#act(step));
      } catch (error) {
        this.outcome.results.push(codeOf(error));
      }
      this.#pending -= 1;
    });
  }

  async #act(step: Step): Promise<unknown> {
    if (step === COMMIT) {
      const [ending, failure] = [this.#open, this.#failure];
      this.#open = this.#failure = undefined;
      await ending?.end(failure);
      return failure === undefined ? 'committed' : 'rolled back';
    }
    if (this.#failure !== undefined) return 'left out';
    if (typeof step === 'object') return step.alone(this.db);
    this.#open ??= await open(this.db);
    try {
      return await step(this.#open.tx);
    } catch (error) {
      this.#failure = error instanceof Error ? error : new Error(String(error));
      throw error;
    }
  }
}

export interface Stage {
  /**
   * Lets the steps happen in this order on connections of their own: the next one starts when each that is under way has ended or waits
   * for a lock, as PostgreSQL itself says. A connection that waits has its next steps when it goes on. Every script ends with COMMIT.
   */
  play(order: readonly number[], scripts: readonly (readonly Step[])[]): Promise<Outcome[]>;
  close(): Promise<void>;
}

/** Opens `size` connections to a database, and one that watches them. */
export async function openStage(url: string, size: number): Promise<Stage> {
  const pool = Array.from({ length: size }, () => new Connection(url));
  const watch = new pg.Client({ connectionString: url });
  await watch.connect();

  const quiet = async (all: Connection[]): Promise<void> => {
    for (;;) {
      const busy = all.filter(({ settled }) => !settled);
      if (busy.length === 0) return;
      const { rows } = await watch.query<{ pid: number }>(
        `select pid from unnest($1::int[]) as pid where cardinality(pg_blocking_pids(pid)) > 0`,
        [busy.map(({ pid }) => pid)],
      );
      if (rows.length === busy.length) {
        for (const { outcome, current } of busy) if (!outcome.waited.includes(current)) outcome.waited.push(current);
        return;
      }
      await turn();
    }
  };

  return {
    async play(order, scripts) {
      const all = scripts.map((_, who) => pool[who]!);
      for (const one of all) await one.begin();
      const next = scripts.map(() => 0);
      for (const who of order) {
        all[who]!.start(scripts[who]![next[who]!++]!);
        await quiet(all);
      }
      const left = all.filter(({ settled }) => !settled);
      if (left.length > 0) throw new Error(`order ${order.join('')}: connections ${left.map(({ pid }) => pid).join(', ')} wait for ever`);
      return all.map(({ outcome }) => ({ results: [...outcome.results], waited: [...outcome.waited] }));
    },
    async close() {
      for (const { db } of pool) await db.close();
      await watch.end();
    },
  };
}

/** Plays every order of the scripts that `prepare` makes for it, and gives each to `check`; an order that fails is named. */
export async function everyOrder<T>(
  stage: Stage,
  counts: readonly number[],
  prepare: () => Promise<{ scripts: readonly (readonly Step[])[]; on: T }>,
  check: (order: readonly number[], outcomes: Outcome[], on: T) => Promise<void>,
): Promise<number> {
  const all = orders(counts);
  for (const order of all) {
    const { scripts, on } = await prepare();
    const outcomes = await stage.play(order, scripts);
    try {
      await check(order, outcomes, on);
    } catch (error) {
      throw new Error(`order ${order.join('')}, outcomes ${JSON.stringify(outcomes)}`, { cause: error });
    }
  }
  return all.length;
}

/** A fresh Admin DB and so many connections to it, in the way that each test of its races needs them. */
export async function openAdminStage(connections: number): Promise<{ db: AdminDb; stage: Stage; close(): Promise<void> }> {
  const { db, url, close } = await openFreshDb();
  const stage = await openStage(url, connections);
  return {
    db,
    stage,
    async close() {
      await stage.close();
      await close();
    },
  };
}
