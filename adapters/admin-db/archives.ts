import { ACCOUNT_MACHINE, isStoreState } from '../../contract/account-machine.ts';
import { AltaError } from '../../contract/errors.ts';
import type { Tx } from './db.ts';
import { noAccount } from './accounts.ts';

/** What was kept of a store before it was deleted. */
export interface StoreArchive {
  accountId: string;
  /** The command that it was made for. */
  commandId: string;
  location: string;
  /** Of the document, hex. */
  sha256: string;
  /** Document and objects. */
  bytes: number;
  /** Rows by table, and `objects`. */
  counts: Record<string, number>;
}
export type StoreArchiveRow = StoreArchive & { madeAt: string };

/** How long an archive serves the command that it was made for: what a store sells afterwards would not be in it. */
const FRESH = '1 hour';

/**
 * Whether a deletion of this id would do something: false where it is done already, or the account's state does not allow it, which the
 * command itself then says. Throws ACCOUNT_NOT_FOUND.
 */
export async function isNewDeletion(db: Tx, accountId: string, commandId: string): Promise<boolean> {
  const [row] = await db.query<{ status: string; known: boolean }>({
    name: 'admin-db.is-new-deletion',
    text: 'select status, exists (select 1 from account_commands where id = $2) as known from nv_accounts where id = $1',
    values: [accountId, commandId],
  });
  if (row === undefined) throw noAccount(accountId);
  return !row.known && isStoreState(row.status) && ACCOUNT_MACHINE.delete[row.status] !== undefined;
}

/** Records an archive that was read back; an insert that is repeated changes nothing. */
export async function recordArchive(db: Tx, archive: StoreArchive): Promise<void> {
  await db.query({
    name: 'admin-db.record-archive',
    text: `insert into store_archives (account_id, for_command, location, sha256, bytes, counts) values ($1, $2, $3, $4, $5, $6)
           on conflict (location) do nothing`,
    values: [archive.accountId, archive.commandId, archive.location, archive.sha256, archive.bytes, JSON.stringify(archive.counts)],
  });
}

/** Archives of an account, newest first. */
export const listArchives = (db: Tx, accountId: string): Promise<StoreArchiveRow[]> =>
  db.query<StoreArchiveRow>({
    name: 'admin-db.list-archives',
    text: `select account_id as "accountId", for_command as "commandId", location, sha256, bytes, counts, made_at as "madeAt"
           from store_archives where account_id = $1 order by made_at desc limit 50`,
    values: [accountId],
  });

/** Where the archive lies that was just made for a deletion. Throws EXPORT_FAILED when there is none: then nothing is deleted. */
export async function archiveForDeletion(tx: Tx, accountId: string, commandId: string): Promise<string> {
  const [row] = await tx.query<{ location: string }>({
    name: 'admin-db.archive-for-deletion',
    text: `select location from store_archives where account_id = $1 and for_command = $2 and made_at > now() - interval '${FRESH}'
           order by made_at desc limit 1`,
    values: [accountId, commandId],
  });
  if (row === undefined) throw new AltaError('EXPORT_FAILED', `delete: no archive of the store was made for command ${commandId}`);
  return row.location;
}
