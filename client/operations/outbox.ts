import {
  discardOutboxRow,
  listOutbox,
  outboxHealth,
  outboxStats,
  pauseTarget,
  resumeTarget,
  retryOutboxRow,
  showOutbox,
  type AdminDb,
  type Discarded,
  type OutboxCommand,
  type OutboxDetails,
  type OutboxEntry,
  type OutboxFilter,
  type OutboxHealth,
  type OutboxStats,
} from '../../adapters/admin-db/index.ts';
import type { OutboxTarget } from '../../contract/outbox.ts';
import { AltaError } from '../../contract/errors.ts';
import { isUuid } from '../../contract/ids.ts';

const DEFAULT_LIMIT = 20;
/** Dead rows that one command retries at most. */
const RETRY_LIMIT = 1_000;

export type RetryFilter = Pick<Partial<OutboxFilter>, 'code' | 'target' | 'eventType' | 'accountId'>;

/** What operators do with the outbox (P-231, P-232). Each act is on record with who did it and why. */
export interface OutboxOperations {
  stats(): Promise<OutboxStats[]>;
  /** Newest first; 20 unless told otherwise. */
  list(filter?: Partial<OutboxFilter>): Promise<OutboxEntry[]>;
  show(id: string): Promise<OutboxDetails>;
  /**
   * These rows, or all dead ones that the filter leaves, oldest first. Returns the ids that are due now. Stops at the first that is
   * refused. A row whose account has changed since changes nothing when it is delivered at last (law 4).
   */
  retry(which: { ids: readonly string[] } | ({ allFailed: true } & RetryFilter), command: OutboxCommand): Promise<string[]>;
  /** Counts, paused targets, what was delivered lately, and what died of what (P-231). */
  health(): Promise<OutboxHealth>;
  /** Stops and resumes the delivery to one target (P-234). */
  pause(target: OutboxTarget, command: OutboxCommand): Promise<void>;
  resume(target: OutboxTarget, command: OutboxCommand): Promise<void>;
  /** Tells of the question about money that now waits for `alta refunds decide`, if the row was to start one. */
  discard(id: string, command: OutboxCommand): Promise<Discarded>;
}

/** Errors: INPUT_INVALID, NOT_FOUND, RESOLVE_REFUSED. */
export function outboxOperations(db: AdminDb): OutboxOperations {
  return {
    stats: () => outboxStats(db),
    list: (filter = {}) => listOutbox(db, { limit: DEFAULT_LIMIT, ...filter }),
    show: (id) => showOutbox(db, idOf(id)),
    async retry(which, command) {
      const checked = commandOf(command);
      const ids = 'ids' in which ? which.ids.map(idOf) : await deadRows(db, which);
      for (const id of ids) await retryOutboxRow(db, id, checked);
      return ids;
    },
    health: () => outboxHealth(db),
    pause: (target, command) => pauseTarget(db, target, commandOf(command)),
    resume: (target, command) => resumeTarget(db, target, commandOf(command)),
    discard: (id, command) => db.tx('admin-db.discard-outbox', (tx) => discardOutboxRow(tx, idOf(id), commandOf(command))),
  };
}

/** Oldest first: they come again in the order in which they happened. */
async function deadRows(db: AdminDb, { allFailed: _, ...filter }: { allFailed: true } & RetryFilter): Promise<string[]> {
  const rows = await listOutbox(db, { ...filter, state: 'failed', limit: RETRY_LIMIT });
  return rows.map(({ id }) => id).reverse();
}

function idOf(id: string): string {
  if (!isUuid(id)) throw new AltaError('INPUT_INVALID', 'id: write the id that `alta outbox list` shows');
  return id;
}

function commandOf({ actor, reason }: OutboxCommand): OutboxCommand {
  const command = { actor: actor.trim(), reason: reason.trim() };
  if (command.actor === '' || command.reason === '') throw new AltaError('INPUT_INVALID', 'actor, reason: say who decides, and why');
  return command;
}
