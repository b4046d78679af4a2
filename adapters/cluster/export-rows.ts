import { z } from 'zod';
import { effect } from '../effect.ts';
import { clientIdOf } from '../ids.ts';
import { ASSET_BUCKET } from './assets.ts';
import { rpc } from './call.ts';
import { listObjects, readObject } from './objects.ts';
import type { Cluster } from './router.ts';

/** Rows in one answer of a cluster. */
const PAGE_ROWS = 500;

const tablesForm = z.object({ tables: z.array(z.string()), unplaced: z.array(z.string()) });
const pageForm = z.object({ rows: z.array(z.record(z.string(), z.unknown())), next: z.array(z.string()).nullable() });

export type ExportedRow = Record<string, unknown>;

/** Tables of a cluster whose rows belong to stores, and those whose rows belong to none. Throws the codes of a cluster call. */
export const storeTables = (cluster: Cluster): Promise<{ tables: string[]; unplaced: string[] }> =>
  effect('cluster.export-tables', () => rpc(cluster, 'export-store', 'alta_export_tables', {}, tablesForm));

/**
 * Every row of one table that belongs to an account's store, page by page in the order of its key, without secrets: the cluster leaves
 * them out. `onPage` hears of each page. Throws the codes of a cluster call.
 */
export async function readStoreTable(cluster: Cluster, accountId: string, table: string, onPage: () => void): Promise<ExportedRow[]> {
  const rows: ExportedRow[] = [];
  let after: string[] | null = null;
  do {
    const argument: object = { account_id: accountId, client_id: clientIdOf(accountId), table, after, limit: PAGE_ROWS };
    const page: z.output<typeof pageForm> = await effect('cluster.export-rows', () =>
      rpc(cluster, 'export-store', 'alta_export_rows', argument, pageForm),
    );
    rows.push(...page.rows);
    after = page.next;
    onPage();
  } while (after !== null);
  return rows;
}

/** Names of all objects below a store's prefix. Throws the codes of a cluster call. */
export const storeObjects = (cluster: Cluster, accountId: string): Promise<string[]> =>
  effect('cluster.list-objects', () => listObjects(cluster, 'export-store', ASSET_BUCKET, clientIdOf(accountId)));

/** The bytes of one of them. Throws the codes of a cluster call. */
export const readStoreObject = (cluster: Cluster, path: string): Promise<Buffer> =>
  effect('cluster.download-object', () => readObject(cluster, 'export-store', ASSET_BUCKET, path));
