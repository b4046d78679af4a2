/** The clock of this process; tests can move it (decision 13). Workflows have their own, leases use the database's. */
let read: () => number = Date.now;

export const now = (): Date => new Date(read());

/** Replaces the clock, or gives the real one back. For tests. */
export function setClock(next: (() => number) | undefined): void {
  read = next ?? Date.now;
}
