import type { ClusterRouter } from '../cluster/index.ts';
import { openBucket } from '../cluster/index.ts';
import { effect } from '../effect.ts';
import { fileArchives } from './file.ts';
import type { ArchivePlace } from './place.ts';

export { archivePlaceSchema, type ArchivePlace } from './place.ts';
export { exportStore, type ExportedStore, type StoreToExport } from './export-store.ts';

/** A place for archives. Names are paths with slashes, without a leading one. */
export interface Archives {
  /** The address of what lies under a name, in the form of `ALTA_ARCHIVES`. */
  locationOf(name: string): string;
  write(name: string, bytes: Uint8Array): Promise<void>;
  read(name: string): Promise<Buffer>;
  /** Removes everything below a prefix; nothing there is fine. */
  discard(prefix: string): Promise<void>;
}

/**
 * Opens the place. Throws EXPORT_NOT_CONFIGURED for a bucket that everybody may read, CLUSTER_UNKNOWN and the codes of a cluster call;
 * its acts throw EXPORT_FAILED where the disk refuses, and the codes of a cluster call.
 */
export async function openArchives(place: ArchivePlace, clusters: Pick<ClusterRouter, 'get'>): Promise<Archives> {
  const archives = place.kind === 'file' ? fileArchives(place.dir) : await openBucket(await clusters.get(place.clusterId), place.bucket);
  return {
    locationOf: (name) => archives.locationOf(name),
    write: (name, bytes) => effect('archives.write', () => archives.write(name, bytes)),
    read: (name) => effect('archives.read', () => archives.read(name)),
    discard: (prefix) => effect('archives.discard', () => archives.discard(prefix)),
  };
}
