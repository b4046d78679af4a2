import { createHash } from 'node:crypto';
import { AltaError } from '../../contract/errors.ts';
import { readStoreObject, readStoreTable, storeObjects, storeTables, type Cluster, type ExportedRow } from '../cluster/index.ts';
import type { Archives } from './index.ts';

/** Form of the document; raised when a reader would have to read it otherwise. */
const FORMAT = 1;

export interface StoreToExport {
  accountId: string;
  slug: string;
  /** Version of the account. */
  version: number;
  /** The command that asked for it. */
  commandId: string;
  /** ISO. */
  madeAt: string;
}

export interface ExportedStore {
  location: string;
  /** Of the document, hex; it holds those of the objects. */
  sha256: string;
  /** Document and objects. */
  bytes: number;
  /** Rows by table, and `objects`. */
  counts: Record<string, number>;
}

interface KeptObject {
  path: string;
  bytes: number;
  sha256: string;
  /** Where its bytes lie, beside the document. */
  file: string;
}

const hash = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Writes a store as it is below `prefix`: `store.json` with every row, the objects of its storage beside it as `objects/<sha256>`. The
 * document is written last, then all of it is read back and compared, so that what is told to be there is. Nothing is left of an export
 * that fails. It holds no credential: the cluster leaves them out, and passwords of the auth users are not read.
 *
 * Throws EXPORT_FAILED when the cluster has no such store, or another thing is read than was written, and what the two sides throw.
 */
export async function exportStore(
  cluster: Cluster,
  archives: Archives,
  prefix: string,
  store: StoreToExport,
  heartbeat: (done: string) => void,
): Promise<ExportedStore> {
  try {
    const { tables, unplaced } = await storeTables(cluster);
    const rows: Record<string, ExportedRow[]> = {};
    for (const table of tables) rows[table] = await readStoreTable(cluster, store.accountId, table, () => heartbeat(table));
    if ((rows['clients'] ?? []).length === 0)
      throw new AltaError('EXPORT_FAILED', `cluster ${cluster.clusterId} has no store of account ${store.accountId}`);
    const objects = await copyObjects(cluster, archives, prefix, store.accountId, heartbeat);
    const counts = { ...Object.fromEntries(tables.map((table) => [table, rows[table]!.length])), objects: objects.length };
    const manifest = { format: FORMAT, ...store, clusterId: cluster.clusterId, counts, notExported: unplaced };
    const document = Buffer.from(JSON.stringify({ ...manifest, objects, tables: rows }));
    const name = `${prefix}/store.json`;
    await archives.write(name, document);
    heartbeat('written');
    for (const { file, sha256 } of [{ file: 'store.json', sha256: hash(document) }, ...objects]) {
      if (hash(await archives.read(`${prefix}/${file}`)) !== sha256)
        throw new AltaError('EXPORT_FAILED', `${prefix}/${file} does not read back as it was written`);
      heartbeat('read back');
    }
    const bytes = objects.reduce((sum, object) => sum + object.bytes, document.byteLength);
    return { location: archives.locationOf(name), sha256: hash(document), bytes, counts };
  } catch (error) {
    // What is left lies where nothing names it; that it could not be removed is not what failed.
    await archives.discard(prefix).catch(() => undefined);
    throw error;
  }
}

async function copyObjects(
  cluster: Cluster,
  archives: Archives,
  prefix: string,
  accountId: string,
  heartbeat: (done: string) => void,
): Promise<KeptObject[]> {
  const kept: KeptObject[] = [];
  for (const path of await storeObjects(cluster, accountId)) {
    const bytes = await readStoreObject(cluster, path);
    const sha256 = hash(bytes);
    const file = `objects/${sha256}`;
    await archives.write(`${prefix}/${file}`, bytes);
    kept.push({ path, bytes: bytes.byteLength, sha256, file });
    heartbeat(path);
  }
  return kept;
}
