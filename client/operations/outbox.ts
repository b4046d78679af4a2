import {
  discardOutboxRow,
  listOutbox,
  outboxStats,
  retryOutboxRow,
  showOutbox,
  type AdminDb,
  type Discarded,
  type OutboxCommand,
  type OutboxDetails,
  type OutboxEntry,
  type OutboxFilter,
  type OutboxStats,
} from '../../adapters/admin-db/index.ts';
import { AltaError } from '../../contract/errors.ts';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const DEFAULT_LIMIT = 20;
/** Dead rows that one command retries at most. */
const RETRY_LIMIT = 1_000;

/** What operators do with the outbox (P-231, P-232). Each act is on record with who did it and why. */
export interface OutboxOperations {
  stats(): Promise<OutboxStats[]>;
  /** Newest first; 20 unless told otherwise. */
  list(filter?: Partial<OutboxFilter>): Promise<OutboxEntry[]>;
  show(id: string): Promise<OutboxDetails>;
  /** These rows, or all dead ones, of one code if named. Returns the ids that are due now. Stops at the first that is refused. */
  retry(which: { ids: readonly string[] } | { allFailed: true; code?: string }, command: OutboxCommand): Promise<string[]>;
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
      const ids =
        'ids' in which
          ? which.ids.map(idOf)
          : (await listOutbox(db, { state: 'failed', limit: RETRY_LIMIT, ...(which.code === undefined ? {} : { code: which.code }) })).map(
              ({ id }) => id,
            );
      for (const id of ids) await retryOutboxRow(db, id, checked);
      return ids;
    },
    discard: (id, command) => db.tx('admin-db.discard-outbox', (tx) => discardOutboxRow(tx, idOf(id), commandOf(command))),
  };
}

function idOf(id: string): string {
  if (!UUID.test(id)) throw new AltaError('INPUT_INVALID', 'id: write the id that `alta outbox list` shows');
  return id;
}

function commandOf({ actor, reason }: OutboxCommand): OutboxCommand {
  const command = { actor: actor.trim(), reason: reason.trim() };
  if (command.actor === '' || command.reason === '') throw new AltaError('INPUT_INVALID', 'actor, reason: say who decides, and why');
  return command;
}
