import { Context } from '@temporalio/activity';
import { isNewDeletion, loadSnapshot, recordArchive } from '../adapters/admin-db/index.ts';
import { exportStore, openArchives } from '../adapters/archives/index.ts';
import { AltaError } from '../contract/errors.ts';
import type { ActivityDeps } from './deps.ts';

/**
 * `export-store`: keeps a store before it is deleted, and records where. Answers the location; null where the deletion would do nothing
 * (it is done already, or the account's state does not allow it).
 *
 * Throws EXPORT_NOT_CONFIGURED without `ALTA_ARCHIVES`, EXPORT_FAILED, ACCOUNT_NOT_FOUND, CLUSTER_UNKNOWN and the codes of a cluster call.
 */
export function exportStoreStep({ db, clusters, config }: ActivityDeps) {
  return async ({ accountId, commandId }: { accountId: string; commandId: string }): Promise<string | null> => {
    if (!(await isNewDeletion(db, accountId, commandId))) return null;
    const place = config.ALTA_ARCHIVES;
    if (place === undefined) throw new AltaError('EXPORT_NOT_CONFIGURED', 'ALTA_ARCHIVES does not say where archives of stores go');
    const { backendClusterId, slug, version } = await loadSnapshot(db, accountId);
    if (backendClusterId === null) throw new AltaError('CLUSTER_UNKNOWN', `account ${accountId} has no cluster`);
    const archives = await openArchives(place, clusters);
    const context = Context.current();
    const madeAt = new Date(context.info.scheduledTimestampMs).toISOString();
    // Each attempt has a place of its own: one that was given up and wakes late neither writes over nor removes what another made.
    const prefix = `${accountId}/${madeAt.replace(/[^0-9TZ]/g, '')}-${commandId}-${String(context.info.attempt)}`;
    const store = { accountId, slug, version, commandId, madeAt };
    const beat = (done: string): void => context.heartbeat(done);
    const exported = await exportStore(await clusters.get(backendClusterId), archives, prefix, store, beat);
    await recordArchive(db, { accountId, commandId, ...exported });
    return exported.location;
  };
}
