import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { LedgerEntry, LedgerFact, Tables } from './types.ts';

interface Line {
  kind: string;
  key: string;
  value: unknown;
}

/** The simulator's memory: values by kind and key, and a ledger that only grows. */
export interface Store {
  get<K extends keyof Tables>(kind: K, key: string): Tables[K] | undefined;
  all<K extends keyof Tables>(kind: K): Tables[K][];
  put<K extends keyof Tables>(kind: K, key: string, value: Tables[K]): void;
  record(fact: LedgerFact): LedgerEntry;
  ledger(after?: number): LedgerEntry[];
  /** A number that no earlier run handed out either. */
  nextId(): number;
  /** Writes nothing more. */
  close(): void;
}

/** A line that a killed process left unfinished is skipped. */
function readLines(file: string): Line[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return [JSON.parse(text) as Line];
      } catch {
        return [];
      }
    });
}

/**
 * Opens a store. With a file, every change is one appended line, written before the answer that tells of it goes out, so that even
 * a killed simulator knows its payments at the next start; opening writes the file anew without outdated lines.
 */
export function openStore(file?: string): Store {
  const values = new Map<string, Map<string, object>>();
  const ledger: LedgerEntry[] = [];
  let lastId = 0;
  const kindOf = (kind: string): Map<string, object> => {
    const known = values.get(kind) ?? new Map<string, object>();
    values.set(kind, known);
    return known;
  };
  const line = (kind: string, key: string, value: unknown): string => `${JSON.stringify({ kind, key, value })}\n`;

  if (file !== undefined) {
    mkdirSync(dirname(file), { recursive: true });
    for (const { kind, key, value } of existsSync(file) ? readLines(file) : []) {
      if (kind === 'ledger') ledger.push(value as LedgerEntry);
      else kindOf(kind).set(key, value as object);
    }
    const lines = [...values].flatMap(([kind, entries]) => [...entries].map(([key, value]) => line(kind, key, value)));
    const entries = ledger.map((entry) => line('ledger', String(entry.seq), entry));
    writeFileSync(`${file}.new`, [...lines, ...entries].join(''), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  }
  let open = true;
  const append = (kind: string, key: string, value: unknown): void => {
    if (file !== undefined && open) appendFileSync(file, line(kind, key, value));
  };

  return {
    get: <K extends keyof Tables>(kind: K, key: string) => kindOf(kind).get(key) as Tables[K] | undefined,
    all: <K extends keyof Tables>(kind: K) => [...kindOf(kind).values()] as Tables[K][],
    put(kind, key, value) {
      kindOf(kind).set(key, value);
      append(kind, key, value);
    },
    record(fact) {
      const entry = { seq: (ledger.at(-1)?.seq ?? 0) + 1, at: new Date().toISOString(), ...fact };
      ledger.push(entry);
      append('ledger', String(entry.seq), entry);
      return entry;
    },
    ledger: (after = 0) => ledger.filter((entry) => entry.seq > after),
    nextId() {
      lastId = Math.max(lastId + 1, Date.now());
      return lastId;
    },
    close() {
      open = false;
    },
  };
}
