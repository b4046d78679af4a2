import pg from 'pg';
import { claimOutbox, completeOutbox, createAdminDb, type AdminDb } from '../../adapters/admin-db/index.ts';
import { OUTBOX_TARGETS } from '../../contract/outbox.ts';
import { median, p99 } from '../bench/statistics.ts';
import { onGround } from './ground.ts';

const ROWS = 1_000_000;
const CHUNK = 100_000;
/** Rows that each phase takes, by two relays, so many at once. */
const TAKEN = 20_000;
const BATCH = 50;

interface Phase {
  name: string;
  taken: number;
  rowsPerSecond: number;
  /** Of one claim of 50 rows, ms. */
  claimP50: number;
  claimP99: number;
}

export interface OutboxBurst {
  rows: number;
  phases: Phase[];
  /** Rows that two claims gave out. */
  twice: number;
}

/**
 * An outbox of 1,000,000 waiting rows, worked on by the claims and marks of two relays, alone and while another session keeps a snapshot
 * open for minutes, which keeps every dead row. A claim walks over the dead ones before it, some 0.2 ms for a thousand; marks do not.
 */
export const burstOfOutbox = (note: (text: string) => void, rows = ROWS): Promise<OutboxBurst> =>
  onGround(note, { services: [] }, async ({ stack, db }) => {
    note(`${String(rows)} rows`);
    for (let n = 0; n < rows; n += CHUNK) {
      await db.query({
        name: 'burst.fill-outbox',
        text: `insert into outbox (target, event_key, event_type, payload)
               select 'account', 'burst/' || n, 'account.updated', '{"type":"account.updated"}' from generate_series($1::int, $2::int) n`,
        values: [n + 1, Math.min(rows, n + CHUNK)],
      });
    }
    await db.pool.query('analyze outbox');
    const relays = [1, 2].map((n) =>
      createAdminDb(stack.adminDatabaseUrl, { role: 'relay', max: 10, applicationName: `burst-relay-${String(n)}` }),
    );
    const snapshot = new pg.Client({ connectionString: stack.adminDatabaseUrl });
    await snapshot.connect();
    const seen = new Set<string>();
    let twice = 0;
    const work = async (name: string): Promise<Phase> => {
      note(name);
      const claims: number[] = [];
      let taken = 0;
      const one = async (relay: AdminDb): Promise<void> => {
        while (taken < TAKEN) {
          const began = performance.now();
          const batch = await claimOutbox(relay, { targets: OUTBOX_TARGETS, limit: BATCH, leaseSeconds: 300, owner: 'burst', idle: true });
          claims.push(performance.now() - began);
          taken += batch.length;
          for (const { id } of batch) {
            if (seen.has(id)) twice += 1;
            seen.add(id);
          }
          await Promise.all(batch.map((row) => completeOutbox(relay, row)));
        }
      };
      const began = performance.now();
      await Promise.all(relays.map(one));
      const ms = performance.now() - began;
      return { name, taken, rowsPerSecond: (taken * 1_000) / ms, claimP50: median(claims), claimP99: p99(claims) };
    };
    try {
      const phases = [await work('no other session')];
      await snapshot.query('begin isolation level repeatable read');
      await snapshot.query('select count(*) from outbox');
      for (let n = 1; n <= 3; n += 1) phases.push(await work(`an open snapshot, ${String(n)} of 3`));
      await snapshot.query('commit');
      phases.push(await work('the snapshot is gone'));
      return { rows, phases, twice };
    } finally {
      await snapshot.end();
      await Promise.all(relays.map((relay) => relay.close()));
    }
  });
