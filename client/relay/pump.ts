import { setTimeout as pause } from 'node:timers/promises';

export interface PumpOptions<Row> {
  /** Claims up to `limit` due rows; `idle` when nothing is under way, so that one which wants no company may be among them. */
  claim: (limit: number, idle: boolean) => Promise<Row[]>;
  /** Whether no other row may be under way beside this one. */
  alone: (row: Row) => boolean;
  /** Delivers and marks one row; never throws. False: the other side pushed back. */
  deliver: (row: Row) => Promise<boolean>;
  /** Rows under way at once. */
  capacity: number;
  /** Wait after work, and the longest wait while idle, ms. */
  busyMs: number;
  idleMs: number;
  /** Called when claiming failed, with how often in a row. */
  onClaimFailed: (error: unknown, times: number) => void;
}

export interface Pump {
  /** Claims and delivers until `stop`; resolves when everything under way has ended. */
  run(): Promise<void>;
  /** Ends `run`: no more claims. */
  stop(): Promise<void>;
  /** Claims one batch, delivers it and returns its size. */
  tick(): Promise<number>;
  /** Time since rows were last claimed, even if none were due, or one under way ended, ms; null while it does not run. */
  quietMs(): number | null;
}

/** Longest wait between claims while they fail, ms. */
const FAILED_MS = 5_000;

/**
 * Keeps a bounded number of rows under way: as one ends, another is claimed, so that a slow row never holds up the rest and no
 * row waits under a running lease. After pushback single rows are tried until one gets through. A row that wants no company is begun when
 * nothing else is under way, and nothing else is claimed until it has ended.
 */
export function createPump<Row>({ claim, alone, deliver, capacity, busyMs, idleMs, onClaimFailed }: PumpOptions<Row>): Pump {
  const underWay = new Set<Promise<void>>();
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  let probing = false;
  /** A row is under way that wants no company. */
  let closed = false;
  // By a clock that nobody sets.
  let lastRound = performance.now();
  let freed: () => void = () => undefined;

  const begin = (row: Row): void => {
    closed = alone(row);
    const delivery = deliver(row).then((through) => {
      closed = false;
      probing = !through;
      lastRound = performance.now();
      underWay.delete(delivery);
      freed();
    });
    underWay.add(delivery);
  };

  const room = (): number => (closed ? 0 : (probing ? 1 : capacity) - underWay.size);

  const take = async (): Promise<number> => {
    const free = room();
    if (free <= 0) return 0;
    const rows = await claim(free, underWay.size === 0);
    lastRound = performance.now();
    for (const row of rows) begin(row);
    return rows.length;
  };

  /** Waits so long, or until `stop`. */
  const rest = (ms: number): Promise<void> => pause(ms, undefined, { signal: stopping.signal }).catch(() => undefined);

  const loop = async (): Promise<void> => {
    let wait = busyMs;
    let failures = 0;
    while (!stopping.signal.aborted) {
      try {
        const taken = await take();
        failures = 0;
        wait = taken > 0 ? busyMs : Math.min(wait * 2, idleMs);
      } catch (error) {
        failures += 1;
        onClaimFailed(error, failures);
        wait = Math.min(idleMs * 2 ** Math.min(failures, 10), FAILED_MS);
      }
      if (room() <= 0) await Promise.race([new Promise<void>((resolve) => (freed = resolve)), rest(FAILED_MS)]);
      else await rest(wait);
    }
    await Promise.all(underWay);
  };

  return {
    quietMs: () => (running === undefined || stopping.signal.aborted ? null : performance.now() - lastRound),
    run() {
      lastRound = performance.now();
      return (running ??= loop());
    },
    async stop() {
      stopping.abort();
      await (running ?? Promise.all(underWay));
    },
    async tick() {
      const taken = await take();
      await Promise.all(underWay);
      return taken;
    },
  };
}
